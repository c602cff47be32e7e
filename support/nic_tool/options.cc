#include "support/nic_tool/options.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "support/base/options.h"

namespace zcrx {
namespace {

enum class File : uint8_t { kNone, kMay, kMust };

struct CommandInfo {
  std::string_view word;
  NicCommand command;
  File file;
};
constexpr std::array<CommandInfo, 5> kCommands = {{
    {"show", NicCommand::kShow, File::kNone},
    {"snapshot", NicCommand::kSnapshot, File::kMust},
    {"diff", NicCommand::kDiff, File::kMust},
    {"restore", NicCommand::kRestore, File::kMay},
    {"ctest-resources", NicCommand::kCtestResources, File::kNone},
}};

}  // namespace

Result<NicToolOptions> ParseNicToolOptions(std::span<const char* const> arguments) {
  NicToolOptions options;
  std::string netif;
  bool help = false;
  bool version = false;
  const std::array table = {
      Text("--netif", "NAME", "", netif),
      Text("--config", "FILE", "", options.config_file),
      Span("--wait", "SECONDS", "", options.wait, std::chrono::seconds(0), kLongestWait),
      Flag("--all", "", options.all),
      Ending(Flag("--help", "", help)),
      Ending(Flag("--version", "", version)),
  };
  std::vector<std::string> words;
  ZCRX_RETURN_IF_ERROR(ParseOptions(arguments, table, &words));
  if (help) return NicToolOptions{};
  if (version) return NicToolOptions{.command = NicCommand::kVersion};
  if (!netif.empty()) options.config.emplace_back("NETIF", netif);
  if (words.empty()) return Misused("no command");
  const auto* const known = std::ranges::find(kCommands, words[0], &CommandInfo::word);
  if (known == kCommands.end()) return Misused(fmt::format("unknown command \"{}\"", words[0]));
  options.command = known->command;
  const size_t most = known->file == File::kNone ? 1 : 2;
  if (words.size() > most) {
    return Misused(fmt::format("{}: unexpected argument \"{}\"", words[0], words[most]));
  }
  if (words.size() > 1) options.file = words[1];
  if (known->file == File::kMust && words.size() < 2) {
    return Misused(fmt::format("{} needs a FILE", words[0]));
  }
  if (options.all && (options.command != NicCommand::kRestore || !options.file.empty())) {
    return Misused("--all is only for restore without a FILE");
  }
  if (options.wait.count() != 0 && options.command != NicCommand::kRestore) {
    return Misused("--wait is only for restore");
  }
  return options;
}

const char* const kNicToolHelp =
    "zcrx_nic [--netif=NAME] [--config=FILE] [--wait=SECONDS] COMMAND\n"
    "Shows or restores the state of the NIC under test: all that tests may change.\n\n"
    "  show             print it\n"
    "  snapshot FILE    write it to FILE, for this boot of the machine; replaces only a snapshot\n"
    "                   of the same NIC\n"
    "  diff FILE        print each difference from FILE on one line\n"
    "  restore FILE     put back what differs from FILE, and print it; changes nothing else\n"
    "  restore          put back what a killed run has left behind on the NIC\n"
    "  restore --all    the same for all NICs\n"
    "  ctest-resources  print ctest's list of resources (--resource-spec-file): the NICs of the\n"
    "                   configurations that ZCRX_NICS names, FILE:FILE...\n"
    "  --version        print the version and the revision it was built from\n\n"
    "A run that goes on keeps its NIC: restore waits for its end (--wait=SECONDS, 0 by default),\n"
    "and for its guardian, which puts back what a killed run has left behind too.\n"
    "The NIC is --netif, else NETIF in the environment, else in the file (--config, or\n"
    "./net.config if there is one).\n"
    "Exit status: 0 the NIC is as wanted, 1 it differs or could not be read or put back,\n"
    "2 bad usage: arguments, configuration, a FILE that is not a snapshot of this NIC.\n";

}  // namespace zcrx
