#include "ci/vnic/gve/control_plane.h"

#include <algorithm>
#include <bit>
#include <vector>

namespace vnic::gve {
namespace {

template <typename T>
T Arguments(const AdminCommand& command) {
  static_assert(sizeof(T) <= kArguments);
  return LoadAt<T>(command.arguments);
}

}  // namespace

void ControlPlane::Reset() {
  for (auto& queue : tx_) queue.reset();
  for (auto& queue : rx_) queue.reset();
  notifier_.Configure(0, 0);
  configured_ = false;
  rx_shared_ = {};
  stats_.reset();
  ResetSteering();
}

TxQueue* ControlPlane::Tx(std::uint32_t id) {
  if (id >= tx_.size()) return nullptr;
  auto& queue = tx_[id];
  return queue.has_value() ? &queue.value() : nullptr;
}

RxQueue* ControlPlane::Rx(std::uint32_t id) {
  if (id >= rx_.size()) return nullptr;
  auto& queue = rx_[id];
  return queue.has_value() ? &queue.value() : nullptr;
}

AdminStatus ControlPlane::Execute(const AdminCommand& command) {
  const Outcome outcome = Dispatch(command);
  if (outcome) return AdminStatus::kPassed;
  slot_.log.Refused("gve: admin command {:#x}: {} (status {:#x})", std::uint32_t{command.opcode},
                    outcome.error().reason, static_cast<std::uint32_t>(outcome.error().status));
  return outcome.error().status;
}

ControlPlane::Outcome ControlPlane::Dispatch(const AdminCommand& command) {
  switch (static_cast<Opcode>(std::uint32_t{command.opcode})) {
    case Opcode::kDescribeDevice:
      return Describe(Arguments<DescribeDevice>(command));
    case Opcode::kConfigureDeviceResources:
      return Configure(Arguments<ConfigureDeviceResources>(command));
    case Opcode::kDeconfigureDeviceResources:
      return Deconfigure();
    case Opcode::kCreateTxQueue:
      return Create(Arguments<CreateTxQueue>(command));
    case Opcode::kCreateRxQueue:
      return Create(Arguments<CreateRxQueue>(command));
    case Opcode::kDestroyTxQueue:
      return DestroyTx(Arguments<DestroyQueue>(command));
    case Opcode::kDestroyRxQueue:
      return DestroyRx(Arguments<DestroyQueue>(command));
    case Opcode::kConfigureRss:
      return Change(Arguments<ConfigureRss>(command));
    case Opcode::kQueryRss:
      return Query(Arguments<QueryRss>(command));
    case Opcode::kSetDriverParameter:
      return SetParameter(Arguments<SetDriverParameter>(command));
    case Opcode::kReportStats:
      return StartStats(Arguments<ReportStats>(command));
    case Opcode::kReportLinkSpeed:
      return TellLinkSpeed(Arguments<ReportLinkSpeed>(command));
    case Opcode::kGetPtypeMap:
      return TellPacketTypes(Arguments<GetPtypeMap>(command));
    case Opcode::kVerifyDriverCompatibility:
      return Verify(Arguments<VerifyDriverCompatibility>(command));
    case Opcode::kQueryFlowRules:
      return Query(Arguments<QueryFlowRules>(command));
    case Opcode::kExtendedCommand:
      return Unwrap(Arguments<ExtendedCommand>(command));
    case Opcode::kConfigureFlowRule:  // too large to stand in the ring itself
      break;
  }
  return Refuse(AdminStatus::kUnimplemented, "unknown opcode");
}

ControlPlane::Outcome ControlPlane::Write(GuestAddress address,
                                          std::span<const std::uint8_t> bytes) const {
  const auto target = slot_.memory.Writable(address, bytes.size());
  if (target.empty()) {
    return Refuse(AdminStatus::kInvalidArgument,
                  fmt::format("{} bytes at {:#x} are not in memory", bytes.size(), address));
  }
  std::ranges::copy(bytes, target.begin());
  return {};
}

ControlPlane::Outcome ControlPlane::CheckRing(std::string_view what, GuestAddress address,
                                              std::uint32_t entries, std::size_t entry_size) const {
  if (!std::has_single_bit(entries) || entries < kMinRing || entries > kMaxRing) {
    return Refuse(AdminStatus::kInvalidArgument, fmt::format("{} of {} entries", what, entries));
  }
  if (address % sizeof(std::uint64_t) != 0 ||
      slot_.memory.Writable(address, entries * entry_size).empty()) {
    return Refuse(AdminStatus::kInvalidArgument,
                  fmt::format("{} at {:#x} is not in memory", what, address));
  }
  return {};
}

ControlPlane::Outcome ControlPlane::CheckNotify(std::uint32_t notify_id) const {
  if (!configured_) {
    return Refuse(AdminStatus::kFailedPrecondition, "device resources are not configured");
  }
  if (notify_id >= notifier_.Count()) {
    return Refuse(AdminStatus::kInvalidArgument, fmt::format("notification block {}", notify_id));
  }
  return {};
}

ControlPlane::Outcome ControlPlane::Configure(const ConfigureDeviceResources& request) {
  if (configured_) return Refuse(AdminStatus::kAlreadyExists, "already configured");
  if (request.queue_format != kFormatDqoRda) {
    return Refuse(AdminStatus::kInvalidArgument,
                  fmt::format("queue format {}", request.queue_format));
  }
  const std::uint32_t count = request.num_irq_doorbells;
  const std::uint32_t base = request.base_vector;
  const std::uint32_t stride = request.irq_doorbell_stride;
  if (count > kNotifyBlocks || base > 1 || stride < sizeof(Be32) || stride > 4096) {
    return Refuse(
        AdminStatus::kInvalidArgument,
        fmt::format("{} notification blocks from vector {}, {} bytes apart", count, base, stride));
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    const Be32 index = kNotifyDoorbells + i;
    if (Outcome done = Write(request.irq_doorbells + std::uint64_t{i} * stride, BytesOf(index));
        !done) {
      return done;
    }
  }
  notifier_.Configure(count, base);
  // gve_adminq.c: it is first if the blocks begin at vector 1, last if they begin at 0.
  management_vector_ = base == 1 ? 0 : count;
  configured_ = true;
  return {};
}

ControlPlane::Outcome ControlPlane::Deconfigure() {
  if (!configured_) return Refuse(AdminStatus::kFailedPrecondition, "not configured");
  for (auto& queue : tx_) queue.reset();
  for (auto& queue : rx_) queue.reset();
  notifier_.Configure(0, 0);
  stats_.reset();
  configured_ = false;
  return {};
}

ControlPlane::Outcome ControlPlane::Create(const CreateTxQueue& request) {
  const std::uint32_t id = request.queue_id;
  const std::uint32_t entries = request.ring_size;
  if (id >= tx_.size()) {
    return Refuse(AdminStatus::kInvalidArgument, fmt::format("tx queue {}", id));
  }
  if (tx_[id]) return Refuse(AdminStatus::kAlreadyExists, fmt::format("tx queue {} exists", id));
  if (request.completion_ring_size != entries) {
    return Refuse(AdminStatus::kInvalidArgument, "tx rings of different sizes");
  }
  if (Outcome ok = CheckNotify(request.notify_id); !ok) return ok;
  if (Outcome ok = CheckRing("tx ring", request.ring, entries, sizeof(TxDescriptor)); !ok) {
    return ok;
  }
  if (Outcome ok =
          CheckRing("tx completion ring", request.completion_ring, entries, sizeof(TxCompletion));
      !ok) {
    return ok;
  }
  if (Outcome ok =
          Write(request.resources,
                BytesOf(QueueResources{.doorbell_index = kTxDoorbells + id, .counter_index = id}));
      !ok) {
    return ok;
  }
  tx_[id].emplace(TxQueueConfig{.id = id,
                                .notify_id = request.notify_id,
                                .ring = request.ring,
                                .completion_ring = request.completion_ring,
                                .ring_size = entries},
                  slot_, notifier_, tx_counters_[id]);
  return {};
}

ControlPlane::Outcome ControlPlane::Create(const CreateRxQueue& request) {
  const std::uint32_t id = request.queue_id;
  const std::uint32_t entries = request.buffer_ring_size;
  if (id >= rx_.size()) {
    return Refuse(AdminStatus::kInvalidArgument, fmt::format("rx queue {}", id));
  }
  if (rx_[id]) return Refuse(AdminStatus::kAlreadyExists, fmt::format("rx queue {} exists", id));
  if (request.completion_ring_size != entries) {
    return Refuse(AdminStatus::kInvalidArgument, "rx rings of different sizes");
  }
  const std::uint16_t size = request.packet_buffer_size;
  const std::uint16_t header_size = request.header_buffer_size;
  if ((size != 2048 && size != kBufferSize) ||
      (header_size != 0 && header_size != kHeaderBufferSize)) {
    return Refuse(AdminStatus::kInvalidArgument,
                  fmt::format("buffers of {} and {} bytes", size, header_size));
  }
  if (Outcome ok = CheckNotify(request.notify_id); !ok) return ok;
  if (Outcome ok = CheckRing("rx buffer ring", request.buffer_ring, entries, sizeof(RxDescriptor));
      !ok) {
    return ok;
  }
  if (Outcome ok =
          CheckRing("rx completion ring", request.completion_ring, entries, sizeof(RxCompletion));
      !ok) {
    return ok;
  }
  if (Outcome ok =
          Write(request.resources, BytesOf(QueueResources{.doorbell_index = kRxDoorbells + id,
                                                          .counter_index = kMaxQueues + id}));
      !ok) {
    return ok;
  }
  rx_[id].emplace(RxQueueConfig{.id = id,
                                .notify_id = request.notify_id,
                                .buffer_ring = request.buffer_ring,
                                .completion_ring = request.completion_ring,
                                .ring_size = entries,
                                .buffer_size = size,
                                .header_buffer_size = header_size,
                                .coalesce = request.enable_rsc != 0},
                  slot_, notifier_, rx_counters_[id], rx_shared_);
  const auto other = std::ranges::find_if(
      rx_, [&](const auto& queue) { return queue.has_value() && &queue != &rx_[id]; });
  CountStart(slot_, rx_[id]->OwnScars(), rx_[id]->Splits(),
             other == rx_.end() ? nullptr : &(*other)->OwnScars(),
             std::exchange(in_restart_, std::nullopt) == id);
  SpreadByDefault();
  return {};
}

ControlPlane::Outcome ControlPlane::DestroyTx(const DestroyQueue& request) {
  if (Tx(request.queue_id) == nullptr) {
    return Refuse(AdminStatus::kNotFound,
                  fmt::format("tx queue {}", std::uint32_t{request.queue_id}));
  }
  tx_[request.queue_id].reset();
  return {};
}

ControlPlane::Outcome ControlPlane::DestroyRx(const DestroyQueue& request) {
  if (Rx(request.queue_id) == nullptr) {
    return Refuse(AdminStatus::kNotFound,
                  fmt::format("rx queue {}", std::uint32_t{request.queue_id}));
  }
  rx_[request.queue_id].reset();
  const bool others = std::ranges::any_of(rx_, &std::optional<RxQueue>::has_value);
  in_restart_ = others ? std::optional<std::uint32_t>(request.queue_id) : std::nullopt;
  return {};
}

ControlPlane::Outcome ControlPlane::SetParameter(const SetDriverParameter& request) {
  const std::uint64_t value = request.value;
  if (request.type != kParameterMtu) {
    return Refuse(AdminStatus::kUnimplemented,
                  fmt::format("driver parameter {}", std::uint32_t{request.type}));
  }
  if (value > kMaxMtu) return Refuse(AdminStatus::kInvalidArgument, fmt::format("MTU {}", value));
  rx_shared_.mtu = static_cast<std::uint16_t>(value);
  return {};
}

ControlPlane::Outcome ControlPlane::StartStats(const ReportStats& request) {
  if (request.address == 0 && request.length == 0) {  // gve_teardown_device_resources
    stats_.reset();
    return {};
  }
  if (slot_.memory.Writable(request.address, request.length).empty()) {
    return Refuse(AdminStatus::kInvalidArgument, "statistics report is not in memory");
  }
  stats_ = request;
  WriteStats();
  return {};
}

// The driver reads the NIC's part as the end of the report, the entries of each receive queue that
// runs (gve_ethtool.c, gve_get_ethtool_stats). It is written when a number has changed, so that the
// interval that the driver asks for needs no timer.
void ControlPlane::WriteStats() {
  if (!stats_) return;
  std::vector<std::uint8_t> bytes;
  for (std::uint32_t id = 0; id < rx_.size(); ++id) {
    if (!rx_[id]) continue;
    const ReceiveCounters& counters = rx_counters_[id];
    const std::array<Stat, kStatsPerRxQueue> stats{{
        {.name = kStatRxDrops, .queue_id = id, .value = counters.refused},
        {.name = kStatRxNoBuffers, .queue_id = id, .value = counters.no_buffers},
        {.name = kStatRxOverMru, .queue_id = id, .value = counters.too_long},
        {.name = kStatRxBadChecksum, .queue_id = id, .value = counters.bad_checksum},
    }};
    const auto entry = BytesOf(stats);
    bytes.insert(bytes.end(), entry.begin(), entry.end());
  }
  const std::uint64_t length = stats_->length;
  if (bytes.empty() || bytes.size() + sizeof(StatsHeader) > length) return;
  if (!Write(stats_->address + length - bytes.size(), bytes)) stats_.reset();
}

ControlPlane::Outcome ControlPlane::Unwrap(const ExtendedCommand& request) {
  if (static_cast<Opcode>(std::uint32_t{request.opcode}) != Opcode::kConfigureFlowRule) {
    return Refuse(AdminStatus::kUnimplemented,
                  fmt::format("extended command {:#x}", std::uint32_t{request.opcode}));
  }
  const auto rule = slot_.memory.Load<ConfigureFlowRule>(request.address);
  if (request.length != sizeof(ConfigureFlowRule) || !rule) {
    return Refuse(AdminStatus::kInvalidArgument, "flow rule is not in memory");
  }
  return Change(*rule);
}

}  // namespace vnic::gve
