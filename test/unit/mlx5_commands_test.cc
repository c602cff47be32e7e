#include <gtest/gtest.h>

#include <cstdint>

#include "test/unit/mlx5_driver.h"

namespace vnic::mlx5 {
namespace {

class Mlx5Commands : public testing::Test, public Mlx5Driver {};

constexpr std::uint32_t kBadOpcode = 2;
constexpr std::uint32_t kBadParameter = 3;
constexpr std::uint32_t kBadResource = 5;
constexpr std::uint32_t kLimit = 8;

// Event types of EQs, as bits.
constexpr std::uint64_t kPortEvents = 1U << 9;
constexpr std::uint64_t kCommandEvents = 1U << 10;

TEST_F(Mlx5Commands, SaysWhatItIs) {
  EXPECT_EQ(ReadRegister(kInterfaceRevision) >> 16U, 5U);
  EXPECT_EQ(ReadRegister(kCommandsLow), 0x56U) << "32 entries of 64 bytes";
  const std::uint32_t health = ReadRegister(kHealthCounter);
  EXPECT_NE(ReadRegister(kHealthCounter), health);
  EXPECT_EQ(ReadRegister(0x1fc), 0U) << "it initialises for ever";
}

TEST_F(Mlx5Commands, AnswersInTheEntryAndInMailboxes) {
  // General capabilities: striding_rq is at 0x40.
  const Answer answer = Execute(Opcode::kQueryHcaCap, Request(16), 0x1010);
  ASSERT_TRUE(answer.Ok());
  EXPECT_EQ(Bits(answer.reply).Word(0x10 + 0x40) >> 30U & 1U, 1U);
  // Of the last kind that it knows: min_mkey_log_entity_size_fixed_buffer_valid.
  const Answer other = Execute(Opcode::kQueryHcaCap, Request(16), 0x1010, 0x20 << 1 | 1);
  EXPECT_EQ(Bits(other.reply).Word(0x10 + 0x80) >> 30U & 1U, 1U);
}

TEST_F(Mlx5Commands, RepliesShorterThanAnEntryHasRoomFor) {
  EXPECT_TRUE(Execute(Opcode::kEnableHca, Request(12), 12).Ok());
}

TEST_F(Mlx5Commands, AnUnknownCommandIsRefused) {
  EXPECT_EQ(Execute(static_cast<Opcode>(0xfff)).Status(), kBadOpcode);
}

TEST_F(Mlx5Commands, SaysWhatIsWrongWithAnEntry) {
  const struct {
    std::size_t at;
    std::uint32_t word;
    std::uint8_t delivery;
  } cases[] = {{0x00, 0x06000000, 0x10}, {0x04, 7, 0x7},       {0x04, 2 << 20, 0x7},
               {0x38, 7, 0x8},           {0x38, 2 << 16, 0x8}, {0x0c, 0x7fffffff, 0x5},
               {0x34, 0x7fffffff, 0x4}};
  for (const auto& [at, word, delivery] : cases) {
    PutCommand(Request(32).Set(0, 16, 16, 0x107).Data(), 32, 0);
    guest.Put(Entry(0) + at, Be32(word));
    WriteRegister(kCommandDoorbell, 1);
    const Answer answer = Answered(16, 0);
    EXPECT_TRUE(answer.answered);
    EXPECT_EQ(answer.delivery, delivery) << "at " << at;
  }
}

TEST_F(Mlx5Commands, AQueueThatIsNotInMemoryAnswersNothing) {
  WriteRegister(kCommandsLow, FakeGuest::kUnmapped);
  WriteRegister(kCommandDoorbell, ~0U);
  WriteRegister(kCommandsLow, static_cast<std::uint32_t>(FakeGuest::kEnd - 4096));
  WriteRegister(kCommandDoorbell, ~0U);
}

TEST_F(Mlx5Commands, AnEntryThatIsNotTheDevicesIsLeftAlone) {
  PutCommand(Request(16).Set(0, 16, 16, 0x802).Data(), 16, 3);
  guest.Put(Entry(3) + 0x3c, Be32(0));
  WriteRegister(kCommandDoorbell, 1U << 3U);
  EXPECT_EQ(guest.Get<Be32>(Entry(3) + 0x28), 0U);
}

TEST_F(Mlx5Commands, TellsOfACommandsEndOnceTheQueueForItIsThere) {
  const Ring events = MakeEventQueue(0, kCommandEvents);
  EventDoorbell(kArmEvents, events.number << 24U);
  EXPECT_TRUE(guest.interrupts.raised.empty()) << "told of the command that made the queue";

  Execute(Opcode::kAllocPd, Request(16), 16, 0, 5);
  EXPECT_EQ(guest.interrupts.raised, std::vector<std::uint32_t>{0});
  EXPECT_EQ(guest.Get<Be32>(events.memory + 0x20), 1U << 5U);
  EXPECT_EQ(guest.Get<std::uint8_t>(events.memory + 1), 0x0a);
}

TEST_F(Mlx5Commands, AnEventQueueInterruptsOnceForEachArming) {
  const Ring events = MakeEventQueue(3, kPortEvents);
  guest.wire.up = false;
  device.LinkChanged();
  EXPECT_TRUE(guest.interrupts.raised.empty());
  EXPECT_EQ(guest.Get<std::uint8_t>(events.memory + 3), 1) << "down";
  EventDoorbell(kArmEvents, events.number << 24U);
  EXPECT_EQ(guest.interrupts.raised.size(), 1U) << "an event was there already";
  guest.wire.up = true;
  device.LinkChanged();
  EXPECT_EQ(guest.interrupts.raised.size(), 1U);
  EXPECT_EQ(guest.Get<std::uint8_t>(events.memory + 64 + 3), 4) << "up";
  EventDoorbell(kTakeEvents, events.number << 24U | 2U);
  EventDoorbell(kArmEvents, events.number << 24U | 2U);
  EXPECT_EQ(guest.interrupts.raised.size(), 1U);
  device.LinkChanged();
  EXPECT_EQ(guest.interrupts.raised, (std::vector<std::uint32_t>{3, 3}));
}

TEST_F(Mlx5Commands, AnEventQueueThatIsFullLosesEvents) {
  const Ring events = MakeEventQueue(3, kPortEvents, 1);
  for (int i = 0; i < 5; ++i) device.LinkChanged();
  EXPECT_EQ(guest.Get<std::uint8_t>(events.memory + 0x3f), 0) << "of the first round";
  EventDoorbell(kTakeEvents, events.number << 24U | 2U);
  device.LinkChanged();
  EXPECT_EQ(guest.Get<std::uint8_t>(events.memory + 0x3f), 1) << "of the second";
}

TEST_F(Mlx5Commands, NumbersAreNotGivenAgainAtOnce) {
  const std::uint32_t first = Make(Opcode::kAllocPd);
  EXPECT_TRUE(Execute(Opcode::kDeallocPd, Request(16).Set(8, 0, 24, first)).Ok());
  EXPECT_NE(Make(Opcode::kAllocPd), first);
  EXPECT_EQ(Execute(Opcode::kDeallocPd, Request(16).Set(8, 0, 24, first)).Status(), kBadResource);
}

TEST_F(Mlx5Commands, ThereAreOnlySoManyPagesOfDoorbells) {
  for (std::uint32_t i = 0; i < kUars; ++i) EXPECT_GE(Make(Opcode::kAllocUar), kFirstUar);
  EXPECT_EQ(Execute(Opcode::kAllocUar).Status(), kLimit);
}

TEST_F(Mlx5Commands, RefusesQueuesThatCannotBe) {
  const Request events(0x118);
  Request large = events;
  EXPECT_EQ(Execute(Opcode::kCreateEq, large.Set(0x1c, 24, 5, 17)).Status(), kBadParameter);
  Request few = events;
  EXPECT_EQ(Execute(Opcode::kCreateEq, few.Set(0x1c, 24, 5, 7)).Status(), kBadParameter)
      << "two pages are needed, one is there";
  EXPECT_EQ(Execute(Opcode::kCreateCq, Request(0x118).Set(0x24, 0, 32, 77)).Status(), kBadResource)
      << "no such event queue";
  EXPECT_EQ(Execute(Opcode::kCreateSq, Request(0x118).Set(0x70, 0, 5, 16)).Status(), kBadParameter);
  EXPECT_EQ(
      Execute(Opcode::kCreateRq, Request(0x118).Set(0x50, 28, 4, 2).Set(0x70, 16, 4, 6)).Status(),
      kBadParameter);
}

TEST_F(Mlx5Commands, RefusesKeysThatCannotBe) {
  EXPECT_EQ(Execute(Opcode::kCreateMkey, Request(0x110).Set(0x10, 8, 2, 2)).Status(),
            kBadParameter);
  const auto pages = [](std::uint32_t log_size) {
    return Request(0x110).Set(0x10, 8, 2, 1).Set(0x48, 0, 6, log_size);
  };
  EXPECT_EQ(Execute(Opcode::kCreateMkey, pages(63)).Status(), kBadParameter);
  EXPECT_EQ(Execute(Opcode::kCreateMkey, pages(7)).Status(), kBadParameter);
  const auto table = [&](std::uint32_t octwords) { return pages(8).SetWord(0x44, octwords); };
  EXPECT_EQ(Execute(Opcode::kCreateMkey, table(~0U)).Status(), kLimit);
  // A megabyte each.
  for (int i = 0; i < 64; ++i) Make(Opcode::kCreateMkey, table(1U << 16U));
  EXPECT_EQ(Execute(Opcode::kCreateMkey, table(1)).Status(), kLimit);
}

TEST_F(Mlx5Commands, TellsItsAddressAndLink) {
  const Answer context = Execute(Opcode::kQueryNicVportContext, Request(16), 0x110);
  EXPECT_EQ(Bits(context.reply).Word(0x104), 0x0200U);
  EXPECT_EQ(Bits(context.reply).Word(0x108), 1U);
  EXPECT_EQ(Bits(Execute(Opcode::kQueryVportState).reply).Word(0xc) & 0xfU, 1U);
  guest.wire.up = false;
  EXPECT_EQ(Bits(Execute(Opcode::kQueryVportState).reply).Word(0xc) & 0xfU, 0U);
}

TEST_F(Mlx5Commands, TheMtuIsWhatTheDriverSets) {
  const auto access = [](std::uint32_t mtu) {
    return Request(0x20).Set(8, 0, 16, 0x5003).Set(0x18, 16, 16, mtu);
  };
  EXPECT_TRUE(Execute(Opcode::kAccessRegister, access(1522), 0x20).Ok());
  const Answer read = Execute(Opcode::kAccessRegister, access(0), 0x20, 1);
  EXPECT_EQ(Bits(read.reply).Word(0x18) >> 16U, 1522U);
  EXPECT_EQ(Execute(Opcode::kAccessRegister, access(20000), 0x20).Status(), kBadParameter);
}

TEST_F(Mlx5Commands, ATeardownForgetsEverything) {
  const std::uint32_t domain = Make(Opcode::kAllocPd);
  EXPECT_TRUE(Execute(Opcode::kTeardownHca).Ok());
  EXPECT_EQ(Execute(Opcode::kDeallocPd, Request(16).Set(8, 0, 24, domain)).Status(), kBadResource);
}

TEST_F(Mlx5Commands, StrayDoorbellsAndRegistersAreHarmless) {
  Doorbell(kSendDoorbells, ~std::uint64_t{0});
  Doorbell(kArmCompletions, ~std::uint64_t{0});
  Doorbell(0x100, 1);
  EventDoorbell(kArmEvents, ~0U);
  EventDoorbell(kSendDoorbells, ~0U);
  WriteRegister(0x2000, 1);
  device.WriteBar(kRegisterBar, kCommandsLow, std::array<std::uint8_t, 1>{1});
  std::array<std::uint8_t, 64> bytes{};
  device.ReadBar(kRegisterBar, 3, bytes);
  device.ReadBar(kMsixBar, 0, bytes);
}

}  // namespace
}  // namespace vnic::mlx5
