// From a received packet to a queue: flow rules first, then RSS. What every NIC does alike.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "ci/vnic/net/flow_table.h"
#include "ci/vnic/net/headers.h"
#include "ci/vnic/net/rss.h"

namespace vnic {

// The context of packets that no rule claims.
inline constexpr std::uint32_t kDefaultContext = 0;

struct Destination {
  std::uint32_t context = kDefaultContext;
  std::uint32_t queue = 0;
  bool queue_by_rule = false;   // the rule named the queue, the indirection table was not asked
  std::optional<RssHash> hash;  // by the key and the types of `context`
};

// By flow rules, then RSS. nullopt: no queue takes the packet (an empty table, or a rule into a
// context that is gone).
std::optional<Destination> Steer(const Headers& headers, const FlowTable& flows,
                                 const std::map<std::uint32_t, RssContext>& contexts);

// The second half of it: where `action` leads. That of no rule is FlowAction{}: the default
// context, no queue.
std::optional<Destination> Follow(const FlowAction& action, const Headers& headers,
                                  const std::map<std::uint32_t, RssContext>& contexts);

}  // namespace vnic
