#include "support/net/tcp_pair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <vector>

#include "fixtures/result_matchers.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class TcpPairTest : public ::testing::TestWithParam<int> {
 protected:
  static ssize_t Receive(const TcpPair& pair, std::span<std::byte> bytes) {
    return recv(pair.Near().Get(), bytes.data(), bytes.size(), MSG_WAITALL);
  }
};

TEST_P(TcpPairTest, CarriesBytesAndTheirEnd) {
  ASSERT_OK_AND_ASSIGN(TcpPair pair, TcpPair::Connect(GetParam()));
  const std::vector<std::byte> sent(5000, std::byte{7});
  ASSERT_OK(pair.Send(sent, Deadline::In(20s)));
  std::vector<std::byte> received(sent.size());
  EXPECT_EQ(Receive(pair, received), 5000);
  EXPECT_EQ(received, sent);
  ASSERT_OK(pair.Finish());
  EXPECT_EQ(Receive(pair, received), 0);
}

TEST_P(TcpPairTest, IsReset) {
  ASSERT_OK_AND_ASSIGN(TcpPair pair, TcpPair::Connect(GetParam()));
  ASSERT_OK(pair.Reset());
  std::array<std::byte, 1> byte{};
  EXPECT_EQ(Receive(pair, byte), -1);
  EXPECT_EQ(errno, ECONNRESET);
}

TEST_P(TcpPairTest, SaysHowMuchNobodyTook) {
  ASSERT_OK_AND_ASSIGN(TcpPair pair, TcpPair::Connect(GetParam()));
  const std::vector<std::byte> sent(size_t{64} << 20);
  const Status full = pair.Send(sent, Deadline::In(50ms));
  EXPECT_THAT(full, FailsWith(ETIMEDOUT));
  EXPECT_THAT(full, FailsWithText(HasSubstr(" bytes are left")));
}

INSTANTIATE_TEST_SUITE_P(, TcpPairTest, ::testing::Values(AF_INET, AF_INET6),
                         [](const auto& info) { return info.param == AF_INET ? "v4" : "v6"; });

}  // namespace
}  // namespace zcrx
