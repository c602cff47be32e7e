// A guest that drives the gVNIC model, and means it ill.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "ci/vnic/gve/fault_scope.h"
#include "test/fuzz/hostile_guest.h"
#include "test/unit/gve_queues.h"

namespace vnic::gve {

// Nothing here relies on memory: it may have gone.
class HostileGve : public GveQueueDriver {
 public:
  HostileGve() : GveQueueDriver(fuzz::NewGuest(Device::kModel)) {}

  void MakeQueues(fuzz::Input& input) {
    CreateTxQueue tx = TxQueueRequest(0);
    tx.ring = tx_ring_;
    tx.completion_ring = tx_completions_;
    fuzz::Require(Issue(Opcode::kCreateTxQueue, tx) == AdminStatus::kPassed);
    const std::uint8_t kind = input.Byte();
    MakeRxQueue((kind & 1U) != 0 ? 0 : kHeaderBufferSize, (kind & 2U) == 0);
    posted_ = kBuffers;
  }

  // One admin command into the ring; the doorbell may wait for the next.
  void Command(fuzz::Input& input) {
    if (input.Byte() == 0xff) return StartAdminQueue();
    // Not kConfigureFlowRule, the last: that stands within an extended one.
    const auto known = std::span(kNamedCommands).first(kNamedCommands.size() - 1);
    const std::size_t choice = input.Below(known.size() + 1);
    const auto opcode = choice < known.size() ? static_cast<Opcode>(known[choice].number)
                                              : Opcode::kExtendedCommand;
    AdminCommand command = Valid(opcode, input);
    fuzz::Edit<std::endian::big>(input, command);
    std::ignore = guest_.memory.Store(
        admin_ + issued_ % (kAdminBytes / sizeof(AdminCommand)) * sizeof(AdminCommand), command);
    ++issued_;
    if ((input.Byte() & 3U) != 3) WriteRegister(kAdminDoorbell, issued_);
  }

  // One packet, of up to three buffers and perhaps a context.
  void Transmit(fuzz::Input& input) {
    const Packet packet = fuzz::AnyPacket(input);
    const std::size_t size = std::min(packet.bytes.size(), kMostPacket);
    fuzz::TryWrite(guest_.memory, tx_buffer_, std::span(packet.bytes).first(size));
    if (packet.IsBurst()) {
      TsoContext context;
      context.type_and_flags = kTxTypeTsoContext;
      context.segment_size = packet.segment_size & kTsoSegmentMask;
      fuzz::Edit<std::endian::little>(input, context);
      PutTx(std::bit_cast<TxDescriptor>(context));
    }
    std::size_t offset = 0;
    while (offset < size) {
      const std::size_t part = std::min<std::size_t>(size - offset, kTxSizeMask);
      TxDescriptor descriptor;
      descriptor.buffer = tx_buffer_ + offset;
      descriptor.buffer_size = static_cast<std::uint16_t>(part);
      descriptor.completion_tag = static_cast<std::uint16_t>(tx_tail_);
      offset += part;
      descriptor.type_and_flags = static_cast<std::uint8_t>(
          kTxTypePacket | kTxChecksum | (offset == size ? kTxEndOfPacket | kTxReportEvent : 0));
      if (offset == size) fuzz::Edit<std::endian::little>(input, descriptor);
      PutTx(descriptor);
    }
    Doorbell(kTxDoorbells, tx_tail_);
  }

  void PostBuffer(fuzz::Input& input) {
    RxDescriptor buffer;
    buffer.buffer_id = static_cast<std::uint16_t>(posted_);
    buffer.buffer = buffers_ + posted_ % kBuffers * kBufferSize;
    buffer.header_buffer = header_buffers_ + posted_ % kBuffers * kHeaderBufferSize;
    fuzz::Edit<std::endian::little>(input, buffer);
    std::ignore = guest_.memory.Store(ring_ + posted_ * sizeof buffer, buffer);
    posted_ = (posted_ + 1) % kMinRing;
    Doorbell(kRxDoorbells, posted_);
  }

  // Of any queue or block, or of none.
  void AnyDoorbell(fuzz::Input& input) {
    constexpr std::array kFirst{kNotifyDoorbells, kTxDoorbells, kRxDoorbells};
    const std::uint32_t index = input.OneOf(kFirst) + input.Below(32);
    Doorbell(index, input.Coin() ? input.Number<std::uint32_t>() : input.Number<std::uint16_t>());
  }

  void AnyStep(fuzz::Input& input) { any_.Step(input); }
  void EndStep() { any_.Echo(); }

