#include "support/base/privileges.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <span>

namespace zcrx {
namespace {

// capget(2), capset(2): 64 bits in two halves. glibc has no functions for them.
using Sets = std::array<__user_cap_data_struct, 2>;

Status Call(long number, const char* name, Sets& sets) {
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  if (::syscall(number, &header, sets.data()) != 0) return FailErrno(name);
  return {};
}

}  // namespace

Result<Capabilities> GetCapabilities() {
  Sets sets = {};
  ZCRX_RETURN_IF_ERROR(Call(SYS_capget, "get capabilities", sets));
  return Capabilities(uint64_t{sets[1].effective} << 32 | sets[0].effective);
}

Status KeepOnly(Capabilities kept) {
  Sets sets = {};
  ZCRX_RETURN_IF_ERROR(Call(SYS_capget, "get capabilities", sets));
  for (size_t half = 0; half < sets.size(); ++half) {
    const auto wanted = static_cast<uint32_t>(kept.Bits() >> (32 * half));
    sets[half].permitted &= wanted;
    sets[half].effective = sets[half].permitted;
    sets[half].inheritable = sets[half].permitted;
  }
  ZCRX_RETURN_IF_ERROR(Call(SYS_capset, "drop capabilities", sets));
  // Capabilities that are no longer permitted have already left the ambient set.
  for (int number = 0; number < 64; ++number) {
    const auto half = static_cast<size_t>(number / 32);
    if ((sets[half].permitted >> (number % 32) & 1) == 0) continue;
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) != 0) {
      return FailErrno(fmt::format("pass capability {} on to programs", number));
    }
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return FailErrno("set no_new_privs");
  return {};
}

}  // namespace zcrx
