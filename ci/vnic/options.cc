#include "ci/vnic/options.h"

#include <charconv>
#include <ranges>
#include <string_view>

#include "ci/vnic/models.h"
#include "support/base/options.h"

namespace vnic {
namespace {

zcrx::Status SetPortField(PortOptions& port, std::string_view key, std::string_view value) {
  if (value.empty()) return zcrx::Fail(fmt::format("{} is empty", key));
  if (key == "name") {
    port.name = value;
  } else if (key == "socket") {
    port.socket = value;
  } else if (key == "model") {
    port.model = FindModel(value);
    if (port.model == nullptr) return zcrx::Fail(fmt::format("no model '{}'", value));
  } else if (key == "mac") {
    ZCRX_ASSIGN_OR_RETURN(port.mac, ParseMac(value));
  } else {
    return zcrx::Fail(fmt::format("unknown key '{}'", key));
  }
  return {};
}

zcrx::Result<PortOptions> ParsePort(std::string_view text) {
  PortOptions port;
  for (const auto part : std::views::split(text, ',')) {
    const std::string_view field(part.begin(), part.end());
    const std::size_t equals = field.find('=');
    if (equals == std::string_view::npos) {
      return zcrx::Fail(fmt::format("'{}' is not KEY=VALUE", field));
    }
    ZCRX_RETURN_IF_ERROR(SetPortField(port, field.substr(0, equals), field.substr(equals + 1)));
  }
  if (port.name.empty() || port.socket.empty() || port.model == nullptr ||
      port.mac == MacAddress{}) {
    return zcrx::Fail("name, socket, model and mac are needed");
  }
  return port;
}

}  // namespace

zcrx::Result<MacAddress> ParseMac(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return zcrx::Fail(fmt::format("MAC address '{}': {}", text, why));
  };
  constexpr std::size_t kLength = 17;
  if (text.size() != kLength) return wrong("not six pairs of digits");
  MacAddress mac{};
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const char* pair = text.data() + 3 * i;
    const auto [end, error] = std::from_chars(pair, pair + 2, mac[i], 16);
    if (error != std::errc{} || end != pair + 2 || (i + 1 < mac.size() && *end != ':')) {
      return wrong("not six pairs of digits");
    }
  }
  if ((mac[0] & 1) != 0) return wrong("a group address");
  return mac;
}

zcrx::Result<Options> ParseOptions(std::span<const char* const> arguments) {
  Options options;
  zcrx::Option port = {.name = "--port",
                       .value = "PORT",
                       .help = "",
                       .take = [&options](std::string_view text) -> zcrx::Status {
                         ZCRX_ASSIGN_OR_RETURN(PortOptions parsed, ParsePort(text));
                         options.ports.push_back(std::move(parsed));
                         return {};
                       }};
  port.repeats = true;
  const std::vector<zcrx::Option> table = {
      std::move(port),
      zcrx::Text("--control", "PATH", "", options.control),
      zcrx::Text("--log", "FILE", "", options.log),
      Ending(zcrx::Flag("--describe", "", options.describe)),
      Ending(zcrx::Flag("--help", "", options.help)),
      Ending(zcrx::Flag("--version", "", options.version)),
  };
  ZCRX_RETURN_IF_ERROR(zcrx::ParseOptions(arguments, table));
  if (options.describe || options.help || options.version) return options;
  if (options.ports.empty() || options.ports.size() > 2) {
    return zcrx::Misused(fmt::format("{} ports: the cable has two ends", options.ports.size()));
  }
  if (options.ports.size() == 2 && options.ports[0].name == options.ports[1].name) {
    return zcrx::Misused(fmt::format("two ports are called '{}'", options.ports[0].name));
  }
  return options;
}

std::string Usage() {
  std::string models;
  for (const Model* model : Models()) {
    models += models.empty() ? "" : ", ";
    models += model->name;
  }
  return fmt::format(
      "Usage: vnic --port name=NAME,socket=PATH,model=MODEL,mac=MAC [--port ...]\n"
      "            [--control PATH] [--log FILE]\n"
      "       vnic --describe | --help | --version\n"
      "\n"
      "Emulates one or two NICs and the cable between them. Each port waits for a QEMU:\n"
      "  -device "
      "'{{\"driver\":\"vfio-user-pci\",\"socket\":{{\"type\":\"unix\",\"path\":\"PATH\"}}}}'\n"
      "Prints READY when all sockets listen; ends when its standard input ends, or on SIGTERM.\n"
      "\n"
      "Models: {}; --describe prints their faults and commands as JSON.\n"
      "Control socket, one request a line: 'help' lists the requests.\n",
      models);
}

}  // namespace vnic
