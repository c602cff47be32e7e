// The driver's side of the gVNIC model, for its tests: registers and admin commands.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>

#include "ci/vnic/gve/admin_protocol.h"
#include "ci/vnic/gve/device.h"
#include "test/unit/vnic_fakes.h"

namespace vnic::gve {

inline constexpr std::uint32_t kAdminBytes = 4096;

class GveDriver {
 public:
  // With the admin queue running.
  explicit GveDriver(
      std::shared_ptr<FakeGuest> guest = std::make_shared<FakeGuest>(Device::kModel.faults))
      : shared_(std::move(guest)) {
    StartAdminQueue();
  }

  void WriteRegister(std::uint64_t offset, std::uint32_t value) {
    std::array<std::uint8_t, 4> data{};
    StoreAt(data, 0, Be32(value));
    nic_.WriteBar(kRegisterBar, offset, data);
  }
  std::uint32_t ReadRegister(std::uint64_t offset) {
    std::array<std::uint8_t, 4> data{};
    nic_.ReadBar(kRegisterBar, offset, data);
    return LoadAt<Be32>(data);
  }
  void StartAdminQueue(std::uint16_t length = kAdminBytes) {
    std::array<std::uint8_t, 2> data{};
    StoreAt(data, 0, Be16(length));
    nic_.WriteBar(kRegisterBar, kAdminLength, data);
    WriteRegister(kAdminBaseHigh, 0);
    WriteRegister(kAdminBaseLow, static_cast<std::uint32_t>(admin_));
    WriteRegister(kDriverStatus, kDriverRun);
    issued_ = 0;
  }

  // Where the command stands.
  template <typename Arguments>
  GuestAddress Post(Opcode opcode, const Arguments& arguments) {
    AdminCommand command;
    command.opcode = static_cast<std::uint32_t>(opcode);
    StoreAt(command.arguments, 0, arguments);
    const GuestAddress address =
        admin_ + issued_ % (kAdminBytes / sizeof(AdminCommand)) * sizeof(AdminCommand);
    guest_.Put(address, command);
    WriteRegister(kAdminDoorbell, ++issued_);
    return address;
  }
  template <typename Arguments>
  AdminStatus Issue(Opcode opcode, const Arguments& arguments) {
    const GuestAddress address = Post(opcode, arguments);
    EXPECT_EQ(ReadRegister(kAdminEventCounter), issued_);
    return static_cast<AdminStatus>(std::uint32_t{guest_.Get<AdminCommand>(address).status});
  }

  AdminStatus ConfigureResources(std::uint32_t blocks = kNotifyBlocks) {
    return Issue(Opcode::kConfigureDeviceResources,
                 ConfigureDeviceResources{.counter_array = guest_.Allocate(4096),
                                          .irq_doorbells = irq_doorbells_,
                                          .num_counters = 16,
                                          .num_irq_doorbells = blocks,
                                          .irq_doorbell_stride = 64,
                                          .base_vector = 0,
                                          .queue_format = kFormatDqoRda});
  }
  CreateRxQueue RxQueueRequest(std::uint32_t id) {
    return {.queue_id = id,
            .index = 0,
            .reserved = 0,
            .notify_id = kMaxQueues + id,
            .resources = resources_,
            .completion_ring = ring_,
            .buffer_ring = ring_,
            .page_list_id = ~0U,
            .completion_ring_size = kMinRing,
            .packet_buffer_size = kBufferSize,
            .buffer_ring_size = kMinRing,
            .enable_rsc = 1,
            .header_buffer_size = kHeaderBufferSize,
            .padding2 = 0};
  }
  CreateTxQueue TxQueueRequest(std::uint32_t id) {
    return {.queue_id = id,
            .reserved = 0,
            .resources = resources_,
            .ring = ring_,
            .page_list_id = ~0U,
            .notify_id = id,
            .completion_ring = ring_,
            .ring_size = kMinRing,
            .completion_ring_size = kMinRing,
            .padding = 0};
  }

  AdminStatus ChangeFlowRule(const ConfigureFlowRule& rule) {
    guest_.Put(scratch_, rule);
    return Issue(Opcode::kExtendedCommand,
                 ExtendedCommand{.opcode = static_cast<std::uint32_t>(Opcode::kConfigureFlowRule),
                                 .length = sizeof rule,
                                 .address = scratch_});
  }
  static ConfigureFlowRule RuleToPort(std::uint16_t port, std::uint16_t queue,
                                      std::uint32_t location) {
    ConfigureFlowRule rule;
    rule.opcode = static_cast<std::uint16_t>(FlowRuleChange::kAdd);
    rule.rule.flow_type = static_cast<std::uint16_t>(FlowType::kTcpv4);
    rule.rule.queue = queue;
    rule.rule.key.destination_port = port;
    rule.rule.mask.destination_port = 0xffff;
    rule.location = location;
    return rule;
  }

  const std::shared_ptr<FakeGuest> shared_;
  FakeGuest& guest_ = *shared_;
  const GuestAddress admin_ = guest_.Allocate(kAdminBytes);
  const GuestAddress scratch_ = guest_.Allocate(4096);
  const GuestAddress irq_doorbells_ = guest_.Allocate(4096);
  const GuestAddress resources_ = guest_.Allocate(4096);
  const GuestAddress ring_ = guest_.Allocate(kMaxRing * sizeof(RxDescriptor));
  Device nic_{guest_.Slot()};
  std::uint32_t issued_ = 0;
};

}  // namespace vnic::gve
