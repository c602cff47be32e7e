// Who may register, from where and how often: what IORING_REGISTER_ZCRX_IFQ goes by before it looks
// at the request. io_register_zcrx() in io_uring/zcrx.c, io_uring_register() in
// io_uring/register.c.
#include <linux/capability.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <future>
#include <string>

#include "fixtures/nodev_test.h"
#include "support/base/child_process.h"
#include "support/base/pages.h"
#include "support/base/privileges.h"
#include "test/hw/wrong_value.h"

namespace zcrx {
namespace {

// The capabilities of this thread without one.
Result<Capabilities> Without(int capability) {
  ZCRX_ASSIGN_OR_RETURN(const Capabilities all, GetCapabilities());
  return Capabilities(all.Bits() & ~(uint64_t{1} << capability));
}

// Calls `function` in a thread of its own, whose capabilities and rings end with it.
template <typename Function>
auto InAThread(Function function) {
  return std::async(std::launch::async, function).get();
}

class ZcrxNodevAccess : public NodevTest {};

// 977: "It can observe data destined for sockets of other tasks."
TEST_F(ZcrxNodevAccess, NeedsCapNetAdmin) {
  const auto registration = [](int dropped) {
    return InAThread([dropped]() -> Status {
      ZCRX_ASSIGN_OR_RETURN(const Capabilities kept, Without(dropped));
      ZCRX_RETURN_IF_ERROR(KeepOnly(kept));
      ZCRX_ASSIGN_OR_RETURN(const Ring ring, Ring::Create(1, 2));
      ZCRX_RETURN_IF_ERROR(Ifq::Register(ring, Nodev()));
      return {};
    });
  };
  EXPECT_THAT(registration(CAP_NET_ADMIN), FailsWith(EPERM));
  EXPECT_OK(registration(CAP_DAC_OVERRIDE));
}

// Registers in a process of its own, in namespaces of its own (unshare(2)). Returns 0 or an errno.
Result<int> RegisterApart(int namespaces) {
  ZCRX_ASSIGN_OR_RETURN(ChildProcess child, ChildProcess::Start([&](const UniqueFd& /*channel*/) {
                          if (unshare(namespaces) != 0) return -1;
                          const auto ring = Ring::Create(1, 2);
                          const auto ifq =
                              ring ? Ifq::Register(*ring, Nodev()) : std::unexpected(ring.error());
                          return ifq ? 0 : ifq.error().code;
                        }));
  return child.Wait(Soon());
}

// 977: in the initial user namespace; one of its own does not suffice, whatever one may do there.
TEST_F(ZcrxNodevAccess, NeedsTheInitialUserNamespace) {
  ZCRX_REQUIRE(Capability::kUserNamespaces);
  EXPECT_THAT(RegisterApart(CLONE_FS), IsOkAndHolds(0)) << "in no namespace of its own";
  EXPECT_THAT(RegisterApart(CLONE_NEWUSER), IsOkAndHolds(EPERM));
}

// register.c: a ring of IORING_SETUP_SINGLE_ISSUER is its creator's.
TEST_F(ZcrxNodevAccess, IsTheRingsOwn) {
  ASSERT_OK_AND_ASSIGN(const Ring ring, Ring::Create(1, 2));
  EXPECT_THAT(InAThread([&] { return Ifq::Register(ring, Nodev()); }), FailsWith(EEXIST));
  EXPECT_OK(Ifq::Register(ring, Nodev()));
}

// 257: io_account_mem(). The limit is the process's, and only rings that are made without
// CAP_IPC_LOCK go by it.
TEST_F(ZcrxNodevAccess, NeedsMemoryWithinTheLimit) {
  rlimit limit = {};
  ASSERT_EQ(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
  const rlimit low = {.rlim_cur = std::min<rlim_t>(limit.rlim_max, 1 << 20),
                      .rlim_max = limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &low), 0);
  const auto registration = [](size_t bytes) {
    return InAThread([bytes]() -> Status {
      ZCRX_ASSIGN_OR_RETURN(const Capabilities kept, Without(CAP_IPC_LOCK));
      ZCRX_RETURN_IF_ERROR(KeepOnly(kept));
      ZCRX_ASSIGN_OR_RETURN(const Ring ring, Ring::Create(1, 2));
      ZCRX_RETURN_IF_ERROR(Ifq::Register(ring, Nodev(bytes / PageBytes())));
      return {};
    });
  };
  const Status over = registration(low.rlim_cur + PageBytes());
  const Status within = registration(PageBytes());
  ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
  EXPECT_THAT(over, FailsWith(ENOMEM));
  EXPECT_OK(within);
}

// 981, 983 and 841, 843: also of an import.
struct WrongRing {
  std::string name;
  unsigned flags;
  std::string source;

