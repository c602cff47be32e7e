// The program around the NIC models: command line, control socket, cable, log.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "ci/vnic/base/event_loop.h"
#include "ci/vnic/base/log.h"
#include "ci/vnic/base/unix_listener.h"
#include "ci/vnic/cable.h"
#include "ci/vnic/control.h"
#include "ci/vnic/options.h"
#include "fixtures/result_matchers.h"

namespace vnic {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using zcrx::FailsWith;

constexpr const char* kDut = "name=dut,socket=/d,model=gve,mac=02:00:00:00:00:01";
constexpr const char* kPeer = "name=peer,socket=/p,model=gve,mac=02:00:00:00:00:02";

zcrx::Result<Options> Parse(const std::vector<const char*>& arguments) {
  return ParseOptions(arguments);
}

TEST(Options, ReadsPorts) {
  const auto options = Parse({"--port", kDut, "--port", kPeer, "--control", "/c", "--log", "/l"});
  ASSERT_TRUE(options) << options.error().Text();
  ASSERT_THAT(options->ports, SizeIs(2));
  EXPECT_EQ(options->ports[1].name, "peer");
  EXPECT_EQ(options->ports[1].socket, "/p");
  EXPECT_EQ(options->ports[1].model->name, "gve");
  EXPECT_EQ(options->ports[1].mac, (MacAddress{2, 0, 0, 0, 0, 2}));
  EXPECT_EQ(options->control, "/c");
  EXPECT_EQ(options->log, "/l");
}

TEST(Options, SaysWhatIsWrong) {
  const auto error = [](const std::vector<const char*>& arguments) {
    const auto options = Parse(arguments);
    return options ? std::string("accepted") : options.error().Text();
  };
  EXPECT_THAT(error({}), HasSubstr("0 ports"));
  EXPECT_THAT(error({"--port", kDut, "--port", kPeer, "--port", kPeer}), HasSubstr("3 ports"));
  EXPECT_THAT(error({"--port", kDut, "--port", kDut}), HasSubstr("called 'dut'"));
  EXPECT_THAT(error({"--port"}), HasSubstr("needs a value"));
  EXPECT_THAT(error({"--prot", kDut}), HasSubstr("unknown option \"--prot\"; see --help"));
  EXPECT_THAT(error({"--port", "name=dut"}), HasSubstr("needed"));
  EXPECT_THAT(error({"--port", "name"}), HasSubstr("KEY=VALUE"));
  EXPECT_THAT(error({"--port", "nom=dut"}), HasSubstr("'nom'"));
  EXPECT_THAT(error({"--port", "name=a,socket=/s,model=ne2000,mac=02:00:00:00:00:01"}),
              HasSubstr("'ne2000'"));
}

TEST(Options, DescribeEndsThem) {
  const auto options = Parse({"--describe"});
  ASSERT_TRUE(options) << options.error().Text();
  EXPECT_TRUE(options->describe);
}

TEST(Options, TakesUnicastAddressesOnly) {
  EXPECT_TRUE(ParseMac("02:aB:00:00:00:fF"));
  for (const char* wrong : {"", "02:00:00:00:00", "02:00:00:00:00:1g", "02-00-00-00-00-01",
                            "02:00:00:00:00:01:", "+2:00:00:00:00:01", "01:00:5e:00:00:01"}) {
    EXPECT_FALSE(ParseMac(wrong)) << wrong;
  }
}

// A path in a folder of its own.
class SocketPath : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    path_ = folder_ + "/socket";
  }
  void TearDown() override { ::rmdir(folder_.c_str()); }
  std::string folder_ = "/tmp/vnic_program_test.XXXXXX";
  std::string path_;
};

TEST_F(SocketPath, IsTakenOnceAndRemoved) {
  {
    const auto first = UnixListener::Listen(path_);
    ASSERT_TRUE(first) << first.error().Text();
    const auto second = UnixListener::Listen(path_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, EADDRINUSE);
    EXPECT_EQ(::access(path_.c_str(), F_OK), 0) << "the second took nothing away";
    EXPECT_FALSE(first->Accept()) << "nobody is there";
  }
  EXPECT_NE(::access(path_.c_str(), F_OK), 0);
  EXPECT_THAT(UnixListener::Listen(std::string(200, 'x')), FailsWith(ENAMETOOLONG));
}

