// The program itself, over loopback.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <string>
#include <vector>

#include "fixtures/result_matchers.h"
#include "support/base/deadline.h"
#include "support/base/unique_fd.h"
#include "support/base/wait.h"
#include "support/net/socket_address.h"
#include "support/payload/payload.h"
#include "support/sender/options.h"
#include "test/unit/sender_program.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class SenderTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const auto any = SocketAddress::Parse(GetParam(), 0);
    ASSERT_TRUE(any.has_value());
    listener_.Reset(socket(any->Family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    // Small, so that a sender nobody reads from blocks early.
    const int buffer = 4096;
    ASSERT_EQ(setsockopt(listener_.Get(), SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer)), 0);
    ASSERT_EQ(bind(listener_.Get(), any->Get(), any->Length()), 0);
    ASSERT_EQ(listen(listener_.Get(), 1), 0);
    port_ = SocketAddress::OfSocket(listener_.Get())->Port();
  }

  [[nodiscard]] std::vector<std::string> Arguments(uint64_t bytes,
                                                   std::chrono::milliseconds deadline) const {
    return {std::string("--address=") + GetParam(),
            fmt::format("--port={}", port_),
            fmt::format("--bytes={}", bytes),
            "--send-size=12840",
            "--seed=7",
            fmt::format("--deadline-ms={}", deadline.count())};
  }
  UniqueFd Accept() {
    if (!Readable(listener_.Get(), Deadline::In(kPatience))) return {};
    return UniqueFd(accept4(listener_.Get(), nullptr, nullptr, SOCK_CLOEXEC));
  }

  UniqueFd listener_;
  uint16_t port_ = 0;
};

constexpr uint64_t kEndless = uint64_t{1} << 40;

TEST_P(SenderTest, SendsThePayloadAndSaysSo) {
  constexpr size_t kBytes = 100'000;
  Program sender(Arguments(kBytes, kPatience));
  UniqueFd connection = Accept();
  EXPECT_EQ(sender.Line(), "READY\n");
  const std::string received = Read(connection.Get(), kBytes + 1, Deadline::In(kPatience));
  EXPECT_EQ(received.size(), kBytes);
  const Status check = Payload(7).Check(0, std::as_bytes(std::span(received)));
  EXPECT_TRUE(check.has_value()) << check.error().Text();
  connection.Reset();
  EXPECT_EQ(sender.Line(), "SENT 100000\n");
  EXPECT_EQ(sender.Wait(), 0) << sender.errors();
}

TEST_P(SenderTest, SendsNothingWhenToldSo) {
  Program sender(Arguments(0, kPatience));
  UniqueFd connection = Accept();
  EXPECT_EQ(Read(connection.Get(), 1, Deadline::In(kPatience)), "");
  connection.Reset();
  EXPECT_EQ(sender.Wait(), 0) << sender.errors();
}

// Segments are told apart as the receiving kernel counts them.
TEST_P(SenderTest, SendsSegmentsOfTheGivenSizes) {
  std::vector<std::string> arguments = Arguments(60, kPatience);
  std::ranges::replace(arguments, "--send-size=12840", "--send-size=1-3");
  arguments.emplace_back("--separate=yes");
  Program sender(arguments);
  UniqueFd connection = Accept();
  const std::string received = Read(connection.Get(), 61, Deadline::In(kPatience));
  EXPECT_TRUE(Payload(7).Check(0, std::as_bytes(std::span(received))).has_value());
  tcp_info info = {};
  socklen_t length = sizeof(info);
  ASSERT_EQ(getsockopt(connection.Get(), IPPROTO_TCP, TCP_INFO, &info, &length), 0);
  EXPECT_EQ(info.tcpi_data_segs_in, 30);
  connection.Reset();
  EXPECT_EQ(sender.Wait(), 0) << sender.errors();
}

