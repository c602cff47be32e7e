#include "ci/vnic/net/flow_table.h"

#include <fmt/format.h>

#include <cerrno>

namespace vnic {
namespace {

template <typename T>
bool Agrees(const Masked<T>& wanted, T found) {
  return ((wanted.value ^ found) & wanted.mask) == 0;
}

bool Agrees(const Masked<IpAddress>& wanted, const IpAddress& found) {
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (((wanted.value[i] ^ found[i]) & wanted.mask[i]) != 0) return false;
  }
  return true;
}

}  // namespace

bool Matches(const FlowMatch& match, const Headers& headers) {
  if (match.network == Network::kNone || headers.network != match.network) return false;
  if (match.protocol && *match.protocol != headers.protocol) return false;
  const bool needs_ports = match.source_port.mask != 0 || match.destination_port.mask != 0;
  if (needs_ports && headers.transport == Transport::kNone) return false;
  return Agrees(match.source, headers.source) && Agrees(match.destination, headers.destination) &&
         Agrees(match.traffic_class, headers.traffic_class) &&
         Agrees(match.source_port, headers.source_port) &&
         Agrees(match.destination_port, headers.destination_port);
}

zcrx::Status FlowTable::Add(std::uint32_t location, const FlowRule& rule) {
  if (rule.match.network == Network::kNone) {
    return zcrx::Fail(fmt::format("add flow rule {}", location), EINVAL, "neither IPv4 nor IPv6");
  }
  if (rules_.contains(location)) {
    return zcrx::Fail(fmt::format("add flow rule {}", location), EEXIST);
  }
  if (rules_.size() >= capacity_) {
    return zcrx::Fail(fmt::format("add flow rule {}", location), ENOSPC,
                      fmt::format("all {} are in use", capacity_));
  }
  rules_.emplace(location, rule);
  return {};
}

zcrx::Status FlowTable::Remove(std::uint32_t location) {
  if (rules_.erase(location) == 0) {
    return zcrx::Fail(fmt::format("remove flow rule {}", location), ENOENT);
  }
  return {};
}

const FlowRule* FlowTable::Lookup(const Headers& headers) const {
  for (const auto& [location, rule] : rules_) {
    if (Matches(rule.match, headers)) return &rule;
  }
  return nullptr;
}

}  // namespace vnic
