// The process that puts a NIC back when the run that changed it cannot.
//
// zcrx_nic guard, in a session of its own and a child of nobody's, so that what ends the run, its
// process group, its session or its ctest does not end it. It holds the run's NicLock too, and so
// nobody else begins before it is done. It learns of the run's end by the socket between them,
// whichever way the run ends; then it puts the NIC back as the journal has it, removes the journal,
// and leaves. Nothing of that depends on what the run had time for.
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

// The run's hold on it. Destroying it is the run's end too.
class Guardian {
 public:
  struct Options {
    std::string program;  // zcrx_nic
    std::string interface;
    std::string state_folder;  // with the interface's journal
  };
  // Returns once it is ready to take over. Header split that is on has been configured on by then.
  static Result<Guardian> Start(const Options& options, const NicLock& lock, Deadline deadline);

  // Whether that header split was the driver's own choice; absent where it was not on.
  [[nodiscard]] std::optional<bool> SplitAutomatic() const { return split_automatic_; }
  // An error once it has ended: nothing may be changed without it.
  [[nodiscard]] Status StillThere();

  struct Report {
    std::vector<std::string> differences;  // that it found, and put back
    std::vector<Error> errors;             // why it could not
  };
  // The run has put the NIC back: it looks, puts back what still differs, and leaves.
  // An error: it did not.
  Result<Report> Dismiss(Deadline deadline);

 private:
  Guardian(std::string interface, UniqueFd socket)
      : interface_(std::move(interface)), socket_(std::move(socket)) {}

  std::string interface_;
  UniqueFd socket_;
  std::optional<bool> split_automatic_ = {};
  std::string name_ = "the guardian";
};

// The guardian's own part, behind `zcrx_nic guard INTERFACE STATE_FOLDER`; an exit status.
// Descriptors: kGuardianLock, kGuardianSocket.
int GuardNic(const std::string& interface, const std::string& state_folder);

inline constexpr int kGuardianLock = 3;
inline constexpr int kGuardianSocket = 4;

// A point of kill_point.h for the guardian; the run's own does not reach it.
inline constexpr const char* kGuardianKillAt = "ZCRX_GUARDIAN_KILL_AT";

// What it says to the run, a packet each; its end ends it.
namespace guardian_says {
inline constexpr std::string_view kSplit = "split ";  // and kAutomatic, or that it was configured
inline constexpr std::string_view kAutomatic = "automatic";
inline constexpr std::string_view kReady = "ready ";      // and its process ID
inline constexpr std::string_view kDiffers = "differs ";  // and a sentence
inline constexpr std::string_view kFailed = "failed ";    // and an error
inline constexpr std::string_view kDone = "done";
}  // namespace guardian_says

}  // namespace zcrx
