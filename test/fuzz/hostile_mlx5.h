// A guest that drives the mlx5 model, and means it ill.
#pragma once

#include <array>
#include <cstdint>

#include "ci/vnic/mlx5/fault_scope.h"
#include "test/fuzz/hostile_guest.h"
#include "test/unit/mlx5_queues.h"

namespace vnic::mlx5 {

// Nothing here relies on memory: it may have gone.
class HostileMlx5 : public Mlx5QueueDriver {
 public:
  HostileMlx5() : Mlx5QueueDriver(fuzz::NewGuest(Device::kModel)) {}

  // A queue each way, with buffers; all packets come to it.
  void MakeQueues(fuzz::Input& input) {
    const bool splits = input.Coin();
    MakeReceiveQueue(receive_, splits ? SplittingQueueRequest(received_, receive_, pages_)
                                      : ReceiveQueueRequest(received_, receive_));
    SteerTo(receive_);
    for (std::uint32_t i = 0; i < kRequests; ++i) PutReceiveRequest(receive_, i, i + 1);
    SetPosted(receive_, kRequests);
    posted_ = kRequests;
    Doorbell(kArmCompletions, received_.number);
    EventDoorbell(kArmEvents, events.number << 24U);
  }

  void Command(fuzz::Input& input) {
    const auto opcode = static_cast<Opcode>(input.OneOf(kNamedCommands).number);
    Bytes request = Valid(opcode, input).Data();
    StoreAt(request, 0, Be16(static_cast<std::uint16_t>(opcode)));
    fuzz::Edit<std::endian::big>(input, request);
    const std::uint32_t slot = input.Below(32);
    PutCommand(request, input.Coin() ? 16 : 0x210, slot);
    if (input.Below(8) == 0) {
      auto entry = guest.memory.Writable(Entry(slot), 64);
      fuzz::Edit<std::endian::big>(input, entry);
    }
    WriteRegister(kCommandDoorbell, 1U << slot);
  }

  // One packet, or a change of a key's table.
  void Transmit(fuzz::Input& input) {
    Request request(192);
    std::uint32_t blocks = 1;
    if (input.Below(4) == 0) {
      blocks = 3;
      request.Set(0, 0, 8, 0x25).Set(4, 0, 6, 9).SetWord(0x0c, pages_);
      request.Set(0x14, 16, 16, 1).SetLong(0x80, fuzz::AnyAddress(input));
    } else {
      const Packet packet = fuzz::AnyPacket(input);
      const std::size_t size = std::min(packet.bytes.size(), kMostPacket);
      TryWrite(buffer_, std::span(packet.bytes).first(size));
      request.Set(0, 0, 8, packet.IsBurst() ? 0x0e : 0x0a)
          .Set(4, 0, 6, 3)
          .Set(0x14, 24, 8, 0xc0)
          .Set(0x14, 0, 16, packet.segment_size)
          .SetWord(0x20, static_cast<std::uint32_t>(size))
          .SetWord(0x24, key)
          .SetLong(0x28, buffer_);
    }
    request.Set(8, 2, 2, 2);
    Bytes bytes = request.Data();
    fuzz::Edit<std::endian::big>(input, bytes);
    for (std::uint32_t i = 0; i < blocks; ++i) {
      const std::uint32_t at = produced_++ % (1U << kLogBlocks);
      TryWrite(send_.memory + std::uint64_t{64} * at, Frame(bytes).subspan(64 * i, 64));
    }
    const std::uint32_t told = input.Below(16) == 0 ? input.Number<std::uint16_t>() : produced_;
    std::ignore = guest.memory.Store(send_.doorbell_record + 4, Be32(told));
    Doorbell(kSendDoorbells, std::uint64_t{send_.number} << 8U);
  }

  void PostBuffer(fuzz::Input& input) {
    const GuestAddress at = receive_.memory + std::uint64_t{32} * (posted_ % kRequests);
    auto bytes = guest.memory.Writable(at, 32);
    fuzz::Edit<std::endian::big>(input, bytes);
    posted_ += input.Below(3);
    std::ignore = guest.memory.Store(receive_.doorbell_record, Be32(posted_));
  }

  // Of any queue, or of none.
  void AnyDoorbell(fuzz::Input& input) {
    if (input.Coin()) return TakeCompletions(input);
    constexpr std::array<std::uint64_t, 5> kPlaces{kArmCompletions, kArmEvents, kTakeEvents,
                                                   kSendDoorbells, 0x900};
    const std::uint64_t place = input.OneOf(kPlaces);
    const auto value = input.Number<std::uint32_t>();
    if (input.Coin()) {
      EventDoorbell(place, std::uint32_t{input.Below(8)} << 24U | value);
    } else {
      Doorbell(place, std::uint64_t{value} << 32U | input.Number<std::uint16_t>());
    }
  }

  void AnyStep(fuzz::Input& input) { any_.Step(input); }
  void EndStep() { any_.Echo(); }

 private:
  static constexpr std::uint32_t kRequests = 1U << kLogRequests;
  static constexpr std::size_t kMostPacket = std::size_t{128} * 1024;

