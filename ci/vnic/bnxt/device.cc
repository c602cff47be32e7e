#include "ci/vnic/bnxt/device.h"

#include <algorithm>

#include "ci/vnic/bnxt/fault_scope.h"

namespace vnic::bnxt {

constinit const Model Device::kModel{
    .name = "bnxt", .identity = kIdentity, .faults = kFaultScope, .make = [](const NicSlot& slot) {
      return std::unique_ptr<Nic>(std::make_unique<Device>(slot));
    }};

Device::Device(const NicSlot& slot)
    : slot_(slot),
      firmware_(slot_),
      receiver_(slot_, firmware_.Rings(), firmware_.Vnics()),
      commands_(
          slot_, [this](const Command& command) { return firmware_.Execute(command); },
          [this](std::uint16_t ring, std::uint16_t sequence) {
            firmware_.PostDone(ring, sequence);
          }) {}

void Device::ReadBar(unsigned bar, std::uint64_t offset, std::span<std::uint8_t> data) {
  std::ranges::fill(data, std::uint8_t{0});
  if (bar == kRegisterBar && offset == kFirmwareHealth && data.size() == sizeof(Le32)) {
    StoreAt(data, 0, Le32(kFirmwareHealthy));
  }
}

void Device::WriteBar(unsigned bar, std::uint64_t offset, std::span<const std::uint8_t> data) {
  if (bar == kRegisterBar) {
    if (offset + data.size() <= kCommandWindow + kCommandWindowSize) {
      return commands_.Write(offset - kCommandWindow, data);
    }
    if (offset == kCommandTrigger) return commands_.Trigger();
    if (offset >= kWindowBase && offset < kWindowBaseEnd) return;
  }
  if (bar == kDoorbellBar) {
    if (offset == kDoorbell && data.size() == sizeof(Le64)) return Ring(LoadAt<Le64>(data));
    if (offset == kDoorbell && data.size() == sizeof(Le32)) {
      doorbell_low_ = LoadAt<Le32>(data);
      return;
    }
    if (offset == kDoorbell + sizeof(Le32) && data.size() == sizeof(Le32)) {
      return Ring(std::uint64_t{LoadAt<Le32>(data)} << 32U | doorbell_low_);
    }
  }
  slot_.log.Refused("bnxt: write of {} bytes to BAR {} at {:#x}", data.size(), bar, offset);
}

void Device::Ring(std::uint64_t value) {
  if (!firmware_.Rings().Ring(Doorbell::Decode(value))) {
    slot_.log.Refused("bnxt: doorbell {:#x} belongs to no ring", value);
  }
}

}  // namespace vnic::bnxt
