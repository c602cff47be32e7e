#include "ci/vnic/mlx5/device.h"

#include <algorithm>
#include <chrono>

#include "ci/vnic/mlx5/fault_scope.h"

namespace vnic::mlx5 {

constinit const Model Device::kModel{
    .name = "mlx5", .identity = kIdentity, .faults = kFaultScope, .make = [](const NicSlot& slot) {
      return std::unique_ptr<Nic>(std::make_unique<Device>(slot));
    }};

Device::Device(const NicSlot& slot)
    : slot_(slot),
      firmware_(slot_),
      commands_(
          slot_,
          [this](Command& command) {
            told_ = firmware_.Events().Want(EventType::kCommand);
            return firmware_.Execute(command);
          },
          [this](std::uint32_t slot) {
            if (told_) firmware_.Events().Post(CommandEvent(slot));
          }) {}

void Device::Reset() {
  firmware_.Reset();
  commands_.Reset();
  failed_ = false;
}

void Device::ReadBar(unsigned bar, std::uint64_t offset, std::span<std::uint8_t> data) {
  std::ranges::fill(data, std::uint8_t{0});
  if (bar != kRegisterBar || offset % sizeof(Be32) != 0) return;
  for (std::size_t at = 0; at + sizeof(Be32) <= data.size(); at += sizeof(Be32)) {
    StoreAt(data, at, Be32(ReadRegister(offset + at)));
  }
}

std::uint32_t Device::ReadRegister(std::uint64_t offset) {
  switch (offset) {
    case kFirmwareRevision:
      return kFirmwareMinor << 16U | kFirmwareMajor;
    case kInterfaceRevision:
      return kCommandInterface << 16U | kFirmwareSubminor;
    case kCommandsLow:
      return (failed_ ? kInterfaceDisabled : 0) | kLogCommands << 4U | kLogCommandSize;
    // The driver takes a count that stands still for a device that has died (core/health.c,
    // poll_health).
    case kHealthCounter:
      return ++health_;
    default:
      return 0;
  }
}

void Device::WriteBar(unsigned bar, std::uint64_t offset, std::span<const std::uint8_t> data) {
  if (bar == kRegisterBar) {
    if (offset >= kFirstUar * kDoorbellPage) {
      if (RingDoorbell(offset % kDoorbellPage, data)) return;
    } else if (data.size() == sizeof(Be32) && WriteRegister(offset, LoadAt<Be32>(data))) {
      return;
    }
  }
  slot_.log.Refused("mlx5: write of {} bytes to BAR {} at {:#x}", data.size(), bar, offset);
}

bool Device::WriteRegister(std::uint64_t offset, std::uint32_t value) {
  switch (offset) {
    case kCommandsHigh:
      commands_.SetHigh(value);
      return true;
    case kCommandsLow:
      commands_.SetLow(value);
      failed_ = false;
      return true;
    case kCommandDoorbell:
      commands_.Ring(value);
      return true;
    default:
      return false;
  }
}

bool Device::RingDoorbell(std::uint64_t in_page, std::span<const std::uint8_t> data) {
  constexpr unsigned kQueueShift = 24;
  constexpr std::uint32_t kLow24 = 0xffffff;
  if ((in_page == kArmEvents || in_page == kTakeEvents) && data.size() == sizeof(Be32)) {
    const std::uint32_t value = LoadAt<Be32>(data);
    if (const auto queue = firmware_.Events().Find(value >> kQueueShift)) {
      queue->Doorbell(value & kLow24, in_page == kArmEvents);
    }
    return true;
  }
  if (data.size() != sizeof(Be64)) return false;
  const std::uint32_t second = LoadAt<Be32>(data, sizeof(Be32));
  // A queue that has just been destroyed may still be rung for.
  if (in_page == kArmCompletions) {
    if (const auto queue = firmware_.Completions(second & kLow24)) {
      queue->Arm(LoadAt<Be32>(data) & kLow24);
    }
    return true;
  }
  if (in_page < kSendDoorbells) return false;
  if (const auto queue = firmware_.Sender(second >> 8U)) queue->Doorbell();
  return true;
}

void Device::LinkChanged() { firmware_.Events().Post(PortEvent(slot_.wire.Up())); }

void Device::Receive(Packet packet) {
  const auto headers = ParseHeaders(packet);
  const auto to = headers ? firmware_.Steer(packet.bytes, *headers) : Firmware::Destination{};
  if (to.queue == nullptr || !to.queue->Ready()) {
    ++unsteered_;
    return;
  }
  const std::uint64_t before = firmware_.Received().no_buffers;
  to.queue->Receive(std::move(packet), *headers, to.hash);
  firmware_.CountNoBuffers(*to.queue, firmware_.Received().no_buffers - before);
  if (!firmware_.TakeFailure()) return;
  Reset();
  failed_ = true;
}

Counters Device::Stats() const {
  const SendCounters& sent = firmware_.Sent();
  const RxCounters& received = firmware_.Received();
  Counters counters{{"tx_packets", sent.packets},    {"tx_bytes", sent.bytes},
                    {"tx_refused", sent.refused},    {"key_updates", sent.key_updates},
                    {"rx_unsteered", unsteered_},    {"rx_merged", received.merged},
                    {"rx_fillers", received.fillers}};
  received.AppendTo(counters);
  return counters;
}

}  // namespace vnic::mlx5
