// The receive path that all NICs share, with the queue of a NIC that none of the models is: several
// packets in one buffer, each behind the last, its headers elsewhere (mlx5's striding receive
// queue).
#include "ci/vnic/device/receive_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "test/unit/net_frames.h"
#include "test/unit/vnic_fakes.h"

namespace vnic {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::size_t kHeaders = 14 + 20 + 20;
constexpr std::size_t kHeadRoom = 256;
constexpr std::size_t kPage = 4096;
constexpr std::uint32_t kPages = 4;  // of the only buffer, in the reverse order of their addresses
constexpr FaultScope kScope{.commands = {}, .has = kQueueFaults | FaultSet{Fault::kShortBuffers}};

class StridedQueue : public ReceiveQueue {
 public:
  // What one completion says.
  struct Told {
    bool split = false;
    std::size_t head_bytes = 0;
    std::vector<std::size_t> pieces;
    bool more = false;
    bool vouched = true;
  };

  explicit StridedQueue(FakeGuest& guest, const NicSlot& slot)
      : ReceiveQueue(slot, counters),
        heads(guest.Allocate(64 * kHeadRoom)),
        data(guest.Allocate(kPages * kPage)) {}

  ReceiveCounters counters;
  QueueScars scars;
  GuestAddress heads;
  GuestAddress data;
  std::vector<Told> told;
  std::vector<std::size_t> dropped;  // pieces up to one that is not in memory; 0: other reasons
  std::size_t offset = 0;            // where the next payload goes
  int fillers = 0;
  int lost = 0;
  bool full = false;  // takes no completion
  bool splits = true;

 private:
  [[nodiscard]] std::string Name() const override { return "strided"; }
  [[nodiscard]] const QueueScars& Scars() const override { return scars; }
  [[nodiscard]] std::size_t LongestFrame() const override { return 9000; }
  [[nodiscard]] std::size_t SegmentsEach(const Packet&, const Headers&) override { return 1; }
  [[nodiscard]] bool Splits(const Packet&, const Headers& headers) const override {
    return splits && headers.transport == Transport::kTcp;
  }
  [[nodiscard]] std::optional<RxBuffer> Head(const Packet& packet) override {
    if (offset + packet.bytes.size() > kPages * kPage) {
      ++fillers;
      offset = 0;
    }
    return RxBuffer{.address = heads + told.size() * kHeadRoom, .room = kHeadRoom};
  }
  [[nodiscard]] std::optional<RxBuffer> Buffer(std::uint32_t ahead) override {
    const std::size_t page = offset / kPage + ahead;
    const std::size_t within = ahead == 0 ? offset % kPage : 0;
    if (page >= kPages) return std::nullopt;
    return RxBuffer{.address = data + (kPages - 1 - page) * kPage + within, .room = kPage - within};
  }
  [[nodiscard]] std::uint32_t MostBuffers(const Packet&) const override { return kPages; }
  bool Complete(const Reception& received) override {
    if (full) return false;
    Told completion{.split = received.split,
                    .head_bytes = received.head_bytes,
                    .pieces = {},
                    .more = received.more,
                    .vouched = received.vouched};
    for (const auto& [buffer, bytes] : received.pieces) {
      completion.pieces.push_back(bytes);
      offset += bytes;
    }
    told.push_back(std::move(completion));
    return true;
  }
  void LoseBuffer() override { ++lost; }
  void Dropped(const Reception* at) override {
    dropped.push_back(at == nullptr ? 0 : at->pieces.size());
  }
};

class ReceiveQueueTest : public ::testing::Test {
 protected:
  static Packet Segments(std::size_t payload, std::uint16_t segment_size = 0) {
    Packet packet;
    packet.bytes = Ethernet(kEthertypeIpv4) + Ipv4(kProtocolTcp, Tcp(Pattern(payload)));
    packet.segment_size = segment_size;
    return packet;
  }
  void Receive(const Packet& packet) {
    queue_.Receive(packet, ParseHeaders(packet).value(), std::nullopt);
  }
  void Set(std::string_view fault) { ASSERT_TRUE(guest_.faults.Set(fault)); }
  [[nodiscard]] Bytes Memory(GuestAddress address, std::size_t size) const {
    const auto bytes = guest_.memory.Readable(address, size);
    return {bytes.begin(), bytes.end()};
  }
  // Of the data buffer, as the driver sees it.
  [[nodiscard]] Bytes Data(std::size_t size) const {
    Bytes all;
    for (std::uint32_t page = kPages; page-- > 0;) {
      all = all + Memory(queue_.data + page * kPage, kPage);
    }
    all.resize(size);
    return all;
  }