  // The driver takes completions, or says that it has.
  void TakeCompletions(fuzz::Input& input) {
    const Ring& ring = input.Coin() ? received_ : sent_;
    const auto count = input.Number<std::uint16_t>();
    std::ignore = guest.memory.Store(ring.doorbell_record, Be32(count));
    Doorbell(kArmCompletions, std::uint64_t{count} << 32U | ring.number);
  }

  // One that would be obeyed in some state of the NIC.
  Request Valid(Opcode opcode, fuzz::Input& input) {
    const std::uint32_t id = input.Below(8);
    switch (opcode) {
      case Opcode::kCreateMkey:
        return Request(0x120)
            .Set(0x10, 8, 2, id % 4)
            .SetLong(0x28, 8192)
            .SetWord(0x44, 1)
            .Set(0x48, 0, 6, 12)
            .SetLong(0x110, fuzz::AnyAddress(input))
            .SetLong(0x118, fuzz::AnyAddress(input));
      case Opcode::kCreateEq:
        return Request(0x118)
            .Set(0x1c, 24, 5, id)
            .Set(0x24, 0, 12, id)
            .SetLong(0x58, ~std::uint64_t{0})
            .SetLong(0x110, fuzz::AnyAddress(input));
      case Opcode::kCreateCq:
        return Request(0x118)
            .Set(0x1c, 24, 5, id)
            .Set(0x24, 0, 32, events.number)
            .SetLong(0x48, sent_.doorbell_record)
            .SetLong(0x110, fuzz::AnyAddress(input));
      case Opcode::kCreateSq:
        return Request(0x118)
            .Set(0x28, 0, 24, sent_.number)
            .SetLong(0x60, send_.doorbell_record)
            .Set(0x70, 0, 5, id)
            .SetLong(0x110, send_.memory);
      case Opcode::kCreateRq:
        return id % 2 == 0 ? SplittingQueueRequest(received_, receive_, pages_)
                           : ReceiveQueueRequest(received_, receive_);
      case Opcode::kModifySq:
      case Opcode::kModifyRq:
        return Request(0x110).Set(8, 0, 24, id).Set(0x20, 20, 4, 1);
      case Opcode::kCreateTir:
      case Opcode::kModifyTir:
        return Request(0x110)
            .Set(8, 0, 24, id)
            .SetWord(0x14, 4)
            .Set(0x24, 28, 4, 1)
            .Set(0x3c, 0, 24, id)
            .SetWord(0x40, (id % 2) << 31U | id)
            .Set(0x44, 28, 4, id % 3)
            .Set(0x70, 0, 30, 15);
      case Opcode::kCreateRqt:
      case Opcode::kModifyRqt:
        return Request(0x120)
            .Set(8, 0, 24, id)
            .SetWord(0x14, 1)
            .Set(0x38, 0, 16, 4)
            .SetWord(0x110, receive_.number)
            .SetWord(0x114, id);
      default:
        return ValidForFlows(opcode, id, input);
    }
  }
  Request ValidForFlows(Opcode opcode, std::uint32_t id, fuzz::Input& input) {
    switch (opcode) {
      case Opcode::kCreateFlowTable:
      case Opcode::kModifyFlowTable:
        return Request(0x40)
            .Set(0x14, 0, 24, id)
            .Set(0x18, 24, 4, id % 2)
            .Set(0x18, 0, 8, 8)
            .Set(0x1c, 0, 24, input.Below(8));
      case Opcode::kCreateFlowGroup:
        return Request(0x400)
            .Set(0x14, 0, 24, id)
            .SetWord(0x24, 255)
            .Set(0x3c, 0, 8, 1)
            .SetWord(0x40 + 4 * std::size_t{input.Below(16)}, ~0U);
      case Opcode::kDestroyFlowGroup:
        return Request(0x40).Set(0x14, 0, 24, id).SetWord(0x18, input.Below(8));
      case Opcode::kSetFlowTableEntry:
        return Request(0x348)
            .Set(0x14, 0, 24, id)
            .SetWord(0x20, input.Byte())
            .SetWord(0x44, input.Below(8))
            .Set(0x4c, 0, 16, 4)
            .Set(0x50, 0, 24, 1)
            .Set(0x340, 24, 8, 1U + id % 2)
            .Set(0x340, 0, 24, input.Below(8));
      case Opcode::kSetFlowTableRoot:
      case Opcode::kDestroyFlowTable:
      case Opcode::kDeleteFlowTableEntry:
        return Request(0x40).Set(0x14, 0, 24, id).SetWord(0x20, input.Byte());
      default:  // those that name a number, or nothing
        return Request(0x20).Set(8, 0, 24, id);
    }
  }

  const Ring received_ = MakeCompletionQueue(events.number);
  const Ring sent_ = MakeCompletionQueue(events.number);
  const std::uint32_t pages_ = MakePagesKey({guest.Allocate(4096), guest.Allocate(4096)});
  const Ring send_ = MakeSendQueue(sent_);
  const GuestAddress buffer_ = guest.Allocate(kMostPacket);
  Ring receive_ = MakeRing();
  std::uint32_t produced_ = 0;
  std::uint32_t posted_ = 0;
  fuzz::HostileGuest any_{guest, Device::kModel, device};
};

}  // namespace vnic::mlx5
