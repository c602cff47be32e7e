#include "support/nic/absence.h"

#include <sched.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <memory>
#include <system_error>
#include <tuple>

#include "support/base/files.h"
#include "support/base/interruption.h"
#include "support/base/kill_point.h"
#include "support/base/unique_fd.h"
#include "support/base/wait.h"
#include "support/nic/link.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;

constexpr auto kProcessBegins = 10s;
constexpr auto kComesBack = 30s;  // probing a real card takes seconds
constexpr const char* kPci = "/sys/bus/pci";

std::filesystem::path FolderOf(const std::string& bus) {
  return std::filesystem::path(kPci) / "devices" / bus;
}

bool IsPciFunction(const std::string& bus) {
  std::error_code error;
  return !bus.empty() && std::filesystem::exists(FolderOf(bus), error);
}

// Lives in a network namespace of its own until the other end hangs up. That of a new user
// namespace takes no privilege, and in it this process has none over the machine.
int StayElsewhere(const UniqueFd& channel) {
  const int error = ::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 ? 0 : errno;
  if (::send(channel.Get(), &error, sizeof(error), MSG_NOSIGNAL) != sizeof(error)) return 1;
  char nothing;
  while (::recv(channel.Get(), &nothing, 1, 0) < 0 && errno == EINTR) {
  }
  return 0;
}

// Returns the only interface of the function; empty if there is none, or several.
std::string InterfaceOf(const std::filesystem::path& function) {
  std::error_code error;
  std::string name;
  for (const auto& entry : std::filesystem::directory_iterator(function / "net", error)) {
    if (!name.empty()) return "";
    name = entry.path().filename().string();
  }
  return name;
}

// An interface that is up has been renamed by somebody, who uses it.
Result<bool> IsBack(Kernel& kernel, const NicIdentity& nic) {
  const Result<Link> link = FindLink(kernel, nic.interface);
  if (link) return true;
  if (link.error().code != ENODEV) return std::unexpected(link.error());
  const std::string other = InterfaceOf(FolderOf(nic.bus));
  if (other.empty()) return false;
  Result<Nic> found = Nic::Open(other);
  if (!found) return false;  // udev has named it meanwhile
  ZCRX_RETURN_IF_ERROR(CheckSameNic(nic, *found));
  ZCRX_ASSIGN_OR_RETURN(const Link there, GetLink(*found));
  if (there.admin_up) return false;
  ZCRX_RETURN_IF_ERROR(Rename(*found, nic.interface));
  return true;
}

}  // namespace

Status BringBack(const NicIdentity& nic, Deadline deadline) {
  if (!IsPciFunction(nic.bus)) return {};
  ZCRX_ASSIGN_OR_RETURN(const std::unique_ptr<Kernel> kernel, OpenKernel());
  std::error_code error;
  if (!std::filesystem::exists(FolderOf(nic.bus) / "driver", error)) {
    ZCRX_RETURN_IF_ERROR(WriteSetting(std::filesystem::path(kPci) / "drivers_probe", nic.bus));
  }
  return Becomes(nic.interface + " is there again", [&] { return IsBack(*kernel, nic); }, deadline);
}

Result<Absence> Absence::Of(Nic& nic) {
  ZCRX_ASSIGN_OR_RETURN(NicIdentity identity, ReadIdentity(nic));
  if (!IsPciFunction(identity.bus)) {
    return Fail("take " + nic.Name() + " away", EOPNOTSUPP,
                fmt::format("\"{}\" is not a PCI function: it would not come back", identity.bus));
  }
  ZCRX_ASSIGN_OR_RETURN(std::vector<NicAddress> addresses, GetSetAddresses(nic));
  return Absence(nic, std::move(identity), std::move(addresses));
}

Result<Absence> Absence::ByUnbinding(Nic& nic) {
  const KillPoints points("unbind_driver");
  ZCRX_ASSIGN_OR_RETURN(Absence absence, Of(nic));
  const std::string& bus = absence.identity_.bus;
  ZCRX_RETURN_IF_ERROR(WriteSetting(FolderOf(bus) / "driver" / "unbind", bus));
  return absence;
}

Result<Absence> Absence::ByMoving(Nic& nic) {
  const KillPoints points("move_away");
  ZCRX_ASSIGN_OR_RETURN(Absence absence, Of(nic));
  ZCRX_ASSIGN_OR_RETURN(ChildProcess elsewhere, ChildProcess::Start(StayElsewhere));
  absence.elsewhere_.emplace(std::move(elsewhere));
  int failed = 0;
  ZCRX_RETURN_IF_ERROR(
      absence.elsewhere_->Read(&failed, sizeof(failed), Deadline::In(kProcessBegins)));
  if (failed != 0) return Fail("make a network namespace", failed);
  ZCRX_RETURN_IF_ERROR(MoveToNamespaceOf(nic, absence.elsewhere_->Id()));
  return absence;
}

Absence::~Absence() { std::ignore = End(); }

Status Absence::End() {
  Nic* const nic = std::exchange(nic_, nullptr);
  if (nic == nullptr) return {};
  const KillPoints points("end_absence");
  const Uninterrupted undoing;
  elsewhere_.reset();
  ZCRX_RETURN_IF_ERROR(BringBack(identity_, Deadline::In(kComesBack)));
  ZCRX_ASSIGN_OR_RETURN(Nic back, Nic::Open(identity_.interface));
  ZCRX_RETURN_IF_ERROR(CheckSameNic(identity_, back));  // another may have taken the name
  *nic = std::move(back);
  Status done = SetAdminUp(*nic, true);
  for (const NicAddress& address : addresses_) {
    Status added = AddAddress(*nic, address);
    if (done) done = std::move(added);
  }
  return done;
}

}  // namespace zcrx