  FakeGuest guest_{kScope};
  const NicSlot slot_ = guest_.Slot();
  StridedQueue queue_{guest_, slot_};
};

TEST_F(ReceiveQueueTest, PutsPayloadsOneBehindTheOther) {
  Receive(Segments(5000, 1000));
  ASSERT_THAT(queue_.told, SizeIs(5));
  EXPECT_EQ(Data(5000), Pattern(5000));
  EXPECT_THAT(queue_.told[3].pieces, ElementsAre(1000));
  EXPECT_THAT(queue_.told[4].pieces, ElementsAre(96, 904)) << "over the end of a page";
  EXPECT_TRUE(queue_.told[3].more);
  EXPECT_FALSE(queue_.told[4].more) << "the last of its burst";
  for (const auto& told : queue_.told) {
    EXPECT_TRUE(told.split);
    EXPECT_EQ(told.head_bytes, kHeaders);
  }
  EXPECT_EQ(Memory(queue_.heads + kHeadRoom + 14, 1), Bytes{0x45}) << "of the second segment";
  EXPECT_EQ(queue_.counters.packets, 5U);
  EXPECT_EQ(queue_.counters.split, 5U);
  EXPECT_EQ(queue_.counters.coalesced, 0U);
}

TEST_F(ReceiveQueueTest, LetsTheModelTurnToTheNextBuffer) {
  Receive(Segments(8000));
  Receive(Segments(8000));
  Receive(Segments(8000));
  EXPECT_EQ(queue_.fillers, 1);
  EXPECT_EQ(Data(8000), Pattern(8000));
}

TEST_F(ReceiveQueueTest, PutsAWholeFrameWhereItDoesNotSplit) {
  queue_.splits = false;
  const Packet packet = Segments(100);
  Receive(packet);
  EXPECT_EQ(Data(packet.bytes.size()), packet.bytes);
  EXPECT_THAT(queue_.told[0].pieces, ElementsAre(packet.bytes.size()));
  EXPECT_EQ(queue_.told[0].head_bytes, 0U);
}

TEST_F(ReceiveQueueTest, DropsAndCounts) {
  Receive(Segments(9000));
  EXPECT_EQ(queue_.counters.too_long, 1U);
  queue_.full = true;
  Receive(Segments(100));
  EXPECT_EQ(queue_.counters.no_buffers, 1U);
  queue_.full = false;
  queue_.data = FakeGuest::kUnmapped;
  Receive(Segments(5000));
  EXPECT_EQ(queue_.counters.refused, 1U);
  queue_.data = FakeGuest::kEnd - (kPages - 1) * kPage;  // all but the first page
  queue_.offset = kPage - 100;
  Receive(Segments(5000));
  EXPECT_EQ(queue_.counters.refused, 2U);
  EXPECT_THAT(queue_.dropped, ElementsAre(0U, 0U, 1U, 1U));
  EXPECT_THAT(queue_.told, IsEmpty());
  Receive({.bytes = Segments(100).bytes, .segment_size = 1});
  EXPECT_EQ(queue_.counters.refused, 102U) << "each frame";
}

TEST_F(ReceiveQueueTest, DoesWhatFaultsWant) {
  Set("no-split");
  Receive(Segments(100));
  EXPECT_FALSE(queue_.told.back().split);
  guest_.faults.Clear();
  Set("checksum-unvouched=1");
  Receive(Segments(100));
  EXPECT_FALSE(queue_.told.back().vouched);
  guest_.faults.Clear();
  Set("completion-lost=2");
  Receive(Segments(3000, 1000));
  EXPECT_EQ(queue_.lost, 1);
  guest_.faults.Clear();
  queue_.offset = 0;
  Set("payload-shifted=3");
  Receive(Segments(100));
  EXPECT_EQ(Memory(queue_.data + (kPages - 1) * kPage + 3, 97), Pattern(97));
  guest_.faults.Clear();
  queue_.offset = 0;
  Set("buffer-reused=1");
  Receive(Segments(200));
  EXPECT_EQ(Memory(queue_.data + (kPages - 2) * kPage, 200), Pattern(200)) << "the next page";
  guest_.faults.Clear();
  queue_.scars.stopped.Leave(guest_.faults);
  const auto before = queue_.told.size();
  Receive(Segments(100));
  EXPECT_THAT(queue_.told, SizeIs(before));
}

}  // namespace
}  // namespace vnic