TEST_F(SocketPath, ControlAnswersRequests) {
  auto loop = EventLoop::Create();
  ASSERT_TRUE(loop);
  std::vector<std::string> seen;
  std::vector<ControlCommand> commands;
  commands.push_back(
      {.name = "link",
       .arguments = "PORT up|down",
       .run = [&](std::span<const std::string_view> words) -> zcrx::Result<std::string> {
         seen.assign(words.begin(), words.end());
         if (words.empty()) return zcrx::Fail("link takes PORT");
         return words.size() == 1 ? "value=1" : "";
       }});
  const auto control = Control::Open(path_, *loop, std::move(commands));
  ASSERT_TRUE(control) << control.error().Text();
  EXPECT_EQ((*control)->Answer("link dut  up"), "ok");
  EXPECT_THAT(seen, ElementsAre("dut", "up"));
  EXPECT_EQ((*control)->Answer("link dut"), "ok value=1");
  EXPECT_EQ((*control)->Answer("link"), "error link takes PORT");
  EXPECT_EQ((*control)->Answer(""), "error an empty request");
  EXPECT_EQ((*control)->Answer("lnik"), "error unknown request 'lnik', try help");
  EXPECT_EQ((*control)->Answer("help"), "ok link PORT up|down; help");
}

TEST_F(SocketPath, ControlServesAClientOverTheSocket) {
  auto loop = EventLoop::Create();
  ASSERT_TRUE(loop);
  std::vector<ControlCommand> commands;
  commands.push_back({.name = "stop", .arguments = {}, .run = [&](auto) {
                        loop->Stop();
                        return std::string();
                      }});
  const auto control = Control::Open(path_, *loop, std::move(commands));
  ASSERT_TRUE(control);
  const zcrx::UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::connect(client.Get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::write(client.Get(), "help\nstop\n", 10), 10);

  ASSERT_TRUE(loop->Run());

  std::string answer(64, '\0');
  answer.resize(static_cast<std::size_t>(::read(client.Get(), answer.data(), answer.size())));
  EXPECT_EQ(answer, "ok stop; help\nok\n");
}

TEST(Cable, CarriesPacketsToTheOtherEndWhileItIsUp) {
  Cable cable;
  std::vector<std::size_t> delivered;
  int changes = 0;
  cable[0].Plug([](const Packet&) { ADD_FAILURE() << "to itself"; }, [&] { ++changes; });
  cable[0].Send({.bytes = {1}});
  cable[1].Plug([&](const Packet& packet) { delivered.push_back(packet.bytes.size()); },
                [&] { ++changes; });
  cable[0].Send({.bytes = {1, 2}});
  EXPECT_THAT(delivered, ElementsAre(2U)) << "not what was sent before it was plugged in";

  cable.SetUp(1, false);
  cable.SetUp(1, false);
  EXPECT_FALSE(cable[0].Up());
  EXPECT_EQ(changes, 2) << "each end once";
  cable[0].Send({.bytes = {1, 2, 3}});
  EXPECT_THAT(delivered, SizeIs(1));
  cable.SetUp(0, false);
  cable.SetUp(1, true);
  EXPECT_FALSE(cable[0].Up()) << "the other end is down still";
  cable.SetUp(0, true);
  EXPECT_EQ(changes, 4);
  cable[1].Unplug();
  cable[0].Send({.bytes = {1, 2, 3}});
  EXPECT_THAT(delivered, SizeIs(1));
}

TEST(Log, LeavesOutWhatRepeatsTooOften) {
  char* text = nullptr;
  std::size_t size = 0;
  std::FILE* file = ::open_memstream(&text, &size);
  LogSink sink(file);
  const auto start = LogSink::Clock::now();
  for (unsigned i = 0; i < LogSink::kBurst + 5; ++i) {
    sink.Write(Severity::kWarning, "dut", "queue {}", "queue 1\nfaked", start);
  }
  sink.Write(Severity::kWarning, "peer", "queue {}", "queue 2", start);
  sink.Write(Severity::kWarning, "dut", "queue {}", "queue 3", start + std::chrono::seconds(1));
  std::fclose(file);
  const std::string log(text, size);
  std::free(text);  // NOLINT(*-no-malloc): open_memstream allocates it

  EXPECT_EQ(std::ranges::count(log, '\n'), static_cast<std::ptrdiff_t>(LogSink::kBurst + 2));
  EXPECT_THAT(log, HasSubstr("WARN dut: queue 1?faked\n"));
  EXPECT_THAT(log, HasSubstr("WARN peer: queue 2\n"));
  EXPECT_THAT(log, HasSubstr("WARN dut: queue 3 (and 5 more like it)\n"));
}

}  // namespace
}  // namespace vnic
