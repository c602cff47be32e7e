#include "support/kernel/tcp_checksums.h"

#include <gtest/gtest.h>

#include <string>

namespace zcrx {
namespace {

const std::string kNames = "Tcp: RtoAlgorithm InErrs OutRsts InCsumErrors\n";

TEST(TcpChecksums, AreFoundByName) {
  const auto count =
      ParseTcpChecksumErrors("Ip: InCsumErrors\nIp: 9\n" + kNames + "Tcp: 1 2 3 4\nUdp: A\n");
  ASSERT_TRUE(count.has_value()) << count.error().Text();
  EXPECT_EQ(*count, 4U);
}

TEST(TcpChecksums, AreNotGuessed) {
  for (const char* values : {"", "Tcp: 1 2 3\n", "Tcp: 1 2 3 x\n", "Tcp: 1 2 3 -1\n"}) {
    EXPECT_FALSE(ParseTcpChecksumErrors(kNames + values).has_value()) << values;
  }
}

TEST(TcpChecksums, ThisKernelCountsThem) { EXPECT_TRUE(CountTcpChecksumErrors().has_value()); }

}  // namespace
}  // namespace zcrx
