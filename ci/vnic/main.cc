// vnic: the emulated NICs of the virtual lab and the cable between them.
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <memory>
#include <span>
#include <vector>

#include "ci/vnic/base/event_loop.h"
#include "ci/vnic/base/log.h"
#include "ci/vnic/cable.h"
#include "ci/vnic/control.h"
#include "ci/vnic/models.h"
#include "ci/vnic/options.h"
#include "ci/vnic/port.h"
#include "support/version/version.h"

namespace vnic {
namespace {

using Ports = std::vector<std::unique_ptr<Port>>;

zcrx::Result<std::size_t> IndexOf(const Ports& ports, std::string_view name) {
  const auto found = std::ranges::find(ports, name, [](const auto& port) { return port->Name(); });
  if (found == ports.end()) return zcrx::Fail(fmt::format("no port '{}'", name));
  return static_cast<std::size_t>(found - ports.begin());
}

zcrx::Result<std::string> StatsLine(const Port& port) {
  const std::optional<Counters> counters = port.Stats();
  std::string line = fmt::format("plugged={} {}", counters ? 1 : 0, port.Starts().Text());
  if (!counters) return line;
  for (const auto& [name, value] : *counters) line += fmt::format(" {}={}", name, value);
  return line;
}

std::vector<ControlCommand> Commands(const Ports& ports, Cable& cable) {
  using Words = std::span<const std::string_view>;
  std::vector<ControlCommand> commands;
  commands.push_back({.name = "ping", .arguments = {}, .run = [](Words) { return std::string(); }});
  commands.push_back({.name = "stats",
                      .arguments = "PORT",
                      .run = [&ports](Words words) -> zcrx::Result<std::string> {
                        if (words.size() != 1) return zcrx::Fail("stats takes PORT");
                        ZCRX_ASSIGN_OR_RETURN(const std::size_t index, IndexOf(ports, words[0]));
                        return StatsLine(*ports[index]);
                      }});
  commands.push_back({.name = "link",
                      .arguments = "PORT up|down",
                      .run = [&ports, &cable](Words words) -> zcrx::Result<std::string> {
                        if (words.size() != 2 || (words[1] != "up" && words[1] != "down")) {
                          return zcrx::Fail("link takes PORT up|down");
                        }
                        ZCRX_ASSIGN_OR_RETURN(const std::size_t index, IndexOf(ports, words[0]));
                        cable.SetUp(index, words[1] == "up");
                        return std::string();
                      }});
  commands.push_back({.name = "faults",
                      .arguments = "PORT",
                      .run = [&ports](Words words) -> zcrx::Result<std::string> {
                        if (words.size() != 1) return zcrx::Fail("faults takes PORT");
                        ZCRX_ASSIGN_OR_RETURN(const std::size_t index, IndexOf(ports, words[0]));
                        return ports[index]->PortFaults().Text();
                      }});
  commands.push_back({.name = "fault",
                      .arguments = "PORT NAME[=ARGUMENT]|clear",
                      .run = [&ports](Words words) -> zcrx::Result<std::string> {
                        if (words.size() != 2) {
                          return zcrx::Fail("fault takes PORT NAME[=ARGUMENT] or PORT clear");
                        }
                        ZCRX_ASSIGN_OR_RETURN(const std::size_t index, IndexOf(ports, words[0]));
                        Faults& faults = ports[index]->PortFaults();
                        if (words[1] == "clear") {
                          faults.Clear();
                        } else {
                          ZCRX_RETURN_IF_ERROR(faults.Set(words[1]));
                        }
                        return std::string();
                      }});
  return commands;
}

// SIGTERM and SIGINT as something to wait for. Set up before anything can be left behind by them.
zcrx::Result<zcrx::UniqueFd> TerminationSignals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  if (::sigprocmask(SIG_BLOCK, &signals, nullptr) != 0) return zcrx::FailErrno("block signals");
  // A client's descriptor may be a pipe that nobody reads.
  std::signal(SIGPIPE, SIG_IGN);
  zcrx::UniqueFd fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.Valid()) return zcrx::FailErrno("wait for signals");
  return fd;
}

zcrx::Status Serve(const Options& options, LogSink& sink) {
  ZCRX_ASSIGN_OR_RETURN(EventLoop loop, EventLoop::Create());
  ZCRX_ASSIGN_OR_RETURN(const zcrx::UniqueFd signals, TerminationSignals());
  ZCRX_RETURN_IF_ERROR(loop.Add(signals.Get(), [&loop] { loop.Stop(); }));
  const zcrx::Status parent = loop.Add(STDIN_FILENO, [&loop] {
    std::array<char, 256> ignored{};
    if (::read(STDIN_FILENO, ignored.data(), ignored.size()) <= 0) loop.Stop();
  });
  if (!parent) {
    return zcrx::Fail("watch standard input", parent.error().code,
                      "it must be a pipe, a socket or a terminal: its end ends the program");
  }

  Cable cable;
  Ports ports;
  for (const PortOptions& port : options.ports) {
    ZCRX_ASSIGN_OR_RETURN(auto opened, Port::Open(port, sink, loop, cable[ports.size()]));
    ports.push_back(std::move(opened));
  }
  std::unique_ptr<Control> control;
  if (!options.control.empty()) {
    ZCRX_ASSIGN_OR_RETURN(control, Control::Open(options.control, loop, Commands(ports, cable)));
  }
  fmt::print("READY\n");
  std::fflush(stdout);
  return loop.Run();
}

int Main(std::span<const char* const> arguments) {
  const auto options = ParseOptions(arguments);
  if (!options) {
    fmt::print(stderr, "vnic: {}\n", options.error().Text());
    return 2;
  }
  if (options->version) {
    fmt::print("vnic {}\n", zcrx::kVersion);
    return 0;
  }
  if (options->describe) {
    fmt::print("{}", Describe());
    return 0;
  }
  if (options->help) {
    fmt::print("{}", Usage());
    return 0;
  }
  using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
  File file(nullptr, std::fclose);
  if (!options->log.empty()) {
    file.reset(std::fopen(options->log.c_str(), "ae"));
    if (!file) {
      fmt::print(stderr, "vnic: {}\n",
                 zcrx::FailErrno("open the log " + options->log).error().Text());
      return 1;
    }
  }
  LogSink sink(file ? file.get() : stderr);
  if (const zcrx::Status served = Serve(*options, sink); !served) {
    fmt::print(stderr, "vnic: {}\n", served.error().Text());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace vnic

// NOLINTNEXTLINE(bugprone-exception-escape): nothing throws but a lack of memory, which ends it
int main(int argc, char** argv) {
  return vnic::Main(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
}
