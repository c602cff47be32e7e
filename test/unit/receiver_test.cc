// What Receiver::Start() refuses before it comes to zcrx, so on every kernel. The receive loop is
// tested in test/hw/nodev_receiver_test.cc.
#include "support/zcrx/receiver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "fixtures/result_matchers.h"

namespace zcrx {
namespace {

using ::testing::HasSubstr;

TEST(ReceiverStart, SaysThatThePortIsTaken) {
  ASSERT_OK_AND_ASSIGN(const SocketAddress any, SocketAddress::Parse("127.0.0.1", 0));
  const UniqueFd other(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(other.Get(), any.Get(), any.Length()), 0);
  ASSERT_EQ(listen(other.Get(), 1), 0);
  ASSERT_OK_AND_ASSIGN(const SocketAddress taken, SocketAddress::OfSocket(other.Get()));
  const auto receiver = Receiver::Start({.ifq = {}, .listen = taken});
  ASSERT_FALSE(receiver.has_value());
  EXPECT_EQ(receiver.error().Text(),
            "listen on " + taken.Text() + ": Address already in use (EADDRINUSE)");
}

TEST(ReceiverStart, SaysThatTheAddressIsNotOurs) {
  const auto receiver =
      Receiver::Start({.ifq = {}, .listen = *SocketAddress::Parse("203.0.113.200", 0)});
  ASSERT_FALSE(receiver.has_value());
  EXPECT_EQ(receiver.error().code, EADDRNOTAVAIL);
  EXPECT_THAT(receiver.error().detail, HasSubstr("does not have the address"));
}

}  // namespace
}  // namespace zcrx
