// What suites have in common: the stream that is sent, and steering as a test parameter.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>

#include "fixtures/capability.h"
#include "fixtures/target_queue.h"
#include "support/zcrx/area.h"

namespace zcrx {

// As iou-zcrx.c: 512 pages, in sends that are no multiple of a segment, a page or a chunk.
inline constexpr uint64_t kStreamBytes = uint64_t{512} * 4096;
inline constexpr uint64_t kSendBytes = 12840;
// More than any test waits for: the stream ends with its receiver.
inline constexpr uint64_t kEndless = uint64_t{1} << 40;

// Of tens of megabytes, also where TCP has to repeat one segment in a hundred.
inline constexpr std::chrono::minutes kLongTransfer{4};

struct SteeringVariant {
  std::string name;  // part of the test's name: stays
  Steering steering;
  Capability needs;  // beside what every test needs
  AreaKind area = AreaKind::kPages;

  friend void PrintTo(const SteeringVariant& variant, std::ostream* out) { *out << variant.name; }
};

inline const SteeringVariant kFlowRule = {"flow_rule", Steering::kFlowRule,
                                          Capability::kFlowSteering};
inline const SteeringVariant kRssContext = {"rss_context", Steering::kRssContext,
                                            Capability::kRssContexts};

inline const SteeringVariant kFlowRuleDmabuf = {"flow_rule_dmabuf", Steering::kFlowRule,
                                                Capability::kDmabufArea, AreaKind::kUdmabuf};

inline std::string VariantName(const ::testing::TestParamInfo<SteeringVariant>& info) {
  return info.param.name;
}

}  // namespace zcrx
