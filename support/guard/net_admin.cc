#include "support/guard/net_admin.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <optional>

namespace zcrx {
namespace {

constexpr uint32_t kNetAdmin = 1U << CAP_NET_ADMIN;  // in the first of the two words
static_assert(CAP_NET_ADMIN < 32);

using Sets = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

__user_cap_header_struct Header() {
  return {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};  // this thread
}

std::optional<Sets> Get() {
  __user_cap_header_struct header = Header();
  Sets sets = {};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return std::nullopt;
  return sets;
}

bool Set(const Sets& sets) {
  __user_cap_header_struct header = Header();
  return ::syscall(SYS_capset, &header, sets.data()) == 0;
}

// 1 or 0 for PR_CAP_AMBIENT_IS_SET, 0 for the others; -1 failed.
int Ambient(int operation) { return ::prctl(PR_CAP_AMBIENT, operation, CAP_NET_ADMIN, 0, 0); }

}  // namespace

bool HasNetAdmin() {
  const auto sets = Get();
  return sets && ((*sets)[0].effective & kNetAdmin) != 0;
}

// An ambient capability has to be a permitted and an inheritable one.
LentNetAdmin::LentNetAdmin() {
  auto sets = Get();
  if (!sets || ((*sets)[0].permitted & kNetAdmin) == 0) return;
  if (Ambient(PR_CAP_AMBIENT_IS_SET) != 0) return;
  (*sets)[0].inheritable |= kNetAdmin;
  lent_ = Set(*sets) && Ambient(PR_CAP_AMBIENT_RAISE) == 0;
}

LentNetAdmin::~LentNetAdmin() {
  if (!lent_) return;
  Ambient(PR_CAP_AMBIENT_LOWER);
}

}  // namespace zcrx