  friend void PrintTo(const WrongRing& ring, std::ostream* out) {
    *out << "EINVAL, " << ring.source;
  }
};
class ZcrxNodevRingRefusal : public NodevTest, public ::testing::WithParamInterface<WrongRing> {};

TEST_P(ZcrxNodevRingRefusal, OfOneFlag) {
  ASSERT_OK_AND_ASSIGN(const Ring wrong, Ring::Create(1, 2, GetParam().flags));
  EXPECT_THAT(Ifq::Register(wrong, Nodev()), FailsWith(EINVAL)) << GetParam().source;
  ASSERT_OK_AND_ASSIGN(const Ring right, Ring::Create(1, 2));
  ASSERT_OK_AND_ASSIGN(const Ifq ifq, Ifq::Register(right, Nodev()));

  ZCRX_REQUIRE(Capability::kSharing);
  ASSERT_OK_AND_ASSIGN(const UniqueFd box, ExportIfq(right, ifq.Id()));
  EXPECT_THAT(ImportIfq(wrong, box), FailsWith(EINVAL)) << GetParam().source;
  EXPECT_OK(ImportIfq(right, box));
}

INSTANTIATE_TEST_SUITE_P(
    , ZcrxNodevRingRefusal,
    ::testing::Values(WrongRing{"narrow_completions", Ring::kFlags & ~IORING_SETUP_CQE32,
                                "983 and 843: IORING_SETUP_CQE32"},
                      WrongRing{"no_deferred_work", Ring::kFlags & ~IORING_SETUP_DEFER_TASKRUN,
                                "981 and 841: IORING_SETUP_DEFER_TASKRUN"}),
    kNameOfRow);

TEST_F(ZcrxNodevAccess, TakesOneRequestAtATime) {
  ASSERT_OK_AND_ASSIGN(const Ring ring, Ring::Create(1, 2));
  ASSERT_OK_AND_ASSIGN(Registration registration, Registration::Prepare(Nodev()));
  void* const request = &registration.Arguments().ifq;
  constexpr unsigned kRegister = uapi::IORING_REGISTER_ZCRX_IFQ;
  EXPECT_THAT(Call(ring, kRegister, request, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(ring, kRegister, request, 2), FailsWith(EINVAL));
  EXPECT_THAT(Call(ring, kRegister, nullptr, 1), FailsWith(EINVAL));
  EXPECT_THAT(Call(ring, kRegister, reinterpret_cast<void*>(8), 1), FailsWith(EFAULT));
  EXPECT_OK(Call(ring, kRegister, request, 1));
}

// A ring that does not run yet.
TEST_F(ZcrxNodevAccess, IsGivenToADisabledRingToo) {
  ASSERT_OK_AND_ASSIGN(const Ring ring, Ring::Create(1, 2, Ring::kFlags | IORING_SETUP_R_DISABLED));
  // It is nobody's until it is enabled.
  const Result<Ifq> ifq = Ifq::Register(ring, Nodev());
  EXPECT_OK(Call(ring, IORING_REGISTER_ENABLE_RINGS, nullptr, 0));
  EXPECT_OK(ifq);
}

}  // namespace
}  // namespace zcrx
