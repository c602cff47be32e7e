// The program itself, over loopback.
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "fixtures/result_matchers.h"
#include "support/base/deadline.h"
#include "support/base/unique_fd.h"
#include "support/base/wait.h"
#include "support/net/socket_address.h"
#include "support/payload/payload.h"
#include "support/sender/plan.h"
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

  [[nodiscard]] SendPlan Plan(uint64_t bytes, std::chrono::milliseconds deadline) const {
    return {.bytes = bytes, .seed = 7, .lifetime = deadline, .address = GetParam(), .port = port_};
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
  Program sender(Arguments(Plan(kBytes, kPatience)));
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
  Program sender(Arguments(Plan(0, kPatience)));
  UniqueFd connection = Accept();
  EXPECT_EQ(Read(connection.Get(), 1, Deadline::In(kPatience)), "");
  connection.Reset();
  EXPECT_EQ(sender.Wait(), 0) << sender.errors();
}

// Segments are told apart as the receiving kernel counts them, those that come twice too: on a busy
// machine an acknowledgement may be so late that the last one is sent again (RFC 8985, 7). Fewer
// were sent together; 60 would be one a byte.
TEST_P(SenderTest, SendsSegmentsOfTheGivenSizes) {
  SendPlan plan = Plan(60, kPatience);
  plan.sizes_to = 3;
  Program sender(Arguments(plan));
  UniqueFd connection = Accept();
  const std::string received = Read(connection.Get(), 61, Deadline::In(kPatience));
  EXPECT_TRUE(Payload(7).Check(0, std::as_bytes(std::span(received))).has_value());
  tcp_info info = {};
  socklen_t length = sizeof(info);
  ASSERT_EQ(getsockopt(connection.Get(), IPPROTO_TCP, TCP_INFO, &info, &length), 0);
  EXPECT_GE(info.tcpi_data_segs_in, 30);
  EXPECT_LT(info.tcpi_data_segs_in, 40);
  connection.Reset();
  EXPECT_EQ(sender.Wait(), 0) << sender.errors();
}

TEST_P(SenderTest, PausesWhenToldSo) {
  SendPlan plan = Plan(1000, kPatience);
  plan.pause_after = 600;
  Program sender(Arguments(plan));
  UniqueFd connection = Accept();
  std::string received = Read(connection.Get(), 600, Deadline::In(kPatience));
  EXPECT_EQ(received.size(), 600);
  EXPECT_FALSE(Readable(connection.Get(), Deadline::In(50ms)));
  ASSERT_EQ(write(connection.Get(), "!", 1), 1);
  received += Read(connection.Get(), 401, Deadline::In(kPatience));
  EXPECT_EQ(received.size(), 1000);
  EXPECT_TRUE(Payload(7).Check(0, std::as_bytes(std::span(received))).has_value());
  connection.Reset();
  EXPECT_EQ(sender.Wait(), 0) << sender.errors();
}

TEST_P(SenderTest, ResetsWhenToldSo) {
  SendPlan plan = Plan(1000, kPatience);
  plan.reset = true;
  Program sender(Arguments(plan));
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
  SendPlan plan = Plan(1000, kPatience);
  plan.times = 3;
  Program sender(Arguments(plan));
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
  SendPlan plan = Plan(kBytes, 500ms);
  plan.bytes_per_s = uint32_t{1} << 20;
  Program sender(Arguments(plan));
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
  SendPlan plan = Plan(3000, kPatience);
  plan.ip_options = kOptions;
  if (v6) plan.hop_by_hop = 16;
  Program sender(Arguments(plan));
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
  SendPlan plan = Plan(1, kPatience);
  plan.ip_options = v6 ? 12 : 44;
  Program sender(Arguments(plan));
  EXPECT_EQ(sender.Wait(), 1);
  EXPECT_THAT(sender.errors(),
              HasSubstr(v6 ? "set IPV6_DSTOPTS of 12 bytes: Invalid argument (EINVAL): not a "
                             "multiple of 8"
                           : "set IP_OPTIONS of 44 bytes: Invalid argument (EINVAL): not a "
                             "multiple of 4 up to 40"));
}

TEST_P(SenderTest, WaitsForTheReceiverToClose) {
  Program sender(Arguments(Plan(1000, 300ms)));
  const UniqueFd connection = Accept();
  EXPECT_EQ(Read(connection.Get(), 1001, Deadline::In(kPatience)).size(), 1000);
  EXPECT_EQ(sender.Wait(), 1);
  EXPECT_EQ(sender.errors(),
            "zcrx_sender: everything is sent; wait for the receiver to close: Connection timed out "
            "(ETIMEDOUT)\n");
}

TEST_P(SenderTest, EndsWhenStdinCloses) {
  Program sender(Arguments(Plan(kEndless, kPatience)));
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
  SendPlan plan = Plan(kEndless, kPatience);
  plan.lease = 300ms;
  const auto begin = std::chrono::steady_clock::now();
  Program sender(Arguments(plan));
  const UniqueFd connection = Accept();
  EXPECT_EQ(sender.Wait(), 1);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 300ms);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kPatience / 2);
  EXPECT_THAT(sender.errors(), HasSubstr("(ECANCELED): nothing came on standard input for 300 ms"));
}

TEST_P(SenderTest, EachSignOfLifeRenewsTheLease) {
  SendPlan plan = Plan(kEndless, kPatience);
  plan.lease = 1000ms;
  Program sender(Arguments(plan));
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
  Program sender(Arguments(Plan(kEndless, 300ms)));
  const UniqueFd connection = Accept();
  EXPECT_EQ(sender.Wait(), 1);
  EXPECT_THAT(sender.errors(), HasSubstr("Connection timed out (ETIMEDOUT)"));
}

