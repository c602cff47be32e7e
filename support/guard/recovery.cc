#include "support/guard/recovery.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <tuple>
#include <utility>

#include "support/base/interruption.h"
#include "support/base/kill_point.h"
#include "support/kernel/fail_function.h"
#include "support/kernel/packet_trace.h"
#include "support/nic/absence.h"
#include "support/nic/huge_pages.h"
#include "support/nic/queue_lease.h"
#include "support/nic/queues.h"
#include "support/nic/state.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;

// A NIC in the network namespace of a killed run comes back some time after that.
constexpr auto kComesBack = 10s;

// Restores what differs on the NIC.
Status Restore(const NicState& wanted, Recovery& recovery, Deadline deadline) {
  ZCRX_RETURN_IF_ERROR(BringBack(wanted.nic, deadline.Earlier(Deadline::In(kComesBack))));
  ZCRX_ASSIGN_OR_RETURN(Nic nic, Nic::Open(wanted.nic.interface));
  ZCRX_RETURN_IF_ERROR(CheckSameNic(wanted.nic, nic));
  return PutBackSettings(nic, wanted, recovery, deadline);
}

}  // namespace

Status PutBackSettings(Nic& nic, const NicState& wanted, Recovery& recovery, Deadline deadline) {
  const auto record = [&recovery](const Status& status) {
    if (!status) recovery.errors.push_back(status.error());
  };
  // What a provider that stays does not hold is put back all the same.
  if (CanSeeQueues(nic)) record(WaitForAllProvidersGone(nic, deadline));
  record(EndLeftoverLease(nic));  // not earlier: see ~QueueLease()
  ZCRX_ASSIGN_OR_RETURN(const NicState now, ReadNicState(nic));
  recovery.differences = Differences(wanted, now);
  std::ranges::move(Apply(nic, wanted, deadline).errors, std::back_inserter(recovery.errors));
  return {};
}

Recovery PutBack(const Journals& journals, const Journal& journal, Deadline deadline) {
  const Uninterrupted undoing;
  Recovery recovery;
  PassKillPoint("before", "put_back");
  EndLeftoverPoolFailures();  // before queues are restarted
  // If a run on another NIC has the pool of huge pages, this one has put it back, and it is left
  // alone.
  HugePagesLock& pool = HugePagesLock::OfProcess();
  std::ignore = pool.Take(Deadline::Exactly(Deadline::Clock::duration::zero()));
  Status done = Restore(journal.state, recovery, deadline);
  pool.Release();
  RemoveLeftoverTraces();
  PassKillPoint("after", "put_back");
  if (done && recovery.errors.empty()) done = journals.Remove(journal.state.nic.interface);
  if (!done) recovery.errors.push_back(std::move(done).error());
  return recovery;
}

Result<std::string> RecoverLeftover(const Journals& journals, const std::string& interface,
                                    Deadline deadline) {
  ZCRX_ASSIGN_OR_RETURN(const Journals::Leftover leftover, journals.Find(interface));
  if (!leftover.journal) return leftover.said;
  // Neither the run nor its guardian has put the pool back: a run on another NIC that has it now
  // found it as they left it.
  const Deadline::Clock::duration for_nic = deadline.Remaining();
  ZCRX_RETURN_IF_ERROR(HugePagesLock::OfProcess().Take(Deadline::In(kOthersReturnHugePages)));
  const Recovery recovery = PutBack(journals, *leftover.journal, Deadline::Exactly(for_nic));
  if (recovery.errors.empty()) {
    return fmt::format("a killed run left {} (journal written {}): put back: {}", interface,
                       leftover.journal->written,
                       recovery.differences.empty()
                           ? "nothing, it is as it was found"
                           : fmt::format("{}", fmt::join(recovery.differences, "; ")));
  }
  std::vector<std::string> texts;
  texts.reserve(recovery.errors.size());
  for (const Error& error : recovery.errors) texts.push_back(error.Text());
  return Fail(fmt::format("put {} back to the state in its journal", interface), 0,
              fmt::format("{}; the journal is {}: remove it if it is no longer needed",
                          fmt::join(texts, "; "), journals.PathOf(interface)));
}

}  // namespace zcrx
