// The ConnectX-7 as Linux' mlx5_core drives it: striding receive queues with header split and
// merging (SHAMPO), flow tables, RSS contexts, buffers of any page size, queue restart.
#pragma once

#include <cstdint>
#include <memory>

#include "ci/vnic/device/nic.h"
#include "ci/vnic/mlx5/command_port.h"
#include "ci/vnic/mlx5/firmware.h"
#include "ci/vnic/mlx5/registers.h"

namespace vnic::mlx5 {

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
  [[nodiscard]] std::uint32_t ReadRegister(std::uint64_t offset);
  // False: there is no such register.
  bool WriteRegister(std::uint64_t offset, std::uint32_t value);
  bool RingDoorbell(std::uint64_t in_page, std::span<const std::uint8_t> data);

  const NicSlot slot_;
  Firmware firmware_;
  CommandPort commands_;
  // Whether the driver is told of the present command's end. It polls for that of the one that
  // makes the queue to tell it in, and has forgotten the command when such an event comes
  // (core/cmd.c, mlx5_cmd_comp_handler follows a null pointer then).
  bool told_ = false;
  std::uint32_t health_ = 0;
  bool failed_ = false;          // all is as after power-on, until the driver comes to that
  std::uint64_t unsteered_ = 0;  // no queue takes it, as while the driver's channels are closed
};

}  // namespace vnic::mlx5
