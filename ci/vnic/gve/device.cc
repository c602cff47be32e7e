#include "ci/vnic/gve/device.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "ci/vnic/gve/fault_scope.h"

namespace vnic::gve {

constinit const Model Device::kModel{
    .name = "gve", .identity = kIdentity, .faults = kFaultScope, .make = [](const NicSlot& slot) {
      return std::unique_ptr<Nic>(std::make_unique<Device>(slot));
    }};

Device::Device(const NicSlot& slot)
    : slot_(slot),
      control_(slot_),
      admin_(slot_.memory, slot_.log,
             [this](const AdminCommand& command, bool alone) { return Execute(command, alone); }) {}

void Device::Reset() {
  admin_.Stop();
  control_.Reset();
  admin_base_ = 0;
  admin_length_ = 0;
  is_reset_ = true;
}

std::optional<AdminStatus> Device::Execute(const AdminCommand& command, bool alone) {
  // Queues that come or go together do so in one batch (gve_adminq.c,
  // gve_adminq_create_rx_queues).
  const std::uint32_t opcode = OpcodeOf(command);
  if (slot_.faults.BitesCommand(Fault::kCommandUnanswered, opcode, alone)) return std::nullopt;
  if (slot_.faults.BitesCommand(Fault::kCommandRefused, opcode, alone))
    return AdminStatus::kInternalError;
  if (opcode == std::to_underlying(Opcode::kConfigureRss) &&
      slot_.faults.Bites(Fault::kRssUnsupported)) {
    return AdminStatus::kUnimplemented;
  }
  return control_.Execute(command);
}

std::uint32_t Device::Register(std::uint64_t offset) const {
  switch (offset) {
    case kDeviceStatus:
      return (slot_.wire.Up() ? kDeviceLinkUp : 0) | (is_reset_ ? kDeviceIsReset : 0) |
             (control_.WantsReset() ? kDeviceWantsReset : 0);
    case kDriverStatus:
      return admin_.Running() ? kDriverRun : 0;
    case kMaxTxQueues:
    case kMaxRxQueues:
      return kMaxQueues;
    case kAdminEventCounter:
      return admin_.EventCounter();
    default:
      return 0;
  }
}

void Device::ReadBar(unsigned bar, std::uint64_t offset, std::span<std::uint8_t> data) {
  std::ranges::fill(data, std::uint8_t{0});
  if (bar == kRegisterBar && data.size() == sizeof(Be32)) {
    StoreAt(data, 0, Be32(Register(offset)));
  }
}

void Device::WriteBar(unsigned bar, std::uint64_t offset, std::span<const std::uint8_t> data) {
  if (bar == kRegisterBar && offset == kAdminLength && data.size() == sizeof(Be16)) {
    admin_length_ = LoadAt<Be16>(data);
    return;
  }
  // The driver's name and version, letter by letter: of no use here.
  if (bar == kRegisterBar && offset == kDriverVersion) return;
  const bool aligned = data.size() == sizeof(Be32) && offset % sizeof(Be32) == 0;
  if (bar == kRegisterBar && aligned) return WriteRegister(offset, LoadAt<Be32>(data));
  if (bar == kDoorbellBar && aligned) {
    return Doorbell(static_cast<std::uint32_t>(offset / sizeof(Le32)), LoadAt<Le32>(data));
  }
  slot_.log.Refused("gve: write of {} bytes to BAR {} at {:#x}", data.size(), bar, offset);
}

void Device::WriteRegister(std::uint64_t offset, std::uint32_t value) {
  switch (offset) {
    case kDriverStatus:
      return WriteDriverStatus(value);
    case kAdminBaseHigh:
      admin_base_ = std::uint64_t{value} << 32U | (admin_base_ & 0xffffffffU);
      return;
    case kAdminBaseLow:
      admin_base_ = (admin_base_ & ~std::uint64_t{0xffffffff}) | value;
      return;
    case kAdminDoorbell:
      return admin_.Ring(value);
    default:
      slot_.log.Refused("gve: write of {:#x} to register {:#x}", value, offset);
  }
}

void Device::WriteDriverStatus(std::uint32_t value) {
  if ((value & kDriverReset) != 0) {
    Reset();
    slot_.log.Info("gve: reset by the driver");
  } else if ((value & kDriverRun) != 0 && admin_.Start(admin_base_, admin_length_)) {
    is_reset_ = false;
    slot_.log.Info("gve: admin queue at {:#x}", admin_base_);
  }
}

void Device::Doorbell(std::uint32_t index, std::uint32_t value) {
  if (index - kNotifyDoorbells < control_.Notifications().Count()) {
    return control_.Notifications().Doorbell(index - kNotifyDoorbells, value);
  }
  if (TxQueue* queue = control_.Tx(index - kTxDoorbells)) return queue->Doorbell(value);
  if (RxQueue* queue = control_.Rx(index - kRxDoorbells)) return queue->Doorbell(value);
  slot_.log.Refused("gve: doorbell {} (value {:#x}) belongs to no queue", index, value);
}

void Device::LinkChanged() {
  if (admin_.Running()) slot_.interrupts.Raise(control_.ManagementVector());
}

void Device::Receive(Packet packet) {
  const auto headers = ParseHeaders(packet);
  const auto destination = headers ? control_.QueueOf(*headers) : std::nullopt;
  RxQueue* queue = destination ? control_.Rx(destination->queue) : nullptr;
  if (queue == nullptr) {
    ++unsteered_;
    return;
  }
  const bool wanted_reset = control_.WantsReset();
  const ReceiveCounters& counters = control_.RxCounts()[destination->queue];
  const std::uint64_t trouble = counters.Trouble();
  queue->Receive(std::move(packet), *headers, destination->hash);
  if (counters.Trouble() != trouble) control_.WriteStats();
  if (control_.WantsReset() && !wanted_reset) slot_.interrupts.Raise(control_.ManagementVector());
}

Counters Device::Stats() const {
  Counters counters{{"unsteered", unsteered_}};
  for (std::size_t id = 0; id < kMaxQueues; ++id) {
    const TxCounters& tx = control_.TxCounts()[id];
    counters.emplace_back(fmt::format("tx_packets{}", id), tx.packets);
    counters.emplace_back(fmt::format("tx_bytes{}", id), tx.bytes);
    counters.emplace_back(fmt::format("tx_refused{}", id), tx.refused);
    control_.RxCounts()[id].AppendTo(counters, std::to_string(id));
  }
  return counters;
}

}  // namespace vnic::gve
