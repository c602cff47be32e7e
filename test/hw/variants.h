// What suites have in common: the stream that is sent, and steering as a test parameter.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "fixtures/bed/capability.h"
#include "fixtures/bed/target_queue.h"
#include "fixtures/zcrx_test.h"
#include "support/zcrx/area.h"

namespace zcrx {

// More than any test waits for: the stream ends with its receiver.
inline constexpr uint64_t kEndless = uint64_t{1} << 40;

// Of tens of megabytes, also where TCP has to repeat one segment in a hundred.
inline constexpr std::chrono::minutes kLongTransfer{4};

struct SteeringVariant {
  std::string name;  // part of the test's name: stays
  Steering steering;
  std::vector<Capability> needs;  // beside what every test needs
  AreaKind area = AreaKind::kPages;

  friend void PrintTo(const SteeringVariant& variant, std::ostream* out) { *out << variant.name; }
};

inline const SteeringVariant kFlowRule = {
    "flow_rule", Steering::kFlowRule, {Capability::kFlowSteering}};
inline const SteeringVariant kRssContext = {
    "rss_context", Steering::kRssContext, {Capability::kFlowSteering, Capability::kRssContexts}};

inline const SteeringVariant kFlowRuleDmabuf = {
    "flow_rule_dmabuf",
    Steering::kFlowRule,
    {Capability::kFlowSteering, Capability::kDmabufArea},
    AreaKind::kUdmabuf};

// A test with a variant of steering, and what that needs.
class SteeredTest : public ZcrxTest, public ::testing::WithParamInterface<SteeringVariant> {
 protected:
  void SetUp() override {
    ZcrxTest::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) ZCRX_REQUIRE(GetParam().needs);
  }

  using ZcrxTest::Receive;
  // On a queue of its own, as the variant has it.
  Result<Receiver> Receive() {
    ZCRX_ASSIGN_OR_RETURN(TargetQueue queue, ConfigureQueue());
    return Receive(queue);
  }
  static Result<Receiver> Receive(TargetQueue& queue, const ReceiverOptions& options) {
    return Receive(queue, GetParam().steering, options);
  }
  static Result<Receiver> Receive(TargetQueue& queue) {
    return Receive(queue, ReceiverOn(queue, GetParam().area));
  }
};

inline std::string VariantName(const ::testing::TestParamInfo<SteeringVariant>& info) {
  return info.param.name;
}

}  // namespace zcrx
