// The driver's side of the gVNIC model's queues: rings, buffers, doorbells.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "ci/vnic/gve/descriptors.h"
#include "ci/vnic/net/checksum.h"
#include "test/unit/gve_driver.h"
#include "test/unit/net_frames.h"

namespace vnic::gve {

inline constexpr std::size_t kEthernetIpv4Tcp = 14 + 20 + 20;

inline Bytes TcpFrame(const Bytes& payload) {
  Bytes frame = Ethernet(kEthertypeIpv4) + Ipv4(kProtocolTcp, Tcp(payload));
  const Headers headers = Parse(frame);
  CompleteIpv4Checksum(frame, headers);
  CompleteTransportChecksum(frame, headers);
  return frame;
}

class GveQueueDriver : public GveDriver {
 public:
  explicit GveQueueDriver(
      std::shared_ptr<FakeGuest> guest = std::make_shared<FakeGuest>(Device::kModel.faults))
      : GveDriver(std::move(guest)) {
    EXPECT_EQ(ConfigureResources(), AdminStatus::kPassed);
  }

  void Doorbell(std::uint32_t index, std::uint32_t value) {
    std::array<std::uint8_t, 4> data{};
    StoreAt(data, 0, Le32(value));
    nic_.WriteBar(kDoorbellBar, std::uint64_t{index} * 4, data);
  }

  void MakeTxQueue() {
    CreateTxQueue request = TxQueueRequest(0);
    request.completion_ring = completions_;
    ASSERT_EQ(Issue(Opcode::kCreateTxQueue, request), AdminStatus::kPassed);
  }
  // Queue 0 with one buffer of 4096 bytes and one header buffer for each of the first `posted`.
  void MakeRxQueue(std::uint16_t header_size, bool coalesce, std::uint32_t posted = 64) {
    CreateRxQueue request = RxQueueRequest(0);
    request.completion_ring = completions_;
    request.header_buffer_size = header_size;
    request.enable_rsc = coalesce ? 1 : 0;
    ASSERT_EQ(Issue(Opcode::kCreateRxQueue, request), AdminStatus::kPassed);
    for (std::uint32_t i = 0; i < posted; ++i) {
      RxDescriptor buffer;
      buffer.buffer_id = static_cast<std::uint16_t>(1000 + i);
      buffer.buffer = buffers_ + i * kBufferSize;
      buffer.header_buffer = header_buffers_ + i * kHeaderBufferSize;
      guest_.Put(ring_ + i * sizeof buffer, buffer);
    }
    Doorbell(kRxDoorbells, posted);
  }

  // A further receive queue, without buffers: what it gets is counted as dropped.
  void MakeEmptyQueue(std::uint32_t id) {
    CreateRxQueue request = RxQueueRequest(id);
    request.buffer_ring = request.completion_ring =
        guest_.Allocate(kMinRing * sizeof(RxDescriptor));
    ASSERT_EQ(Issue(Opcode::kCreateRxQueue, request), AdminStatus::kPassed);
  }
  AdminStatus Restart(std::uint32_t id) {
    Issue(Opcode::kDestroyRxQueue, DestroyQueue{.queue_id = id});
    CreateRxQueue request = RxQueueRequest(id);
    request.completion_ring = completions_;
    return Issue(Opcode::kCreateRxQueue, request);
  }

  void PutTx(std::uint32_t index, GuestAddress buffer, std::size_t size, std::uint8_t flags,
             std::uint16_t tag = 0) {
    TxDescriptor descriptor;
    descriptor.buffer = buffer;
    descriptor.type_and_flags = static_cast<std::uint8_t>(kTxTypePacket | flags);
    descriptor.completion_tag = tag;
    descriptor.buffer_size = static_cast<std::uint16_t>(size);
    guest_.Put(ring_ + index * sizeof descriptor, descriptor);
  }
  void PutBytes(GuestAddress address, const Bytes& bytes) {
    const auto target = guest_.memory.Writable(address, bytes.size());
    ASSERT_EQ(target.size(), bytes.size());
    std::ranges::copy(bytes, target.begin());
  }
  [[nodiscard]] Bytes GetBytes(GuestAddress address, std::size_t size) const {
    const auto source = guest_.memory.Readable(address, size);
    return {source.begin(), source.end()};
  }
  [[nodiscard]] RxCompletion RxAt(std::uint32_t index) const {
    return guest_.Get<RxCompletion>(completions_ + index * sizeof(RxCompletion));
  }
  [[nodiscard]] TxCompletion TxAt(std::uint32_t index) const {
    return guest_.Get<TxCompletion>(completions_ + index * sizeof(TxCompletion));
  }
  [[nodiscard]] bool RxWritten(std::uint32_t index) const {
    return (RxAt(index).length_and_generation & kRxGeneration) != 0;
  }
  static std::size_t LengthOf(const RxCompletion& completion) {
    return completion.length_and_generation & 0x3fffU;
  }
  [[nodiscard]] std::uint64_t Counter(std::string_view name) const {
    for (const auto& [key, value] : nic_.Stats()) {
      if (key == name) return value;
    }
    ADD_FAILURE() << "no counter " << name;
    return 0;
  }

  const GuestAddress completions_ = guest_.Allocate(kMaxRing * sizeof(RxCompletion));
  const GuestAddress buffers_ = guest_.Allocate(64 * kBufferSize);
  const GuestAddress header_buffers_ = guest_.Allocate(64 * kHeaderBufferSize);
};

class GveQueues : public ::testing::Test, public GveQueueDriver {};

}  // namespace vnic::gve
