// Steering as a test parameter: the variants that suites have in common.
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "fixtures/capability.h"
#include "fixtures/target_queue.h"

namespace zcrx {

struct SteeringVariant {
  std::string name;  // part of the test's name: stays
  Steering steering;
  Capability needs;  // beside what every test needs

  friend void PrintTo(const SteeringVariant& variant, std::ostream* out) { *out << variant.name; }
};

inline const SteeringVariant kFlowRule = {"flow_rule", Steering::kFlowRule,
                                          Capability::kFlowSteering};
inline const SteeringVariant kRssContext = {"rss_context", Steering::kRssContext,
                                            Capability::kRssContexts};

inline std::string VariantName(const ::testing::TestParamInfo<SteeringVariant>& info) {
  return info.param.name;
}

}  // namespace zcrx