 private:
  static constexpr std::uint32_t kBuffers = 64;
  static constexpr std::size_t kMostPacket = std::size_t{256} * 1024;

  void PutTx(const TxDescriptor& descriptor) {
    std::ignore = guest_.memory.Store(tx_ring_ + tx_tail_ * sizeof descriptor, descriptor);
    tx_tail_ = (tx_tail_ + 1) % kMinRing;
  }

  template <typename Arguments>
  static AdminCommand Of(Opcode opcode, const Arguments& arguments) {
    AdminCommand command;
    command.opcode = static_cast<std::uint32_t>(opcode);
    StoreAt(command.arguments, 0, arguments);
    return command;
  }
  // One that would pass in some state of the NIC.
  AdminCommand Valid(Opcode opcode, fuzz::Input& input) {
    const std::uint32_t id = input.Below(4);
    switch (opcode) {
      case Opcode::kDescribeDevice:
        return Of(opcode, DescribeDevice{.address = scratch_,
                                         .version = kDescriptorVersion,
                                         .available_length = 4096});
      case Opcode::kConfigureDeviceResources:
        return Of(opcode, ConfigureDeviceResources{.counter_array = scratch_,
                                                   .irq_doorbells = irq_doorbells_,
                                                   .num_counters = 16,
                                                   .num_irq_doorbells = kNotifyBlocks,
                                                   .irq_doorbell_stride = 64,
                                                   .base_vector = id & 1U,
                                                   .queue_format = kFormatDqoRda});
      case Opcode::kCreateTxQueue: {
        CreateTxQueue request = TxQueueRequest(id);
        request.ring = tx_ring_;
        request.completion_ring = tx_completions_;
        return Of(opcode, request);
      }
      case Opcode::kCreateRxQueue: {
        CreateRxQueue request = RxQueueRequest(id);
        request.completion_ring = completions_;
        return Of(opcode, request);
      }
      case Opcode::kConfigureRss:
        return Of(opcode, ConfigureRss{.hash_types = 0xff,
                                       .hash_algorithm = kHashToeplitz,
                                       .reserved = 0,
                                       .key_size = kRssKeySize,
                                       .table_size = kRssTableSize,
                                       .key = scratch_,
                                       .table = scratch_ + 1024});
      case Opcode::kSetDriverParameter:
        return Of(opcode, SetDriverParameter{.type = kParameterMtu, .reserved = 0, .value = 1500});
      case Opcode::kReportStats:
        return Of(opcode, ReportStats{.length = 2048, .address = scratch_, .interval = 20000});
      case Opcode::kGetPtypeMap:
        return Of(opcode, GetPtypeMap{.length = 2048, .address = scratch_});
      case Opcode::kVerifyDriverCompatibility:
        return Of(opcode, VerifyDriverCompatibility{.length = 64, .address = scratch_});
      case Opcode::kQueryFlowRules:
        return Of(opcode, QueryFlowRules{.opcode = static_cast<std::uint16_t>(id),
                                         .padding = 0,
                                         .starting_rule_id = 0,
                                         .available_length = 4096,
                                         .address = scratch_});
      case Opcode::kQueryRss:
        return Of(opcode, QueryRss{.available_length = 4096, .address = scratch_});
      case Opcode::kReportLinkSpeed:
        return Of(opcode, ReportLinkSpeed{.address = scratch_});
      case Opcode::kExtendedCommand:
        return FlowRuleChange(input);
      default:  // those that name a queue, or nothing
        return Of(opcode, DestroyQueue{.queue_id = id});
    }
  }
  AdminCommand FlowRuleChange(fuzz::Input& input) {
    ConfigureFlowRule rule = RuleToPort(9999, input.Below(4), input.Below(4));
    fuzz::Edit<std::endian::big>(input, rule);
    std::ignore = guest_.memory.Store(scratch_, rule);
    return Of(Opcode::kExtendedCommand,
              ExtendedCommand{.opcode = static_cast<std::uint32_t>(Opcode::kConfigureFlowRule),
                              .length = sizeof rule,
                              .address = scratch_});
  }

  const GuestAddress tx_ring_ = guest_.Allocate(kMinRing * sizeof(TxDescriptor));
  const GuestAddress tx_completions_ = guest_.Allocate(kMinRing * sizeof(TxCompletion));
  const GuestAddress tx_buffer_ = guest_.Allocate(kMostPacket);
  std::uint32_t tx_tail_ = 0;
  std::uint32_t posted_ = 0;
  fuzz::HostileGuest any_{guest_, Device::kModel, nic_};
};

}  // namespace vnic::gve
