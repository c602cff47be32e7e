// Virtual NICs (VNICs): where the packets go that the filters let in. One is the function's
// default, one is for flow rules that name a queue, each additional RSS context is another.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "ci/vnic/bnxt/hwrm_queues.h"
#include "ci/vnic/device/nic.h"
#include "ci/vnic/fault/steering_faults.h"
#include "support/base/result.h"

namespace vnic::bnxt {

struct RingPair {
  std::uint16_t rx_ring = 0;
  std::uint16_t completion_ring = 0;

  auto operator<=>(const RingPair&) const = default;
};

struct Vnic {
  std::uint16_t mru = 0;  // bytes of the largest frame; 0: takes nothing, at a queue's restart
  bool stopped = false;   // by VNIC_UPDATE
  std::vector<RingPair> rings;  // a flow rule's queue and the RSS table's slots are places in it
  bool split_ipv4 = false;      // TCP headers and payload into buffers of their own, ...
  bool split_ipv6 = false;
  std::uint16_t split_threshold = 0;    // ... from frames of more bytes than this
  std::uint16_t coalesce_segments = 0;  // TPA: the most that become one receive; 0: off
};

// What a packet is to become.
struct Delivery {
  const Vnic& vnic;
  RingPair rings;
  std::optional<RssHash> hash;
};

class VnicTable {
 public:
  explicit VnicTable(const NicSlot& slot) : memory_(slot.memory), steering_(slot.faults) {}

  // The default VNIC is number 0, kDefaultContext. ENOSPC; EEXIST for a second default.
  zcrx::Result<std::uint32_t> Allocate(bool is_default);
  // EINVAL, here and below: there is no such VNIC (or context, or filter).
  zcrx::Status Free(std::uint32_t id);

  zcrx::Result<std::uint16_t> AllocateRssContext();
  zcrx::Status FreeRssContext(std::uint16_t id);

  zcrx::Status Configure(const VnicConfigRequest& request);
  zcrx::Status Update(const VnicUpdateRequest& request);
  // EFAULT: the table or the key is not in memory.
  zcrx::Status ConfigureRss(const VnicRssRequest& request);
  zcrx::Status ConfigurePlacement(const VnicPlacementRequest& request);
  zcrx::Status ConfigureCoalescing(const VnicCoalesceRequest& request);

  // Filters of the Ethernet address: one for each own address, and what is wanted beyond them.
  zcrx::Result<std::uint64_t> AddL2Filter(const L2FilterAllocRequest& request);
  // Takes the flow filters on it along; the driver does not free them (bnxt.c, bnxt_clear_vnic).
  zcrx::Status RemoveL2Filter(std::uint64_t id);
  zcrx::Status SetRxMask(const RxMaskRequest& request);

  zcrx::Result<std::uint64_t> AddFlow(const FlowFilterAllocRequest& request);
  zcrx::Status RemoveFlow(std::uint64_t id);

  void Clear();
  // A queue is being restarted: to that end the driver stops VNICs.
  [[nodiscard]] bool InRestart() const;

  // A frame for this function, by its destination address?
  [[nodiscard]] bool Accepts(Frame frame) const;
  // nullopt: no VNIC takes it, or it has no rings.
  [[nodiscard]] std::optional<Delivery> Find(const Headers& headers) const;

 private:
  zcrx::Result<Vnic*> Named(std::uint32_t id);
  // The rings of all VNICs, each once.
  [[nodiscard]] std::vector<RingPair> AllRings() const;

  const GuestMemory& memory_;
  std::map<std::uint32_t, Vnic> vnics_;
  std::map<std::uint32_t, RssContext> rss_;  // of each VNIC
  std::set<std::uint16_t> rss_contexts_;     // numbers given out; they hold nothing themselves
  std::map<std::uint64_t, MacAddress> l2_filters_;
  std::set<MacAddress> multicast_;
  std::uint32_t rx_mask_ = 0;
  FlowTable flows_{kMaxFlows};
  SteeringFaults steering_;
  std::map<std::uint32_t, std::uint64_t> flow_l2_;  // the L2 filter that a flow stands on
  std::uint32_t next_flow_ = 1;
  std::uint64_t next_l2_ = 1;

  static constexpr std::size_t kMaxFlows = 1024;
};

}  // namespace vnic::bnxt
