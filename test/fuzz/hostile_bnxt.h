// A guest that drives the bnxt model, and means it ill.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "ci/vnic/bnxt/fault_scope.h"
#include "test/fuzz/hostile_guest.h"
#include "test/unit/bnxt_queues.h"

namespace vnic::bnxt {

// Nothing here relies on memory: it may have gone.
class HostileBnxt : public BnxtQueueDriver {
 public:
  HostileBnxt() : BnxtQueueDriver(fuzz::NewGuest(Device::kModel)) {}

  // A VNIC on the queue, with buffers.
  void MakeQueues(fuzz::Input& input) {
    const std::uint8_t kind = input.Byte();
    BringUp((kind & 1U) != 0 ? 0 : kPlacementSplitIpv4 | kPlacementSplitIpv6,
            (kind & 2U) != 0 ? 0 : 16);
    VnicConfigRequest mru{};
    mru.mru = kMaxMtu;
    fuzz::Require(Send(CommandType::kVnicConfig, mru).error == 0);
    rx_.memory = PostBuffers(queue.rx, kBuffers, kBufferBytes);
    aggregation_.memory = PostBuffers(queue.aggregation, kBuffers, kBufferBytes);
    rx_.posted = aggregation_.posted = kBuffers;
  }

  // One command, by way of memory or in the window itself.
  void Command(fuzz::Input& input) {
    const auto type = static_cast<CommandType>(input.OneOf(kNamedCommands).number);
    Bytes request = Valid(type, input);
    StoreAt(
        request, 0,
        RequestHeader{.type = static_cast<std::uint16_t>(type),
                      .completion_ring = input.Coin() ? kNoCompletionRing : queue.tx_completions.id,
                      .sequence = 1,
                      .target = 0xffff,
                      .reply_address = reply_});
    fuzz::Edit<std::endian::little>(input, request);
    std::array<std::uint8_t, kCommandWindowSize> window{};
    if (input.Byte() == 0xff) {
      std::ranges::copy(std::span(request).first(std::min(request.size(), window.size())),
                        window.begin());
    } else {
      fuzz::TryWrite(guest.memory, request_, request);
      ShortRequest where{.type = static_cast<std::uint16_t>(type),
                         .signature = kShortSignature,
                         .target = 0xffff,
                         .size = static_cast<std::uint16_t>(request.size()),
                         .address = request_};
      fuzz::Edit<std::endian::little>(input, where);
      StoreAt(window, 0, where);
    }
    device.WriteBar(kRegisterBar, kCommandWindow, window);
    device.WriteBar(kRegisterBar, kCommandTrigger, std::array<std::uint8_t, 4>{1});
  }

  // One packet in up to eight buffers.
  void Transmit(fuzz::Input& input) {
    const Packet packet = fuzz::AnyPacket(input);
    const std::size_t size = std::min(packet.bytes.size(), kMostPacket);
    fuzz::TryWrite(guest.memory, tx_buffer_, std::span(packet.bytes).first(size));
    const std::size_t pieces = (size + kMostPiece - 1) / kMostPiece;
    for (std::size_t i = 0; i < pieces; ++i) {
      const std::size_t offset = i * kMostPiece;
      const std::size_t length = std::min(size - offset, kMostPiece);
      BufferDescriptor descriptor{.flags_length = static_cast<std::uint32_t>(length << 16U),
                                  .opaque = tx_tail_,
                                  .address = tx_buffer_ + offset};
      if (i > 0) {
        PutTx(descriptor);
        continue;
      }
      descriptor.flags_length = descriptor.flags_length | kTxTypeLong |
                                static_cast<std::uint32_t>(pieces + 1) << kTxCountShift;
      fuzz::Edit<std::endian::little>(input, descriptor);
      PutTx(descriptor);
      TxExtension extension{
          .flags = kTxTransportChecksum | kTxIpChecksum | (packet.IsBurst() ? kTxSegment : 0),
          .segment_size = packet.segment_size,
          .action = 0,
          .metadata = 0};
      fuzz::Edit<std::endian::little>(input, extension);
      PutTx(extension);
    }
    Doorbell(DoorbellType::kTx, queue.tx.id, tx_tail_);
  }

  void PostBuffer(fuzz::Input& input) {
    const bool header = input.Coin();
    Posted& to = header ? rx_ : aggregation_;
    const Ring& ring = header ? queue.rx : queue.aggregation;
    BufferDescriptor buffer{
        .flags_length = kBufferBytes << 16U,
        .opaque = to.posted,
        .address = to.memory + std::uint64_t{to.posted} % kBuffers * kBufferBytes};
    fuzz::Edit<std::endian::little>(input, buffer);
    TryPut(ring, to.posted, buffer);
    to.posted = (to.posted + 1) % kRingRecords;
    Doorbell(DoorbellType::kRx, ring.id, to.posted);
  }

  // Of any ring, or of none.
  void AnyDoorbell(fuzz::Input& input) {
    constexpr std::array kTypes{DoorbellType::kTx,
                                DoorbellType::kRx,
                                DoorbellType::kCompletion,
                                DoorbellType::kCompletionArm,
                                DoorbellType::kNotification,
                                DoorbellType::kNotificationArm,
                                static_cast<DoorbellType>(0xf)};
    const DoorbellType type = input.OneOf(kTypes);
    const std::uint32_t ring = input.Below(16);
    const bool far = input.Coin();
    Doorbell(type, ring, far ? input.Number<std::uint32_t>() & 0xffffffU : input.Byte());
  }

  void AnyStep(fuzz::Input& input) { any_.Step(input); }
  void EndStep() { any_.Echo(); }

