// The guardian: a process that restores a NIC when the run that changed it cannot.
//
// The guardian is `zcrx_nic guard`, in its own session and detached from its parent, so that
// whatever ends the run, its process group, its session or its ctest does not end it. It also holds
// the run's NicLock, so that no other run starts before it is done. It notices the end of the run,
// in whatever way it ends, by the socket between them. Then it restores the NIC from the journal,
// removes the journal and exits. None of this depends on what the run had time for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/base/unique_fd.h"
#include "support/guard/journal.h"
#include "support/guard/nic_lock.h"

namespace zcrx {

// The run's handle of its guardian. Destroying it counts as the end of the run.
class Guardian {
 public:
  struct Options {
    std::string program;  // zcrx_nic
    std::string interface;
    std::string state_folder;  // with the interface's journal
  };
  // Returns once the guardian is ready to take over. By then, header split that was on has been
  // configured on.
  static Result<Guardian> Start(const Options& options, const NicLock& lock, Deadline deadline);

  // Returns whether that header split was the driver's own choice; nullopt if it was off.
  [[nodiscard]] std::optional<bool> SplitAutomatic() const { return split_automatic_; }
  // Fails once the guardian has exited: nothing may be changed without it.
  [[nodiscard]] Status StillThere();

  struct Report {
    std::vector<std::string> differences;  // found and restored
    std::vector<Error> errors;             // why it could not restore
  };
  // Tells the guardian that the run has restored the NIC. The guardian checks, restores remaining
  // differences and exits. Fails if it does not.
  Result<Report> Dismiss(Deadline deadline);

 private:
  Guardian(std::string interface, UniqueFd socket)
      : interface_(std::move(interface)), socket_(std::move(socket)) {}

  std::string interface_;
  UniqueFd socket_;
  std::optional<bool> split_automatic_ = {};
  std::string name_ = "the guardian";
};

// The guardian itself, run as `zcrx_nic guard INTERFACE STATE_FOLDER`. Returns the exit status.
// Uses descriptors kGuardianLock and kGuardianSocket, and kGuardianHugePages where there are any.
int GuardNic(const std::string& interface, const std::string& state_folder);

inline constexpr int kGuardianLock = 3;
inline constexpr int kGuardianSocket = 4;
// The run's HugePagesLock: if it is killed while it has the pool, no other run takes it before the
// guardian has put it back.
inline constexpr int kGuardianHugePages = 5;

// The kill point (kill_point.h) of the guardian, which does not inherit the run's own.
inline constexpr const char* kGuardianKillAt = "ZCRX_GUARDIAN_KILL_AT";

// Messages from the guardian to the run, one packet each. The end of the guardian closes the
// socket.
namespace guardian_says {
inline constexpr std::string_view kSplit = "split ";  // and kAutomatic, or nothing: configured on
inline constexpr std::string_view kAutomatic = "automatic";
inline constexpr std::string_view kReady = "ready ";      // and its process ID
inline constexpr std::string_view kDiffers = "differs ";  // and a sentence
inline constexpr std::string_view kFailed = "failed ";    // and an error
inline constexpr std::string_view kDone = "done";
}  // namespace guardian_says

}  // namespace zcrx
