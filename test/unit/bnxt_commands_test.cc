#include <gtest/gtest.h>

#include <cstdint>
#include <utility>

#include "test/unit/bnxt_driver.h"

namespace vnic::bnxt {
namespace {

constexpr auto kOk = std::to_underlying(CommandError::kNone);
constexpr auto kInvalid = std::to_underlying(CommandError::kInvalidParameters);
constexpr auto kNoResources = std::to_underlying(CommandError::kResourceAllocation);
constexpr auto kUnknown = std::to_underlying(CommandError::kUnknown);
constexpr std::uint16_t kNoAnswer = 0xdead;

class BnxtCommands : public testing::Test, public BnxtDriver {
 protected:
  std::uint32_t AllocateVnic(bool is_default) {
    VnicAllocRequest request{};
    request.flags = is_default ? kVnicDefault : 0;
    const Answer answer = Send(CommandType::kVnicAlloc, request);
    EXPECT_EQ(answer.error, kOk);
    return answer.number;
  }
  std::uint64_t AllocateL2Filter() {
    L2FilterAllocRequest request{};
    request.address = {2, 0, 0, 0, 0, 1};
    const Answer answer = Send(CommandType::kL2FilterAlloc, request);
    EXPECT_EQ(answer.error, kOk);
    return answer.number;
  }
  FlowFilterAllocRequest Flow(std::uint64_t l2_filter) {
    FlowFilterAllocRequest request{};
    request.l2_filter = l2_filter;
    request.address_type = kFlowIpv6;
    request.protocol = 6;
    return request;
  }
};

TEST_F(BnxtCommands, UnknownOnesAreNotSupported) {
  EXPECT_EQ(Send(static_cast<CommandType>(0x261)).error, kUnknown);
  EXPECT_EQ(Send(static_cast<CommandType>(0xfffe)).error, kUnknown);
}

TEST_F(BnxtCommands, RequestsOutsideMemoryOrOfNoSizeGetNoAnswer) {
  const auto attempt = [&](std::uint16_t size, GuestAddress address) {
    return SendShort({.type = 0x15,
                      .signature = kShortSignature,
                      .target = 0xffff,
                      .size = size,
                      .address = address})
        .error;
  };
  EXPECT_EQ(attempt(24, FakeGuest::kUnmapped), kNoAnswer);
  EXPECT_EQ(attempt(24, FakeGuest::kEnd - 8), kNoAnswer);
  EXPECT_EQ(attempt(24, ~std::uint64_t{0} - 7), kNoAnswer);
  EXPECT_EQ(attempt(15, FakeGuest::kBase), kNoAnswer);
  EXPECT_EQ(attempt(513, FakeGuest::kBase), kNoAnswer);
}

TEST_F(BnxtCommands, ReplyIsNotWrittenOutsideMemory) {
  NumberRequest request{};
  const GuestAddress address = guest.Allocate(4096);
  for (const GuestAddress reply :
       {FakeGuest::kUnmapped, FakeGuest::kEnd - 8, FakeGuest::kBase + 4, ~std::uint64_t{0}}) {
    request.header.type = std::to_underlying(CommandType::kFuncQueryCaps);
    request.header.completion_ring = kNoCompletionRing;
    request.header.reply_address = reply;
    guest.Put(address, request);
    EXPECT_EQ(SendShort({.type = 0x15,
                         .signature = kShortSignature,
                         .target = 0xffff,
                         .size = sizeof request,
                         .address = address})
                  .error,
              kNoAnswer);
  }
}

TEST_F(BnxtCommands, ReservationIsIncrementalAndBounded) {
  FuncConfigRequest request{};
  const auto field = [&](std::size_t offset) {
    Send(CommandType::kFuncQueryConfig);
    return std::uint16_t{guest.Get<Le16>(guest.kBase + 4096 + offset)};
  };
  request.enables = kEnableTxRings | kEnableRxRings;
  request.tx_rings = 4;
  request.rx_rings = 8;
  request.vnics = 9;  // without its bit: not meant
  EXPECT_EQ(Send(CommandType::kFuncConfig, request).error, kOk);
  EXPECT_EQ(field(28), 4);  // hwrm_func_qcfg_output, alloc_tx_rings
  EXPECT_EQ(field(30), 8);  // alloc_rx_rings
  EXPECT_EQ(field(34), 0);  // alloc_vnics

  request.enables = kEnableTxRings;
  request.tx_rings = 5;
  request.flags = 0x2000;  // FUNC_CFG_REQ_FLAGS_TX_ASSETS_TEST
  EXPECT_EQ(Send(CommandType::kFuncConfig, request).error, kOk);
  EXPECT_EQ(field(28), 4);
  request.tx_rings = kMaxTxRings + 1;
  EXPECT_EQ(Send(CommandType::kFuncConfig, request).error, kNoResources);
  request.flags = 0;
  EXPECT_EQ(Send(CommandType::kFuncConfig, request).error, kNoResources);
  EXPECT_EQ(field(28), 4);
}

TEST_F(BnxtCommands, RingsNeedSoundMemory) {
  const auto attempt = [&](std::uint32_t length, std::uint8_t depth, GuestAddress table) {
    RingAllocRequest request{};
    request.length = length;
    request.page_table_depth = depth;
    request.page_table = table;
    return AllocateRing(RingType::kNotification, request).error;
  };
  EXPECT_EQ(attempt(256, 0, FakeGuest::kBase), kOk);
  EXPECT_EQ(attempt(257, 0, FakeGuest::kBase), kInvalid);
  EXPECT_EQ(attempt(512, 0, FakeGuest::kBase), kInvalid);
  EXPECT_EQ(attempt(512, 1, FakeGuest::kBase), kOk);
  EXPECT_EQ(attempt(1U << 31U, 1, FakeGuest::kBase), kInvalid);
  EXPECT_EQ(attempt(512, 2, FakeGuest::kBase), kInvalid);
  EXPECT_EQ(attempt(512, 1, FakeGuest::kUnmapped), kInvalid);
  EXPECT_EQ(attempt(512, 1, FakeGuest::kEnd - 8), kInvalid);
}

TEST_F(BnxtCommands, RingsNeedThoseThatTheyWorkWith) {
  RingAllocRequest nothing{};
  nothing.notification_ring = 77;
  nothing.completion_ring = 77;
  nothing.rx_ring = 77;
  nothing.stat_context = 77;
  for (const RingType type :
       {RingType::kCompletion, RingType::kTx, RingType::kRx, RingType::kAggregation}) {
    EXPECT_EQ(AllocateRing(type, nothing).error, kInvalid) << int{std::to_underlying(type)};
  }
  nothing.logical_id = kMaxQueues;  // a vector that there is not
  EXPECT_EQ(AllocateRing(RingType::kNotification, nothing).error, kInvalid);
  EXPECT_EQ(AllocateRing(static_cast<RingType>(9)).error, kInvalid);
}

TEST_F(BnxtCommands, RingsRunOut) {
  std::uint16_t error = kOk;
  int count = 0;
  RingAllocRequest request{};
  request.page_table = FakeGuest::kBase;
  for (; error == kOk && count < 1000; ++count) {
    error = AllocateRing(RingType::kNotification, request).error;
  }
  EXPECT_EQ(error, kNoResources);
}

TEST_F(BnxtCommands, RingIsFreedOnceAndSaysSoInItsCompletionQueue) {
  const BnxtQueue queue(*this);
  Doorbell(DoorbellType::kNotificationArm, queue.notifications.id, 0);
  Doorbell(DoorbellType::kCompletionArm, queue.tx_completions.id, 0);
  EXPECT_EQ(FreeRing(RingType::kTx, queue.tx.id, queue.tx_completions.id).error, kOk);
  const Completion done = Record(queue.tx_completions, 0);
  EXPECT_EQ(done.type_flags_length & 0x3fU, 0x20U);
  EXPECT_EQ(done.phase_and_more, 1U);
  const Completion notification = Record(queue.notifications, 0);
  EXPECT_EQ(notification.type_flags_length, 0x30U);
  EXPECT_EQ(notification.opaque, 7U);
  EXPECT_EQ(notification.last, 1U);
  EXPECT_EQ(guest.interrupts.raised, std::vector<std::uint32_t>{0});
  EXPECT_EQ(FreeRing(RingType::kTx, queue.tx.id, kNoCompletionRing).error, kInvalid);
}

TEST_F(BnxtCommands, DoorbellsOfNoRingChangeNothing) {
  const BnxtQueue queue(*this);
  FreeRing(RingType::kRx, queue.rx.id, kNoCompletionRing);
  for (const std::uint32_t ring : {std::uint32_t{queue.rx.id}, 0xfffffU, 0x3fffU}) {
    for (std::uint64_t type = 0; type < 16; ++type) {
      Doorbell(static_cast<DoorbellType>(type), ring, 0xffffff);
    }
  }
  EXPECT_TRUE(guest.interrupts.raised.empty());
  EXPECT_TRUE(guest.wire.sent.empty());
}

TEST_F(BnxtCommands, VnicsHaveOneDefault) {
  EXPECT_EQ(AllocateVnic(false), 1U);
  EXPECT_EQ(AllocateVnic(true), 0U);
  VnicAllocRequest request{};
  request.flags = kVnicDefault;
  EXPECT_EQ(Send(CommandType::kVnicAlloc, request).error, kInvalid);
  NumberRequest number{};
  number.number = 1;
  EXPECT_EQ(Send(CommandType::kVnicFree, number).error, kOk);
  EXPECT_EQ(Send(CommandType::kVnicFree, number).error, kInvalid);
}

TEST_F(BnxtCommands, RssTableAndKeyMustBeInMemory) {
  VnicRssRequest request{};
  request.vnic = static_cast<std::uint16_t>(AllocateVnic(true));
  request.hash_types = kHashIpv4;
  request.ring_table = guest.Allocate(4096);
  request.key = guest.Allocate(4096);
  EXPECT_EQ(Send(CommandType::kVnicRssConfig, request).error, kOk);
  VnicRssRequest bad = request;
  bad.ring_table = FakeGuest::kEnd - 255;
  EXPECT_EQ(Send(CommandType::kVnicRssConfig, bad).error, kInvalid);
  bad = request;
  bad.key = FakeGuest::kUnmapped;
  EXPECT_EQ(Send(CommandType::kVnicRssConfig, bad).error, kInvalid);
  bad = request;
  bad.table_part = 1;
  EXPECT_EQ(Send(CommandType::kVnicRssConfig, bad).error, kInvalid);
  bad = request;
  bad.vnic = 5;
  EXPECT_EQ(Send(CommandType::kVnicRssConfig, bad).error, kInvalid);
}

TEST_F(BnxtCommands, MulticastListIsBounded) {
  AllocateVnic(true);
  RxMaskRequest request{};
  request.mask = kMaskMulticast;
  request.multicast_table = guest.Allocate(4096);
  request.multicast_count = 64;
  EXPECT_EQ(Send(CommandType::kL2SetRxMask, request).error, kOk);
  request.multicast_count = 0xffffffff;
  EXPECT_EQ(Send(CommandType::kL2SetRxMask, request).error, kInvalid);
  request.multicast_count = 1;
  request.multicast_table = FakeGuest::kUnmapped;
  EXPECT_EQ(Send(CommandType::kL2SetRxMask, request).error, kInvalid);
}

TEST_F(BnxtCommands, FlowsFallWithTheL2FilterTheyStandOn) {
  AllocateVnic(true);
  const std::uint64_t l2_filter = AllocateL2Filter();
  EXPECT_EQ(Send(CommandType::kFlowFilterAlloc, Flow(l2_filter + 1)).error, kInvalid);
  const Answer flow = Send(CommandType::kFlowFilterAlloc, Flow(l2_filter));
  EXPECT_EQ(flow.error, kOk);
  FilterFreeRequest request{};
  request.filter = l2_filter;
  EXPECT_EQ(Send(CommandType::kL2FilterFree, request).error, kOk);
  request.filter = flow.number;
  EXPECT_EQ(Send(CommandType::kFlowFilterFree, request).error, kInvalid);
}

TEST_F(BnxtCommands, FlowsOfNoIpOrIntoNoVnicAreRefused) {
  AllocateVnic(true);
  FlowFilterAllocRequest request = Flow(AllocateL2Filter());
  request.address_type = 0;
  EXPECT_EQ(Send(CommandType::kFlowFilterAlloc, request).error, kInvalid);
  request.address_type = kFlowIpv4;
  request.vnic = 3;
  EXPECT_EQ(Send(CommandType::kFlowFilterAlloc, request).error, kInvalid);
  request.vnic = 0;
  EXPECT_EQ(Send(CommandType::kFlowFilterAlloc, request).error, kOk);
}

}  // namespace
}  // namespace vnic::bnxt
