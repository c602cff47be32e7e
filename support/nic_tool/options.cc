#include "support/nic_tool/options.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "support/config/flag_values.h"

namespace zcrx {
namespace {

enum class File : uint8_t { kNone, kMay, kMust };

struct CommandInfo {
  std::string_view word;
  NicCommand command;
  File file;
};
constexpr std::array<CommandInfo, 4> kCommands = {{
    {"show", NicCommand::kShow, File::kNone},
    {"snapshot", NicCommand::kSnapshot, File::kMust},
    {"diff", NicCommand::kDiff, File::kMust},
    {"restore", NicCommand::kRestore, File::kMay},
}};

constexpr std::array<std::string_view, 3> kValueFlags = {"--netif", "--config", "--wait"};

std::unexpected<Error> Refuse(std::string_view what, std::string_view reason) {
  return Fail(std::string(what), 0, fmt::format("{}; --help shows what there is", reason));
}

Status TakeFlag(std::string_view argument, NicToolOptions& options) {
  if (argument == "--all") {
    options.all = true;
    return {};
  }
  const size_t equals = std::min(argument.find('='), argument.size());
  const std::string_view name = argument.substr(0, equals);
  const std::string value(argument.substr(std::min(equals + 1, argument.size())));
  const std::string what = fmt::format("argument {}", argument);
  if (name == "--wait") {
    const auto wait = ParseWait(value);
    if (!wait) return Refuse(what, "it is no number of seconds");
    options.wait = *wait;
    return {};
  }
  if (name != "--netif" && name != "--config") return Refuse(what, "it is unknown");
  if (value.empty()) return Refuse(what, fmt::format("it needs a value: {}=...", name));
  if (name == "--config") {
    if (!options.config_file.empty()) return Refuse(what, "it is there twice");
    options.config_file = value;
  } else {
    if (!options.config.empty()) return Refuse(what, "it is there twice");
    options.config.emplace_back("NETIF", value);
  }
  return {};
}

}  // namespace

Result<NicToolOptions> ParseNicToolOptions(std::span<const char* const> arguments) {
  NicToolOptions options;
  std::vector<std::string> words;
  const std::vector<std::string> given(arguments.begin(), arguments.end());
  const auto takes_value = [](std::string_view flag) {
    return std::ranges::find(kValueFlags, flag) != kValueFlags.end();
  };
  for (const std::string& argument : JoinValues(given, takes_value)) {
    if (argument == "--version") return NicToolOptions{.command = NicCommand::kVersion};
    if (argument == "--help" || argument == "-h") return NicToolOptions{};
    if (argument.starts_with('-')) {
      ZCRX_RETURN_IF_ERROR(TakeFlag(argument, options));
    } else {
      words.emplace_back(argument);
    }
  }
  if (words.empty()) return Refuse("no command", "name one");
  const auto* const known = std::ranges::find(kCommands, words[0], &CommandInfo::word);
  if (known == kCommands.end()) {
    return Refuse(fmt::format("command {}", words[0]), "it is unknown");
  }
  options.command = known->command;
  if (words.size() > 1) options.file = words[1];
  const std::string what = fmt::format("command {}", words[0]);
  if (words.size() > 2) return Refuse(what, fmt::format("{} is too much", words[2]));
  if (known->file == File::kMust && options.file.empty()) return Refuse(what, "it needs a FILE");
  if (known->file == File::kNone && !options.file.empty()) {
    return Refuse(what, fmt::format("{} is too much", options.file));
  }
  if (options.all && (options.command != NicCommand::kRestore || !options.file.empty())) {
    return Refuse("argument --all", "it goes with restore and without a FILE");
  }
  if (options.wait.count() != 0 && options.command != NicCommand::kRestore) {
    return Refuse("argument --wait", "it goes with restore");
  }
  return options;
}

const char* const kNicToolHelp =
    "zcrx_nic [--netif=NAME] [--config=FILE] [--wait=SECONDS] COMMAND\n"
    "The state of the NIC under test: all of it that the tests may change.\n\n"
    "  show             print it\n"
    "  snapshot FILE    write it to FILE, for this boot of the machine; replaces only a snapshot\n"
    "                   of the same NIC\n"
    "  diff FILE        print what differs from FILE, a line each\n"
    "  restore FILE     put back what differs from FILE, and print it; changes nothing else\n"
    "  restore          put back what a killed run has left behind on the NIC\n"
    "  restore --all    the same for all NICs\n"
    "  --version        print the version and the revision it was built from\n\n"
    "A run that goes on keeps its NIC: restore waits for its end (--wait=SECONDS, 0 by default),\n"
    "and for its guardian, which puts back what a killed run has left behind too.\n"
    "The NIC is --netif, else NETIF in the environment, else in the file (--config, or\n"
    "./net.config if there is one).\n"
    "Exit status: 0 the NIC is as wanted, 1 it differs or could not be read or put back,\n"
    "2 bad usage: arguments, configuration, a FILE that is no snapshot of this NIC.\n";

}  // namespace zcrx
