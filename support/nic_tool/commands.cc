#include "support/nic_tool/commands.h"

#include <chrono>
#include <cstdio>
#include <map>
#include <string_view>

#include "support/base/options.h"
#include "support/config/several_nics.h"
#include "support/guard/nic_lock.h"
#include "support/nic/nic.h"
#include "support/nic/state.h"
#include "support/nic_tool/leftovers.h"
#include "support/nic_tool/snapshot_file.h"
#include "support/version/version.h"

namespace zcrx {
namespace {

// Time for memory providers to leave and huge pages to be freed.
constexpr std::chrono::seconds kRestore{20};

NicToolStatus Show(Nic& nic) {
  const Result<NicState> state = ReadNicState(nic);
  if (!state.has_value()) return Complain(state.error(), NicToolStatus::kNotAsWanted);
  fmt::print("{}", SerializeNicState(*state));
  return NicToolStatus::kAsWanted;
}

NicToolStatus Snapshot(Nic& nic, const std::string& file) {
  const Result<NicState> state = ReadNicState(nic);
  if (!state.has_value()) return Complain(state.error(), NicToolStatus::kNotAsWanted);
  const Status written = WriteSnapshot(file, *state);
  if (written.has_value()) return NicToolStatus::kAsWanted;
  return Complain(written.error(), written.error().code == EEXIST ? NicToolStatus::kBadUsage
                                                                  : NicToolStatus::kNotAsWanted);
}

// Returns the snapshot in `file`, after checking that it is of this NIC.
Result<NicState> Wanted(Nic& nic, const std::string& file) {
  ZCRX_ASSIGN_OR_RETURN(NicState wanted, ReadSnapshot(file));
  ZCRX_RETURN_IF_ERROR(CheckSameNic(wanted.nic, nic));
  return wanted;
}

// Prints a line for each difference and returns how many there are.
Result<size_t> PrintDifferences(Nic& nic, const NicState& wanted) {
  ZCRX_ASSIGN_OR_RETURN(const NicState now, ReadNicState(nic));
  const std::vector<std::string> differences = Differences(wanted, now);
  for (const std::string& difference : differences) fmt::print("{}: {}\n", nic.Name(), difference);
  return differences.size();
}

NicToolStatus Diff(Nic& nic, const NicState& wanted) {
  const Result<size_t> differences = PrintDifferences(nic, wanted);
  if (!differences.has_value()) return Complain(differences.error(), NicToolStatus::kNotAsWanted);
  return *differences == 0 ? NicToolStatus::kAsWanted : NicToolStatus::kNotAsWanted;
}

// Takes the lock, because a run relies on the NIC being as it found it.
NicToolStatus Restore(Nic& nic, const NicState& wanted, std::chrono::seconds wait) {
  const Result<NicLock> lock = NicLock::Take(nic.Name(), wait);
  if (!lock.has_value()) return Complain(lock.error(), NicToolStatus::kNotAsWanted);
  const Result<size_t> differences = PrintDifferences(nic, wanted);
  if (!differences.has_value()) return Complain(differences.error(), NicToolStatus::kNotAsWanted);
  if (*differences == 0) {
    fmt::print("{}: nothing to do\n", nic.Name());
    return NicToolStatus::kAsWanted;
  }
  const std::vector<Error> errors = Apply(nic, wanted, Deadline::In(kRestore)).errors;
  for (const Error& error : errors) Complain(error, NicToolStatus::kNotAsWanted);
  if (!errors.empty()) return NicToolStatus::kNotAsWanted;
  fmt::print("{}: put back\n", nic.Name());
  return NicToolStatus::kAsWanted;
}

// The NICs have to be there, and to differ: a file may call one by an altname.
Result<std::vector<NicFile>> NicsForCtest() {
  const std::string nics = AllotmentFromEnvironment().nics;
  if (nics.empty()) {
    return Misused("ctest-resources: ZCRX_NICS is not set; it names a net.config for each NIC");
  }
  ZCRX_ASSIGN_OR_RETURN(std::vector<NicFile> files, ReadNicFiles(nics));
  std::map<std::string, std::string> paths;
  for (const NicFile& file : files) {
    const Result<Nic> nic = Nic::Open(file.netif);
    if (!nic) return Fail(file.path, 0, nic.error().Text());
    const auto [other, is_new] = paths.emplace(nic->Name(), file.path);
    if (is_new) continue;
    return Fail(
        "read ZCRX_NICS", 0,
        fmt::format("{} is the NIC of {} and of {}", nic->Name(), other->second, file.path));
  }
  return files;
}

NicToolStatus CtestResources() {
  const Result<std::vector<NicFile>> files = NicsForCtest();
  if (!files.has_value()) return Complain(files.error(), NicToolStatus::kBadUsage);
  fmt::print("{}", ResourceSpec(*files));
  return NicToolStatus::kAsWanted;
}

}  // namespace

NicToolStatus Complain(const Error& error, NicToolStatus status) {
  fmt::print(stderr, "zcrx_nic: {}\n", error.Text());
  return status;
}

NicToolStatus RunNicTool(const NicToolOptions& options) {
  if (options.command == NicCommand::kHelp) {
    fmt::print("{}", kNicToolHelp);
    return NicToolStatus::kAsWanted;
  }
  if (options.command == NicCommand::kVersion) {
    fmt::print("zcrx_nic {}\n", kVersion);
    return NicToolStatus::kAsWanted;
  }
  if (options.command == NicCommand::kCtestResources) return CtestResources();
  if (options.all) return RestoreAllLeftovers(options.wait);
  const Result<std::string> netif = LoadNetif({.flags = options.config,
                                               .environment = ConfigFromEnvironment(),
                                               .file = options.config_file});
  if (!netif.has_value()) return Complain(netif.error(), NicToolStatus::kBadUsage);
  Result<Nic> nic = Nic::Open(*netif);
  if (options.command == NicCommand::kRestore && options.file.empty()) {
    // A journal may exist although its interface is gone.
    return RestoreLeftover(nic ? nic->Name() : *netif, options.wait);
  }
  if (!nic.has_value()) return Complain(nic.error(), NicToolStatus::kBadUsage);
  if (options.command == NicCommand::kShow) return Show(*nic);
  if (options.command == NicCommand::kSnapshot) return Snapshot(*nic, options.file);
  const Result<NicState> wanted = Wanted(*nic, options.file);
  if (!wanted.has_value()) return Complain(wanted.error(), NicToolStatus::kBadUsage);
  return options.command == NicCommand::kDiff ? Diff(*nic, *wanted)
                                              : Restore(*nic, *wanted, options.wait);
}

}  // namespace zcrx