TEST_P(SenderTest, ResetsWhenToldSo) {
  std::vector<std::string> arguments = Arguments(1000, kPatience);
  arguments.emplace_back("--end=reset");
  Program sender(arguments);
  const UniqueFd connection = Accept();
  EXPECT_EQ(sender.Wait(), 0) << sender.errors();
  std::array<char, 2000> buffer;
  ssize_t got = 0;
  do {
    ASSERT_TRUE(Readable(connection.Get(), Deadline::In(kPatience)));
    got = read(connection.Get(), buffer.data(), buffer.size());
  } while (got > 0);
  EXPECT_EQ(got, -1);
  EXPECT_EQ(errno, ECONNRESET);
}

TEST_P(SenderTest, SendsAgainOnAFurtherConnection) {
  std::vector<std::string> arguments = Arguments(1000, kPatience);
  arguments.emplace_back("--times=3");
  Program sender(arguments);
  for (int time = 0; time < 3; ++time) {
    const UniqueFd connection = Accept();
    const std::string received = Read(connection.Get(), 1001, Deadline::In(kPatience));
    EXPECT_EQ(received.size(), 1000);
    EXPECT_TRUE(Payload(7).Check(0, std::as_bytes(std::span(received))).has_value());
  }
  EXPECT_EQ(sender.Line(), "READY\n");
  EXPECT_EQ(sender.Line(), "SENT 1000\n");
  EXPECT_EQ(sender.Wait(), 0) << sender.errors();
}

// Loopback carries as much at once, and this slowly only in a minute.
TEST_P(SenderTest, SendsNoFasterThanItIsTold) {
  constexpr uint64_t kBytes = uint64_t{60} << 20;
  std::vector<std::string> arguments = Arguments(kBytes, 500ms);
  arguments.emplace_back("--bytes-per-second=1048576");
  Program sender(arguments);
  const UniqueFd connection = Accept();
  EXPECT_LT(Read(connection.Get(), kBytes, Deadline::In(kPatience)).size(), kBytes);
  EXPECT_EQ(sender.Wait(), 1);
  EXPECT_THAT(sender.errors(), HasSubstr("ETIMEDOUT"));
}

// What came with the SYN, from the IP header on (TCP_SAVE_SYN of tcp(7)).
std::vector<uint8_t> SavedSyn(int connection) {
  std::vector<uint8_t> headers(1024);
  auto size = static_cast<socklen_t>(headers.size());
  EXPECT_EQ(getsockopt(connection, IPPROTO_TCP, TCP_SAVED_SYN, headers.data(), &size), 0);
  headers.resize(size);
  return headers;
}

TEST_P(SenderTest, PutsIpOptionsIntoItsPackets) {
  constexpr size_t kOptions = 24;
  const bool v6 = std::string_view(GetParam()).contains(':');
  const int on = 1;
  ASSERT_EQ(setsockopt(listener_.Get(), IPPROTO_TCP, TCP_SAVE_SYN, &on, sizeof(on)), 0);
  auto arguments = Arguments(3000, kPatience);
  arguments.push_back(fmt::format("--ip-options={}", kOptions));
  if (v6) arguments.emplace_back("--hop-by-hop=16");
  Program sender(arguments);
  if (sender.Line() != "READY\n") {
    EXPECT_EQ(sender.Wait(), 1);
    EXPECT_THAT(sender.errors(), HasSubstr("(EPERM)"));
    GTEST_SKIP() << sender.errors();
  }
  UniqueFd connection = Accept();
  const std::vector<uint8_t> syn = SavedSyn(connection.Get());
  if (v6) {
    // Next header 0: Hop-by-Hop Options, of 16 bytes, then 60: Destination Options, of 24.
    ASSERT_GT(syn.size(), 40U + 16U + kOptions);
    EXPECT_THAT((std::array{syn[6], syn[40], syn[41], syn[56], syn[57]}),
                ::testing::ElementsAre(0, 60, 1, IPPROTO_TCP, 2));
  } else {
    ASSERT_GT(syn.size(), 20U + kOptions);
    EXPECT_EQ((syn[0] & 0xfU) * 4, 20U + kOptions);
  }
  EXPECT_EQ(Read(connection.Get(), 3001, Deadline::In(kPatience)).size(), 3000U);
  connection.Reset();
  EXPECT_EQ(sender.Wait(), 0) << sender.errors();
}

