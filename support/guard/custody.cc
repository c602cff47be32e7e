#include "support/guard/custody.h"

#include <unistd.h>

#include <utility>

#include "support/base/interruption.h"
#include "support/base/kill_point.h"
#include "support/guard/recovery.h"
#include "support/nic/state.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;

constexpr auto kReady = 20s;  // starts of programs take long on a loaded machine
// The guardian's own limit, plus time for its report.
constexpr auto kDismiss = kPutBack + 5s;

Error LeftChanged(const std::string& interface, const std::string& difference) {
  return {fmt::format("{} differed from the state it was found in: {}", interface, difference), 0,
          "it has been put back"};
}

}  // namespace

Result<Custody> Custody::Take(const std::string& interface, std::chrono::seconds wait,
                              const std::string& guardian_program, std::string& said) {
  if (::access(guardian_program.c_str(), X_OK) != 0) {
    return FailErrno("find the guardian " + guardian_program, "it must be in the suite's folder");
  }
  ZCRX_ASSIGN_OR_RETURN(StateFolder folder, StateFolder::Open());
  Journals journals(std::move(folder));
  ZCRX_ASSIGN_OR_RETURN(NicLock lock, NicLock::Take(interface, wait));
  ZCRX_ASSIGN_OR_RETURN(said, RecoverLeftover(journals, interface, Deadline::In(kPutBack)));
  return Custody(interface, guardian_program, std::move(lock), std::move(journals));
}

Status Custody::Begin(NicState& found) {
  Status begun = StartGuarding(found);
  if (begun) return {};
  for (const Error& error : End()) {
    std::string& detail = begun.error().detail;
    detail += (detail.empty() ? "" : "; ") + error.Text();
  }
  return begun;
}

Status Custody::StartGuarding(NicState& found) {
  ZCRX_ASSIGN_OR_RETURN(journal_, MakeJournal(found));
  ZCRX_RETURN_IF_ERROR(WriteJournal());
  const KillPoints points("start_guardian");
  ZCRX_ASSIGN_OR_RETURN(guardian_, Guardian::Start({.program = program_,
                                                    .interface = interface_,
                                                    .state_folder = journals_.Folder()},
                                                   lock_, Deadline::In(kReady)));
  found.split_automatic = guardian_->SplitAutomatic();
  journal_->state.split_automatic = found.split_automatic;
  // Makes the answer visible to tests, as no state shows it.
  if (const auto automatic = found.split_automatic) {
    PassKillPoint("found", *automatic ? "automatic_split" : "configured_split");
  }
  return {};
}

Status Custody::WriteJournal() const {
  const KillPoints points("write_journal");
  return journals_.Write(*journal_);
}

Status Custody::Holds() {
  if (!guardian_) return Fail(interface_ + " has no guardian");
  return guardian_->StillThere();
}

std::vector<Error> Custody::End() {
  if (!journal_) return {};
  const Uninterrupted undoing;
  const Journal journal = *std::exchange(journal_, std::nullopt);
  std::optional<Guardian> guardian = std::exchange(guardian_, std::nullopt);
  std::vector<Error> errors;
  if (guardian) {
    const KillPoints points("dismiss_guardian");
    Result<Guardian::Report> report = guardian->Dismiss(Deadline::In(kDismiss));
    if (report) {
      errors = std::move(report->errors);
      for (const std::string& difference : report->differences) {
        errors.push_back(LeftChanged(interface_, difference));
      }
      return errors;
    }
    errors.push_back(std::move(report).error());
  }
  Recovery recovery = PutBack(journals_, journal, Deadline::In(kPutBack));
  for (const std::string& difference : recovery.differences) {
    errors.push_back(LeftChanged(interface_, difference));
  }
  for (Error& error : recovery.errors) errors.push_back(std::move(error));
  return errors;
}

}  // namespace zcrx