 private:
  static constexpr std::uint32_t kBuffers = 64;
  static constexpr std::uint32_t kBufferBytes = 2048;
  static constexpr std::size_t kMostPacket = std::size_t{256} * 1024;
  static constexpr std::size_t kMostPiece = 32768;
  struct Posted {
    GuestAddress memory = 0;
    std::uint32_t posted = 0;
  };

  template <Plain T>
  void TryPut(const Ring& ring, std::uint32_t index, const T& record) {
    std::ignore = guest.memory.Store(ring.memory + std::uint64_t{index} * kRecordSize, record);
  }
  template <Plain T>
  void PutTx(const T& record) {
    TryPut(queue.tx, tx_tail_, record);
    tx_tail_ = (tx_tail_ + 1) % kRingRecords;
  }

  template <Plain T>
  static Bytes Of(const T& request) {
    const auto bytes = BytesOf(request);
    return {bytes.begin(), bytes.end()};
  }
  // One that would be obeyed in some state of the NIC.
  Bytes Valid(CommandType type, fuzz::Input& input) {
    const std::uint8_t id = input.Below(8);
    switch (type) {
      case CommandType::kFuncConfig: {
        FuncConfigRequest request{};
        request.enables = ~0U;
        request.rx_rings = request.tx_rings = request.vnics = id;
        request.async_ring = queue.notifications.id;
        return Of(request);
      }
      case CommandType::kRingAlloc:
        return Of(NewRing(input));
      case CommandType::kRingFree: {
        RingFreeRequest request{};
        request.ring = id;
        return Of(request);
      }
      case CommandType::kVnicAlloc: {
        VnicAllocRequest request{};
        request.flags = id == 0 ? kVnicDefault : 0;
        return Of(request);
      }
      case CommandType::kVnicConfig: {
        VnicConfigRequest request{};
        request.enables = kEnableDefaultRings;
        request.vnic = id;
        request.mru = kMaxMtu;
        request.default_rx_ring = queue.rx.id;
        request.default_completion_ring = queue.rx_completions.id;
        return Of(request);
      }
      case CommandType::kVnicUpdate: {
        VnicUpdateRequest request{};
        request.vnic = id / 2U;
        request.enables = kEnableVnicMru;
        request.mru = id % 2 == 0 ? 0 : kMaxMtu;
        return Of(request);
      }
      case CommandType::kVnicRssConfig: {
        VnicRssRequest request{};
        request.hash_types = 0x3f;
        request.vnic = id;
        request.ring_table = table_;
        request.key = table_;
        for (std::size_t i = 0; i < kRssTablePairs; ++i) {
          std::ignore = guest.memory.Store(
              table_ + i * sizeof(RssPair),
              RssPair{.rx_ring = queue.rx.id, .completion_ring = queue.rx_completions.id});
        }
        return Of(request);
      }
      case CommandType::kVnicPlacementConfig: {
        VnicPlacementRequest request{};
        request.flags = kPlacementSplitIpv4 | kPlacementSplitIpv6;
        request.vnic = id;
        return Of(request);
      }
      case CommandType::kVnicCoalesceConfig: {
        VnicCoalesceRequest request{};
        request.flags = kCoalesceOn;
        request.vnic = id;
        request.max_segments = 16;
        return Of(request);
      }
      default:
        return ValidFilter(type, id);
    }
  }
  RingAllocRequest NewRing(fuzz::Input& input) {
    constexpr std::array kTypes{RingType::kCompletion, RingType::kTx, RingType::kRx,
                                RingType::kAggregation, RingType::kNotification};
    RingAllocRequest request{};
    request.type = input.OneOf(kTypes);
    request.page_table = table_;
    request.page_table_depth = input.Coin() ? 1 : 0;
    request.length = request.page_table_depth == 0 ? kRingRecords : 2 * kRingRecords;
    for (std::uint64_t i = 0; i < 2; ++i) {
      std::ignore = guest.memory.Store(table_ + 8 * i, Le64(fuzz::AnyAddress(input)));
    }
    request.completion_ring = queue.tx_completions.id;
    request.rx_ring = queue.rx.id;
    request.notification_ring = queue.notifications.id;
    return request;
  }
  Bytes ValidFilter(CommandType type, std::uint8_t id) {
    switch (type) {
      case CommandType::kStatContextAlloc: {
        StatContextAllocRequest request{};
        request.address = queue.statistics;
        return Of(request);
      }
      case CommandType::kL2FilterAlloc: {
        L2FilterAllocRequest request{};
        request.address = {2, 0, 0, 0, 0, 1};
        request.vnic = id;
        return Of(request);
      }
      case CommandType::kL2SetRxMask: {
        RxMaskRequest request{};
        request.mask = 0x1e;
        request.multicast_table = table_;
        request.multicast_count = id;
        return Of(request);
      }
      case CommandType::kFlowFilterAlloc: {
        FlowFilterAllocRequest request{};
        request.enables = kEnableRingIndex;
        request.l2_filter = 1;
        request.address_type = kFlowIpv4;
        request.protocol = kProtocolTcp;
        request.vnic = id / 4U;
        request.ring_index = id;
        request.destination_port = 9999;
        request.destination_port_mask = 0xffff;
        return Of(request);
      }
      case CommandType::kL2FilterFree:
      case CommandType::kFlowFilterFree: {
        FilterFreeRequest request{};
        request.filter = id;
        return Of(request);
      }
      default: {  // those that name a number, or nothing
        NumberRequest request{};
        request.number = id;
        return Of(request);
      }
    }
  }

  const GuestAddress table_ = guest.Allocate(4096);
  const GuestAddress tx_buffer_ = guest.Allocate(kMostPacket);
  std::uint32_t tx_tail_ = 0;
  Posted rx_;
  Posted aggregation_;
  fuzz::HostileGuest any_{guest, Device::kModel, device};
};

}  // namespace vnic::bnxt
