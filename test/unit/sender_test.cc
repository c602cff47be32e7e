// The program itself, over loopback.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <vector>

#include "support/base/deadline.h"
#include "support/base/unique_fd.h"
#include "support/net/socket_address.h"
#include "support/payload/payload.h"
#include "support/sender/options.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr auto kPatience = 20s;  // for what happens at once on any machine that is not stuck

// Until `fd` can be read; false at the deadline.
bool Readable(int fd, Deadline deadline) {
  pollfd poll_fd = {.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&poll_fd, 1, deadline.RemainingMs()) == 1;
}

// Up to `bytes` bytes, fewer at the end of the file or the deadline.
std::string Read(int fd, size_t bytes, Deadline deadline) {
  std::string text;
  std::array<char, 65536> buffer;
  while (text.size() < bytes && Readable(fd, deadline)) {
    const ssize_t got = read(fd, buffer.data(), std::min(buffer.size(), bytes - text.size()));
    if (got <= 0) break;
    text.append(buffer.data(), static_cast<size_t>(got));
  }
  return text;
}

struct Pipe {
  Pipe() {
    std::array<int, 2> fds = {-1, -1};
    if (pipe2(fds.data(), O_CLOEXEC) == 0) {
      out.Reset(fds[0]);
      in.Reset(fds[1]);
    }
  }
  UniqueFd out;
  UniqueFd in;
};

class Program {
 public:
  explicit Program(const std::vector<std::string>& arguments) {
    std::vector<std::string> copy = arguments;
    std::string name = ZCRX_SENDER;
    std::vector<char*> argv = {name.data()};
    for (std::string& argument : copy) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, stdin_.out.Get(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, stdout_.in.Get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, stderr_.in.Get(), STDERR_FILENO);
    if (posix_spawn(&pid_, name.c_str(), &actions, nullptr, argv.data(), environ) != 0) pid_ = -1;
    posix_spawn_file_actions_destroy(&actions);
    stdin_.out.Reset();
    stdout_.in.Reset();
    stderr_.in.Reset();
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  void CloseStdin() { stdin_.in.Reset(); }
  std::string Line() {
    std::string line;
    while (!line.ends_with('\n')) {
      const std::string next = Read(stdout_.out.Get(), 1, Deadline::In(kPatience));
      if (next.empty()) break;
      line += next;
    }
    return line;
  }
  std::string Errors() { return Read(stderr_.out.Get(), 65536, Deadline::In(kPatience)); }
  // Its exit status, -1 if a signal ended it. It has ended when its stderr has.
  int Wait() {
    errors_ = Errors();
    int status = 0;
    if (pid_ <= 0 || waitpid(pid_, &status, 0) != pid_) return -2;
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  [[nodiscard]] const std::string& errors() const { return errors_; }  // after Wait()

 private:
  Pipe stdin_;
  Pipe stdout_;
  Pipe stderr_;
  pid_t pid_ = -1;
  std::string errors_;
};

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