TEST_P(SenderTest, SaysThatTheReceiverBrokeOff) {
  Program sender(Arguments(Plan(kEndless, kPatience)));
  UniqueFd connection = Accept();
  EXPECT_EQ(Read(connection.Get(), 1000, Deadline::In(kPatience)).size(), 1000);
  connection.Reset();  // with data unread: a reset
  EXPECT_EQ(sender.Wait(), 1);
  EXPECT_THAT(sender.errors(), ::testing::AnyOf(HasSubstr("(ECONNRESET)"), HasSubstr("(EPIPE)")));
}

TEST_P(SenderTest, SaysThatNobodyListens) {
  listener_.Reset();
  Program sender(Arguments(Plan(1000, kPatience)));
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
  EXPECT_EQ(sender.errors(), fmt::format("zcrx_sender: {}; see --help\n", GetParam().sentence));
}

INSTANTIATE_TEST_SUITE_P(
    All, SenderUsage,
    ::testing::Values(
        BadUsage{"nothing", {}, "--address is missing"},
        BadUsage{"unknown", {"--adress=::1"}, "unknown option \"--adress\""},
        BadUsage{"no_option", {"::1"}, "unexpected argument \"::1\""},
        BadUsage{"no_value", {"--port"}, "--port needs a value"},
        BadUsage{"empty", {"--port="}, "--port needs a value"},
        BadUsage{"an_option_for_value", {"--port", "--bytes=1"}, "--port needs a value"},
        BadUsage{"value_for_flag", {"--reset=yes"}, "--reset takes no value"},
        BadUsage{"twice", {"--port=1", "--port", "2"}, "--port is given twice"},
        BadUsage{"zero", {"--port=0"}, "--port \"0\": not a decimal number from 1 to 65535"},
        BadUsage{
            "too_big", {"--port=65536"}, "--port \"65536\": not a decimal number from 1 to 65535"},
        BadUsage{"negative", {"--port=-1"}, "--port \"-1\": not a decimal number from 1 to 65535"},
        BadUsage{"trailing", {"--port=1x"}, "--port \"1x\": not a decimal number from 1 to 65535"},
        BadUsage{"plus", {"--port=+1"}, "--port \"+1\": not a decimal number from 1 to 65535"},
        BadUsage{"blank", {"--port= 1"}, "--port \" 1\": not a decimal number from 1 to 65535"},
        BadUsage{"huge_send",
                 {"--send-size=16777217"},
                 "--send-size \"16777217\": not a decimal number from 1 to 16777216"},
        BadUsage{"hexadecimal",
                 {"--seed", "0x10"},
                 "--seed \"0x10\": not a decimal number from 0 to 18446744073709551615"},
        BadUsage{"no_time",
                 {"--lifetime-ms=0"},
                 "--lifetime-ms \"0\": not a decimal number from 1 to 2147483647"},
        BadUsage{"incomplete", {"--address=::1", "--bytes=1"}, "--port is missing"}),
    [](const auto& info) { return std::string(info.param.name); });

// Either form of every option, read back as it was written.
TEST(SendPlan, SurvivesItsWords) {
  std::mt19937_64 random(1);
  const auto up_to = [&](uint64_t most) {  // ends and small ones often
    switch (random() % 3) {
      case 0:
        return most;
      case 1:
        return std::min(most, random() % 4);
      default:
        return std::uniform_int_distribution<uint64_t>(0, most)(random);
    }
  };
  const auto number = [&](uint64_t least, uint64_t most) { return least + up_to(most - least); };
  const auto small = [&](uint64_t least, uint64_t most) {
    return static_cast<uint32_t>(number(least, most));
  };
  constexpr uint64_t kLong = std::numeric_limits<int32_t>::max();
  for (int round = 0; round < 10'000; ++round) {
    const SendPlan plan = {
        .bytes = number(0, std::numeric_limits<int64_t>::max()),
        .send_size = number(1, kMaxSendSize),
        .seed = number(0, std::numeric_limits<uint64_t>::max()),
        .sizes_to = small(0, kMaxSendSize),
        .times = small(1, kMaxTimes),
        .bytes_per_s = small(0, kLong),
        .ip_options = small(0, kMaxExtensionHeader),
        .hop_by_hop = small(0, kMaxExtensionHeader),
        .pause_after = number(0, kLong),
        .reset = random() % 2 == 0,
        .lifetime = std::chrono::milliseconds(number(1, kLong)),
        .address = random() % 2 == 0 ? "192.0.2.1" : "fe80::1%eth1",
        .port = static_cast<uint16_t>(number(1, std::numeric_limits<uint16_t>::max())),
        .lease = std::chrono::milliseconds(number(0, kLong))};
    const std::vector<std::string> words = Arguments(plan);
    std::vector<std::string> given;
    for (const std::string& word : words) {
      const size_t equals = random() % 2 == 0 ? word.find('=') : word.npos;
      given.push_back(word.substr(0, equals));
      if (equals != word.npos) given.push_back(word.substr(equals + 1));
    }
    std::vector<const char*> argv;
    argv.reserve(given.size());
    for (const std::string& word : given) argv.push_back(word.c_str());
    ASSERT_THAT(ParseSendPlan(argv), IsOkAndHolds(plan))
        << fmt::format("{}", fmt::join(words, " "));
  }
}

TEST(Sender, LooksNothingUp) {
  Program sender({"--address=localhost", "--port=1"});
  EXPECT_EQ(sender.Wait(), 1);
  EXPECT_EQ(sender.errors(), "zcrx_sender: address 'localhost': not an IPv4 or IPv6 address\n");
}

}  // namespace
}  // namespace zcrx
