// The BCM57508 as Linux' bnxt_en drives it: reservations, RSS contexts, flow rules, header split
// with thresholds, receive buffers of any page size, hardware GRO, queue restart.
#pragma once

#include <cstdint>
#include <memory>

#include "ci/vnic/bnxt/command_port.h"
#include "ci/vnic/bnxt/firmware.h"
#include "ci/vnic/bnxt/receiver.h"
#include "ci/vnic/bnxt/registers.h"
#include "ci/vnic/device/nic.h"

namespace vnic::bnxt {

class Device : public Nic {
 public:
  static const Model kModel;

  explicit Device(const NicSlot& slot);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  void ReadBar(unsigned bar, std::uint64_t offset, std::span<std::uint8_t> data) override;
  void WriteBar(unsigned bar, std::uint64_t offset, std::span<const std::uint8_t> data) override;
  void Reset() override { firmware_.Reset(); }
  void Receive(Packet packet) override { receiver_.Receive(std::move(packet)); }
  void LinkChanged() override { firmware_.PostLinkEvent(); }
  [[nodiscard]] Counters Stats() const override { return receiver_.Stats(); }

 private:
  void Ring(std::uint64_t value);

  const NicSlot slot_;
  Firmware firmware_;
  Receiver receiver_;
  CommandPort commands_;
  std::uint32_t doorbell_low_ = 0;  // of a doorbell written in two halves
};

}  // namespace vnic::bnxt
