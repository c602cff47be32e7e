#include "ci/vnic/net/steering.h"

namespace vnic {

std::optional<Destination> Steer(const Headers& headers, const FlowTable& flows,
                                 const std::map<std::uint32_t, RssContext>& contexts) {
  const FlowRule* rule = flows.Lookup(headers);
  return Follow(rule != nullptr ? rule->action : FlowAction{}, headers, contexts);
}

std::optional<Destination> Follow(const FlowAction& action, const Headers& headers,
                                  const std::map<std::uint32_t, RssContext>& contexts) {
  const auto context = contexts.find(action.context);
  if (context == contexts.end()) return std::nullopt;

  const RssContext& rss = context->second;
  const auto hash = HashOf(headers, rss.key, rss.types);
  const auto queue = action.queue ? action.queue : rss.QueueFor(hash);
  if (!queue) return std::nullopt;
  return Destination{.context = action.context,
                     .queue = *queue,
                     .queue_by_rule = action.queue.has_value(),
                     .hash = hash};
}

}  // namespace vnic
