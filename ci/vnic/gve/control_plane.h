// What the driver's admin commands do: describe the NIC, make and take away queues, steer packets.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>

#include "ci/vnic/device/nic.h"
#include "ci/vnic/fault/steering_faults.h"
#include "ci/vnic/gve/admin_protocol.h"
#include "ci/vnic/gve/notify.h"
#include "ci/vnic/gve/registers.h"
#include "ci/vnic/gve/rx_queue.h"
#include "ci/vnic/gve/tx_queue.h"

namespace vnic::gve {

class ControlPlane {
 public:
  explicit ControlPlane(const NicSlot& slot)
      : slot_(slot), notifier_(slot.interrupts), flows_(kMaxFlowRules), steering_(slot.faults) {
    Reset();
  }
  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;

  // What a refused command asked for is logged; nothing of it has been done.
  AdminStatus Execute(const AdminCommand& command);

  // As after power-on; only the counters go on.
  void Reset();

  [[nodiscard]] Notifier& Notifications() { return notifier_; }
  // The vector of link and reset events.
  [[nodiscard]] std::uint32_t ManagementVector() const { return management_vector_; }

  // nullptr: no such queue.
  [[nodiscard]] TxQueue* Tx(std::uint32_t id);
  [[nodiscard]] RxQueue* Rx(std::uint32_t id);

  // The queue of a packet; nullopt: dropped.
  [[nodiscard]] std::optional<Destination> QueueOf(const Headers& headers) const;
  [[nodiscard]] bool WantsReset() const { return rx_shared_.wants_reset; }

  // Writes the NIC's part of the statistics report, if the driver has asked for one.
  void WriteStats();

  [[nodiscard]] const std::array<ReceiveCounters, kMaxQueues>& RxCounts() const {
    return rx_counters_;
  }
  [[nodiscard]] const std::array<TxCounters, kMaxQueues>& TxCounts() const { return tx_counters_; }

 private:
  struct Refusal {
    AdminStatus status = AdminStatus::kInvalidArgument;
    std::string reason;
  };
  using Outcome = std::expected<void, Refusal>;
  static std::unexpected<Refusal> Refuse(AdminStatus status, std::string reason) {
    return std::unexpected(Refusal{status, std::move(reason)});
  }

  Outcome Dispatch(const AdminCommand& command);
  Outcome Configure(const ConfigureDeviceResources& request);
  Outcome Deconfigure();
  Outcome Create(const CreateTxQueue& request);
  Outcome Create(const CreateRxQueue& request);
  Outcome DestroyTx(const DestroyQueue& request);
  Outcome DestroyRx(const DestroyQueue& request);
  Outcome SetParameter(const SetDriverParameter& request);
  Outcome StartStats(const ReportStats& request);
  Outcome Unwrap(const ExtendedCommand& request);
  // description_commands.cc
  Outcome Describe(const DescribeDevice& request) const;
  Outcome TellLinkSpeed(const ReportLinkSpeed& request) const;
  Outcome TellPacketTypes(const GetPtypeMap& request) const;
  Outcome Verify(const VerifyDriverCompatibility& request) const;
  // steering_commands.cc
  void ResetSteering();
  void SpreadByDefault();
  [[nodiscard]] std::uint32_t QueuesToSpreadOver() const;
  Outcome Change(const ConfigureRss& request);
  Outcome Query(const QueryRss& request) const;
  Outcome Change(const ConfigureFlowRule& request);
  Outcome Add(const ConfigureFlowRule& request);
  Outcome Query(const QueryFlowRules& request) const;

  [[nodiscard]] Outcome CheckRing(std::string_view what, GuestAddress address,
                                  std::uint32_t entries, std::size_t entry_size) const;
  [[nodiscard]] Outcome CheckNotify(std::uint32_t notify_id) const;
  Outcome Write(GuestAddress address, std::span<const std::uint8_t> bytes) const;

  const NicSlot& slot_;
  Notifier notifier_;
  bool configured_ = false;
  std::uint32_t management_vector_ = 0;
  RxShared rx_shared_;
  std::array<std::optional<TxQueue>, kMaxQueues> tx_;
  std::array<std::optional<RxQueue>, kMaxQueues> rx_;
  // The receive queue taken away last, while others stay: that is to be restarted.
  std::optional<std::uint32_t> in_restart_;
  std::array<TxCounters, kMaxQueues> tx_counters_;
  std::array<ReceiveCounters, kMaxQueues> rx_counters_;
  FlowTable flows_;
  SteeringFaults steering_;
  // The rules as the driver wrote them, for it to read back.
  std::map<std::uint32_t, WireFlowRule> wire_rules_;
  std::map<std::uint32_t, RssContext> contexts_;
  std::uint16_t hash_types_ = 0;
  bool table_configured_ = false;  // the driver has written an indirection table
  std::optional<ReportStats> stats_;
};

}  // namespace vnic::gve
