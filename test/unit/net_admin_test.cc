// What a program that holds CAP_NET_ADMIN by itself, and not as root, hands on.
#include "support/guard/net_admin.h"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <string_view>

namespace zcrx {
namespace {

constexpr uid_t kNobody = 65534;

// As a program of an ordinary user is that has been given the capability with setcap(8).
bool BecomeOrdinaryUserWithNetAdmin() {
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  sets[0].permitted = sets[0].effective = 1U << CAP_NET_ADMIN;
  return ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 && ::setresuid(kNobody, kNobody, kNobody) == 0 &&
         ::syscall(SYS_capset, &header, sets) == 0 && HasNetAdmin();
}

// Whether this program has the capability when such a process starts it; see main().
bool ChildHasIt(bool lent) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (!BecomeOrdinaryUserWithNetAdmin()) ::_exit(2);
    std::optional<LentNetAdmin> lending;
    if (lent) lending.emplace();
    ::execl("/proc/self/exe", "net_admin_test", "tell", nullptr);
    ::_exit(2);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_NE(WEXITSTATUS(status), 2);
  return WEXITSTATUS(status) == 0;
}

TEST(NetAdmin, IsLentToProgramsThatAreStarted) {
  if (::geteuid() != 0 || !HasNetAdmin()) GTEST_SKIP() << "only root can give it away";
  EXPECT_TRUE(ChildHasIt(true));
  EXPECT_FALSE(ChildHasIt(false));
}

}  // namespace
}  // namespace zcrx

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "tell") return zcrx::HasNetAdmin() ? 0 : 1;
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