TEST_P(SenderTest, SaysWhichIpOptionsThereCannotBe) {
  const bool v6 = std::string_view(GetParam()).contains(':');
  auto arguments = Arguments(1, kPatience);
  arguments.emplace_back(v6 ? "--ip-options=12" : "--ip-options=44");
  Program sender(arguments);
  EXPECT_EQ(sender.Wait(), 1);
  EXPECT_THAT(sender.errors(),
              HasSubstr(v6 ? "set IPV6_DSTOPTS of 12 bytes: Invalid argument (EINVAL): not a "
                             "multiple of 8"
                           : "set IP_OPTIONS of 44 bytes: Invalid argument (EINVAL): not a "
                             "multiple of 4 up to 40"));
}

TEST_P(SenderTest, WaitsForTheReceiverToClose) {
  Program sender(Arguments(1000, 300ms));
  const UniqueFd connection = Accept();
  EXPECT_EQ(Read(connection.Get(), 1001, Deadline::In(kPatience)).size(), 1000);
  EXPECT_EQ(sender.Wait(), 1);
  EXPECT_EQ(sender.errors(),
            "zcrx_sender: all is sent; wait for the receiver to close: Connection timed out "
            "(ETIMEDOUT)\n");
}

TEST_P(SenderTest, EndsWhenStdinCloses) {
  Program sender(Arguments(kEndless, kPatience));
  const UniqueFd connection = Accept();
  EXPECT_EQ(sender.Line(), "READY\n");
  sender.CloseStdin();
  EXPECT_EQ(sender.Wait(), 1);
  EXPECT_THAT(sender.errors(),
              AllOf(StartsWith("zcrx_sender: send, after "),
                    HasSubstr(" of 1099511627776 bytes: Operation canceled (ECANCELED): standard "
                              "input was closed")));
}

TEST_P(SenderTest, EndsWhenNoSignOfLifeComes) {
  std::vector<std::string> arguments = Arguments(kEndless, kPatience);
  arguments.emplace_back("--lease-ms=300");
  const auto begin = std::chrono::steady_clock::now();
  Program sender(arguments);
  const UniqueFd connection = Accept();
  EXPECT_EQ(sender.Wait(), 1);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 300ms);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kPatience / 2);
  EXPECT_THAT(sender.errors(), HasSubstr("(ECANCELED): no sign of life came for 300 ms"));
}

TEST_P(SenderTest, EachSignOfLifeRenewsTheLease) {
  std::vector<std::string> arguments = Arguments(kEndless, kPatience);
  arguments.emplace_back("--lease-ms=1000");
  Program sender(arguments);
  const UniqueFd connection = Accept();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_OK(Becomes(
      "twice the lease has passed",
      [&]() -> Result<bool> {
        if (!sender.SignOfLife()) return Fail("it ended");
        return std::chrono::steady_clock::now() - begin > 2s;
      },
      Deadline::In(kPatience)));
  sender.CloseStdin();
  EXPECT_EQ(sender.Wait(), 1);
  EXPECT_THAT(sender.errors(), HasSubstr("standard input was closed"));
}

TEST_P(SenderTest, EndsAtItsDeadlineWhenNobodyReads) {
  Program sender(Arguments(kEndless, 300ms));
  const UniqueFd connection = Accept();
  EXPECT_EQ(sender.Wait(), 1);
  EXPECT_THAT(sender.errors(), HasSubstr("Connection timed out (ETIMEDOUT)"));
}

TEST_P(SenderTest, SaysThatTheReceiverBrokeOff) {
  Program sender(Arguments(kEndless, kPatience));
  UniqueFd connection = Accept();
  EXPECT_EQ(Read(connection.Get(), 1000, Deadline::In(kPatience)).size(), 1000);
  connection.Reset();  // with data unread: a reset
  EXPECT_EQ(sender.Wait(), 1);
  EXPECT_THAT(sender.errors(), ::testing::AnyOf(HasSubstr("(ECONNRESET)"), HasSubstr("(EPIPE)")));
}

