#include "support/net/socket_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "fixtures/result_matchers.h"
#include "support/base/unique_fd.h"

namespace zcrx {
namespace {

using ::testing::HasSubstr;

TEST(SocketAddress, ReadsBothFamiliesAndWritesThemBack) {
  const auto v4 = SocketAddress::Parse("192.0.2.1", 80);
  ASSERT_TRUE(v4.has_value());
  EXPECT_EQ(v4->Family(), AF_INET);
  EXPECT_EQ(v4->Text(), "192.0.2.1:80");
  EXPECT_EQ(v4->Length(), sizeof(sockaddr_in));
  const auto v6 = SocketAddress::Parse("2001:DB8:0::1", 65535);
  ASSERT_TRUE(v6.has_value());
  EXPECT_EQ(v6->Family(), AF_INET6);
  EXPECT_EQ(v6->Text(), "[2001:db8::1]:65535");
  EXPECT_EQ(v6->Length(), sizeof(sockaddr_in6));
}

TEST(SocketAddress, KeepsTheScope) {
  EXPECT_EQ(SocketAddress::Parse("fe80::1%7", 1)->Address(), "fe80::1%7");
  EXPECT_EQ(SocketAddress::Parse("fe80::1%lo", 1)->Address(), "fe80::1%1");
}

TEST(SocketAddress, RefusesWhatIsNoAddress) {
  for (const char* text : {"", "localhost", "192.0.2", "192.0.2.1:80", "[::1]", "1.2.3.4.5",
                           "192.0.2.1%lo", "::g", " ::1"}) {
    const auto address = SocketAddress::Parse(text, 1);
    ASSERT_FALSE(address.has_value()) << text;
    EXPECT_THAT(address.error().Text(), HasSubstr("not an IPv4 or IPv6 address")) << text;
  }
  for (const char* text : {"fe80::1%", "fe80::1%0", "fe80::1%nosuchnic", "fe80::1%-1"}) {
    const auto address = SocketAddress::Parse(text, 1);
    ASSERT_FALSE(address.has_value()) << text;
    EXPECT_EQ(address.error().code, ENODEV) << text;
  }
}

TEST(SocketAddress, TellsThePortTheKernelChose) {
  ASSERT_OK_AND_ASSIGN(const SocketAddress any, SocketAddress::Parse("::1", 0));
  const UniqueFd fd(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(fd.Get(), any.Get(), any.Length()), 0);
  const auto bound = SocketAddress::OfSocket(fd.Get());
  ASSERT_TRUE(bound.has_value());
  EXPECT_EQ(bound->Address(), "::1");
  EXPECT_NE(bound->Port(), 0);
}

TEST(SocketAddress, TakesAnotherPort) {
  EXPECT_EQ(SocketAddress::Parse("192.0.2.1", 80)->WithPort(443).Text(), "192.0.2.1:443");
  EXPECT_EQ(SocketAddress::Parse("2001:db8::1", 80)->WithPort(0).Text(), "[2001:db8::1]:0");
}

TEST(SocketAddress, IsAnErrorOfADescriptorThatIsNoSocket) {
  EXPECT_THAT(SocketAddress::OfSocket(-1), FailsWith(EBADF));
}

}  // namespace
}  // namespace zcrx
