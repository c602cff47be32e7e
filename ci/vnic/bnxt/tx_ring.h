// A transmit ring: descriptors in, packets onto the wire, completions back.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "ci/vnic/bnxt/completion.h"
#include "ci/vnic/bnxt/records.h"
#include "ci/vnic/bnxt/ring_memory.h"
#include "ci/vnic/bnxt/statistics.h"
#include "ci/vnic/device/nic.h"
#include "ci/vnic/net/tx_packet.h"

namespace vnic::bnxt {

class TxRing {
 public:
  TxRing(RingMemory records, std::shared_ptr<CompletionQueue> completions,
         std::shared_ptr<StatContext> statistics, const NicSlot& slot)
      : records_(std::move(records)),
        completions_(std::move(completions)),
        statistics_(std::move(statistics)),
        slot_(slot) {}

  // The driver has filled the ring up to `index`. Sends every complete packet before it returns,
  // except what exceeds a SendBudget.
  void Doorbell(std::uint32_t index);

 private:
  // Returns how many descriptors the packet at `taken_` has; nothing unless all of them are there.
  [[nodiscard]] std::optional<std::uint32_t> Count(const BufferDescriptor& first,
                                                   std::uint32_t available) const;
  // Returns the packet from `count` descriptors.
  zcrx::Result<TxPacket::Outgoing> Gather(const BufferDescriptor& first, std::uint32_t count);
  void Send(TxPacket::Outgoing sent);
  void Complete(std::uint32_t opaque);
  void Refuse(std::string_view reason) const;

  RingMemory records_;
  std::shared_ptr<CompletionQueue> completions_;
  std::shared_ptr<StatContext> statistics_;
  const NicSlot& slot_;
  std::uint32_t taken_ = 0;  // within the ring
  SendBudget budget_;        // of this doorbell
};

}  // namespace vnic::bnxt
