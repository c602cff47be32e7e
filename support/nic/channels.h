// The number of queues of the device: ethtool -l and -L (ETHTOOL_MSG_CHANNELS_*).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "support/base/result.h"
#include "support/nic/fields.h"
#include "support/nic/netlink/message.h"
#include "support/nic/nic.h"

namespace zcrx {

// Absent: the device has no channels of that kind. A combined channel is one rx and one tx queue;
// bnxt has combined channels, gve separate ones.
struct Channels {
  struct Kind {
    uint32_t count = 0;
    uint32_t max = 0;
    bool operator==(const Kind&) const = default;
  };
  std::optional<Kind> rx = {};
  std::optional<Kind> tx = {};
  std::optional<Kind> combined = {};

  bool operator==(const Channels&) const = default;
  // The device's rx queues are 0 .. RxQueues() - 1.
  [[nodiscard]] uint32_t RxQueues() const;
  [[nodiscard]] uint32_t MaxRxQueues() const;
};

// Absent fields are not sent and stay as they are.
struct ChannelsChange {
  std::optional<uint32_t> rx = {};
  std::optional<uint32_t> tx = {};
  std::optional<uint32_t> combined = {};

  bool operator==(const ChannelsChange&) const = default;
  [[nodiscard]] bool Empty() const { return *this == ChannelsChange{}; }
  // Returns the rx queues of the fields that are set.
  [[nodiscard]] uint32_t RxQueues() const { return rx.value_or(0) + combined.value_or(0); }

  static constexpr auto Fields() {
    return std::tuple{Field{"rx", &ChannelsChange::rx}, Field{"tx", &ChannelsChange::tx},
                      Field{"combined", &ChannelsChange::combined}};
  }
};

Result<Channels> GetChannels(Nic& nic);
Status SetChannels(Nic& nic, const ChannelsChange& change);

// Returns the change that gives the device `queues` rx queues, by the kind of channel it has.
// Separate tx queues stay as they are. Fails if the device cannot have that many; the error has the
// numbers.
Result<ChannelsChange> ChangeForRxQueues(const Channels& now, uint32_t queues);

// Parses the reply to ETHTOOL_MSG_CHANNELS_GET.
Channels ParseChannels(netlink::Attributes reply);
void EncodeChannels(const ChannelsChange& change, netlink::Request& request);

}  // namespace zcrx
