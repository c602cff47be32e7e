// The gVNIC (Google Virtual Ethernet) as Linux' gve drives it: queue format DQO with raw DMA
// addressing, header split, RSC, flow steering, RSS.
#pragma once

#include "ci/vnic/device/nic.h"
#include "ci/vnic/gve/admin_queue.h"
#include "ci/vnic/gve/control_plane.h"

namespace vnic::gve {

class Device : public Nic {
 public:
  static const Model kModel;

  explicit Device(const NicSlot& slot);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  void ReadBar(unsigned bar, std::uint64_t offset, std::span<std::uint8_t> data) override;
  void WriteBar(unsigned bar, std::uint64_t offset, std::span<const std::uint8_t> data) override;
  void Reset() override;
  void Receive(Packet packet) override;
  void LinkChanged() override;
  [[nodiscard]] Counters Stats() const override;

 private:
  [[nodiscard]] std::uint32_t Register(std::uint64_t offset) const;
  void WriteRegister(std::uint64_t offset, std::uint32_t value);
  void WriteDriverStatus(std::uint32_t value);
  void Doorbell(std::uint32_t index, std::uint32_t value);
  // nullopt: it is not answered.
  std::optional<AdminStatus> Execute(const AdminCommand& command, bool alone);

  const NicSlot slot_;
  ControlPlane control_;
  AdminQueue admin_;
  std::uint64_t admin_base_ = 0;
  std::uint16_t admin_length_ = 0;
  bool is_reset_ = true;
  std::uint64_t unsteered_ = 0;  // packets for which there was no queue
};

}  // namespace vnic::gve
