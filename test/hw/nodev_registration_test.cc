// What a registration must be, by IORING_REGISTER_ZCRX_IFQ without a device: each refusal beside
// the same request with one thing right. Line numbers are of Linux 7.3.4, io_uring/zcrx.c where no
// file is named.
#include <linux/io_uring.h>
#include <sys/mman.h>

#include <array>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "fixtures/nodev_test.h"
#include "support/base/pages.h"
#include "support/zcrx/registration.h"

namespace zcrx {
namespace {

struct WrongValue {
  std::string name;
  int code;
  std::string source;  // the line that refuses
  std::function<void(Registration&)> spoil;
  std::vector<Capability> needs = {};

  friend void PrintTo(const WrongValue& wrong, std::ostream* out) { *out << wrong.name; }
};

class ZcrxNodevRegistration : public NodevTest, public ::testing::WithParamInterface<WrongValue> {};

TEST_P(ZcrxNodevRegistration, RefusesOneWrongValue) {
  ZCRX_REQUIRE(GetParam().needs);
  IfqOptions options = Nodev();
  options.stats = Ask(Capability::kEvents).kind == Answer::Kind::kPresent;
  ASSERT_OK_AND_ASSIGN(const Ring ring, Ring::Create(1, 2));
  ASSERT_OK_AND_ASSIGN(Registration wrong, Registration::Prepare(options));
  GetParam().spoil(wrong);
  const auto answer = wrong.Send(ring);
  ASSERT_FALSE(answer.has_value()) << "accepted, though " << GetParam().source;
  EXPECT_EQ(ErrnoName(answer.error()), ErrnoName(GetParam().code)) << GetParam().source;

  ASSERT_OK_AND_ASSIGN(const Ifq right, Ifq::Register(ring, options));
  EXPECT_EQ(right.Id(), 0) << "the refused registration kept its number";
}

INSTANTIATE_TEST_SUITE_P(
    , ZcrxNodevRegistration,
    ::testing::Values(WrongValue{"id", EINVAL, "987: reg.zcrx_id",
                                 [](Registration& wrong) { wrong.Arguments().ifq.zcrx_id = 1; }},
                      WrongValue{"flags", EINVAL, "989: reg.flags",
                                 [](Registration& wrong) { wrong.Arguments().ifq.flags |= 4; }}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace zcrx
