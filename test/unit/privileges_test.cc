// Each in a child of its own: what is given up does not come back.
#include "support/base/privileges.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "fixtures/result_matchers.h"

namespace zcrx {
namespace {

int StatusOfChild(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class PrivilegesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(const Capabilities mine, GetCapabilities());
    if (!mine.Has(CAP_NET_ADMIN) || !mine.Has(CAP_SYS_CHROOT)) {
      GTEST_SKIP() << "there is nothing to give up: run as root";
    }
  }
};

TEST_F(PrivilegesTest, OnlyWhatIsKeptStays) {
  EXPECT_EQ(StatusOfChild([] {
              if (!KeepOnly({CAP_NET_ADMIN})) return 1;
              const Result<Capabilities> now = GetCapabilities();
              return now && *now == Capabilities{CAP_NET_ADMIN} ? 0 : 2;
            }),
            0);
}

TEST_F(PrivilegesTest, WhatIsGivenUpCannotBeUsed) {
  EXPECT_EQ(StatusOfChild([] { return KeepOnly({CAP_NET_ADMIN}) && ::chroot("/") != 0 ? 0 : 1; }),
            0);
}

TEST_F(PrivilegesTest, ProgramsStartedLaterHaveNoMore) {
  EXPECT_EQ(StatusOfChild([] {
              if (!KeepOnly({CAP_NET_ADMIN})) return 1;
              // 1 << CAP_NET_ADMIN; and the kernel tells of no_new_privs.
              ::execl("/bin/sh", "sh", "-c",
                      "grep -q '^CapPrm:.*0000000000001000$' /proc/self/status && "
                      "grep -q '^NoNewPrivs:.*1$' /proc/self/status",
                      nullptr);
              return 127;
            }),
            0);
}

TEST_F(PrivilegesTest, AnOrdinaryUserKeepsThemInProgramsToo) {
  EXPECT_EQ(StatusOfChild([] {
              if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || ::setuid(65534) != 0) return 1;
              if (!KeepOnly({CAP_NET_ADMIN})) return 2;
              ::execl("/bin/sh", "sh", "-c",
                      "grep -q '^CapEff:.*0000000000001000$' /proc/self/status", nullptr);
              return 127;
            }),
            0);
}

TEST(Privileges, NobodyKeepsWhatHeHasNot) {
  EXPECT_EQ(StatusOfChild([] {
              if (!KeepOnly({}) || !KeepOnly({CAP_NET_ADMIN})) return 1;
              const Result<Capabilities> now = GetCapabilities();
              return now && *now == Capabilities() ? 0 : 2;
            }),
            0);
}

}  // namespace
}  // namespace zcrx
