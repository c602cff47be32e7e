#include "support/nic_tool/leftovers.h"

#include <algorithm>

#include "support/guard/journal.h"
#include "support/guard/nic_lock.h"
#include "support/guard/recovery.h"

namespace zcrx {
namespace {

Result<Journals> OpenJournals() {
  ZCRX_ASSIGN_OR_RETURN(StateFolder folder, StateFolder::Open());
  return Journals(std::move(folder));
}

// Takes the lock first: while a run or its guardian holds it, the journal is theirs.
Result<std::string> Recover(const Journals& journals, const std::string& interface,
                            std::chrono::seconds wait) {
  ZCRX_ASSIGN_OR_RETURN(const NicLock lock, NicLock::Take(interface, wait));
  return RecoverLeftover(journals, interface, Deadline::In(kPutBack));
}

NicToolStatus Restore(const Journals& journals, const std::string& interface,
                      std::chrono::seconds wait) {
  const Result<std::string> done = Recover(journals, interface, wait);
  if (!done.has_value()) return Complain(done.error(), NicToolStatus::kNotAsWanted);
  fmt::print("{}: {}\n", interface, done->empty() ? "nothing to do" : *done);
  return NicToolStatus::kAsWanted;
}

}  // namespace

NicToolStatus RestoreLeftover(const std::string& interface, std::chrono::seconds wait) {
  const Result<Journals> journals = OpenJournals();
  if (!journals.has_value()) return Complain(journals.error(), NicToolStatus::kNotAsWanted);
  return Restore(*journals, interface, wait);
}

NicToolStatus RestoreAllLeftovers(std::chrono::seconds wait) {
  const Result<Journals> journals = OpenJournals();
  if (!journals.has_value()) return Complain(journals.error(), NicToolStatus::kNotAsWanted);
  const Result<std::vector<std::string>> interfaces = journals->Interfaces();
  if (!interfaces.has_value()) return Complain(interfaces.error(), NicToolStatus::kNotAsWanted);
  NicToolStatus worst = NicToolStatus::kAsWanted;
  for (const std::string& interface : *interfaces) {
    worst = std::max(worst, Restore(*journals, interface, wait));
  }
  if (interfaces->empty()) fmt::print("nothing to do: no run has left a journal\n");
  return worst;
}

}  // namespace zcrx