TEST_P(SenderTest, SaysThatNobodyListens) {
  listener_.Reset();
  Program sender(Arguments(1000, kPatience));
  EXPECT_EQ(sender.Wait(), 1);
  const std::string address = SocketAddress::Parse(GetParam(), port_)->Text();
  EXPECT_EQ(sender.errors(),
            "zcrx_sender: connect to " + address + ": Connection refused (ECONNREFUSED)\n");
}

INSTANTIATE_TEST_SUITE_P(Loopback, SenderTest, ::testing::Values("127.0.0.1", "::1"),
                         [](const auto& info) {
                           return std::string(info.index == 0 ? "IPv4" : "IPv6");
                         });

struct BadUsage {
  const char* name;
  std::vector<std::string> arguments;
  const char* sentence;
};

class SenderUsage : public ::testing::TestWithParam<BadUsage> {};

TEST_P(SenderUsage, IsRefusedWithASentence) {
  Program sender(GetParam().arguments);
  EXPECT_EQ(sender.Wait(), 2);
  EXPECT_EQ(sender.errors(),
            fmt::format("zcrx_sender: {}\nusage: {}\n", GetParam().sentence, kSenderUsage));
}

INSTANTIATE_TEST_SUITE_P(
    All, SenderUsage,
    ::testing::Values(
        BadUsage{"nothing", {}, "--address is missing"},
        BadUsage{"unknown", {"--adress=::1"}, "unknown option '--adress'"},
        BadUsage{"no_option", {"::1"}, "unknown option '::1'"},
        BadUsage{"no_value", {"--port"}, "--port has no value"},
        BadUsage{"twice", {"--port=1", "--port", "2"}, "--port is given twice"},
        BadUsage{"empty", {"--port="}, "--port '': not a decimal number from 1 to 65535"},
        BadUsage{"zero", {"--port=0"}, "--port '0': not a decimal number from 1 to 65535"},
        BadUsage{
            "too_big", {"--port=65536"}, "--port '65536': not a decimal number from 1 to 65535"},
        BadUsage{"negative", {"--port=-1"}, "--port '-1': not a decimal number from 1 to 65535"},
        BadUsage{"trailing", {"--port=1x"}, "--port '1x': not a decimal number from 1 to 65535"},
        BadUsage{"huge_send",
                 {"--send-size=16777217"},
                 "--send-size '16777217': not a decimal number from 1 to 16777216"},
        BadUsage{"bad_list",
                 {"--send-size=1,,2"},
                 "--send-size '': not a decimal number from 1 to 16777216"},
        BadUsage{"bad_range",
                 {"--send-size=3-2"},
                 "--send-size '2': not a decimal number from 3 to 16777216"},
        BadUsage{
            "huge_range", {"--send-size=7,1-65536"}, "--send-size has more than 65536 numbers"},
        BadUsage{"bad_word", {"--end=fin"}, "--end 'fin': neither close nor reset"},
        BadUsage{"hexadecimal",
                 {"--seed", "0x10"},
                 "--seed '0x10': not a decimal number from 0 to 18446744073709551615"},
        BadUsage{"incomplete",
                 {"--address=::1", "--port=1", "--bytes=1", "--send-size=1", "--seed=1"},
                 "--deadline-ms is missing"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(Sender, LooksNothingUp) {
  Program sender({"--address=localhost", "--port=1", "--bytes=1", "--send-size=1", "--seed=1",
                  "--deadline-ms=1000"});
  EXPECT_EQ(sender.Wait(), 1);
  EXPECT_EQ(sender.errors(),
            "zcrx_sender: address 'localhost': neither an IPv4 nor an IPv6 address\n");
}

}  // namespace
}  // namespace zcrx
