#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include "test/unit/vfio_user_fixture.h"

namespace vnic::vfio_user {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(VfioUser, AgreesOnTheVersionFirst) {
  EXPECT_EQ(ErrorOf(Command::kDeviceGetInfo, Joined(DeviceInfo{})), EPROTO);
  EXPECT_EQ(ErrorOf(Command::kVersion, Joined(Version{.major = 1})), EINVAL);
  EXPECT_EQ(ErrorOf(Command::kVersion, Joined(std::uint16_t{0})), EINVAL);

  const Reply reply = Ask(Command::kVersion, Joined(Version{.major = 0, .minor = 1}, '\0'));

  EXPECT_EQ(reply.header.id, 7);
  const std::string text(reply.body.begin() + sizeof(Version), reply.body.end());
  EXPECT_EQ(text,
            std::string(R"({"capabilities":{"max_msg_fds":8,"max_data_xfer_size":65536}})") + '\0');
  EXPECT_EQ(ErrorOf(Command::kDeviceGetInfo, Joined(DeviceInfo{})), 0);
}

TEST_F(VfioUser, DescribesTheDevice) {
  Negotiate();
  const auto info = LoadAt<DeviceInfo>(Ask(Command::kDeviceGetInfo, Joined(DeviceInfo{})).body);
  EXPECT_EQ(info.regions, 9U);
  EXPECT_EQ(info.irqs, 5U);

  const auto bar0 =
      LoadAt<RegionInfo>(Ask(Command::kDeviceGetRegionInfo, Joined(RegionInfo{.index = 0})).body);
  EXPECT_EQ(bar0.size, 4096U);
  EXPECT_EQ(bar0.flags, kRegionReadable | kRegionWritable);
  const auto bar1 =
      LoadAt<RegionInfo>(Ask(Command::kDeviceGetRegionInfo, Joined(RegionInfo{.index = 1})).body);
  EXPECT_EQ(bar1.size, 0U);
  EXPECT_EQ(ErrorOf(Command::kDeviceGetRegionInfo, Joined(RegionInfo{.index = 9})), EINVAL);

  const auto msix =
      LoadAt<IrqInfo>(Ask(Command::kDeviceGetIrqInfo, Joined(IrqInfo{.index = kIrqMsix})).body);
  EXPECT_EQ(msix.count, kVectors);
  EXPECT_EQ(ErrorOf(Command::kDeviceGetIrqInfo, Joined(IrqInfo{.index = 5})), EINVAL);
}

TEST_F(VfioUser, ReadsAndWritesWithinRegionsOnly) {
  Negotiate();
  const Reply read =
      Ask(Command::kRegionRead, Joined(RegionAccess{.offset = 4092, .region = 0, .count = 4}));
  EXPECT_EQ(Bytes(read.body.begin() + sizeof(RegionAccess), read.body.end()), Bytes(4, 0x5a));
  EXPECT_THAT(nic_.reads, ElementsAre("0:0xffc+4"));

  for (const RegionAccess& bad : {RegionAccess{.offset = 4093, .region = 0, .count = 4},
                                  RegionAccess{.offset = ~0ULL, .region = 0, .count = 4},
                                  RegionAccess{.offset = 0, .region = 1, .count = 4},
                                  RegionAccess{.offset = 0, .region = 9, .count = 4},
                                  RegionAccess{.offset = 0, .region = ~0U, .count = 4},
                                  RegionAccess{.offset = 0, .region = 0, .count = ~0U}}) {
    EXPECT_EQ(ErrorOf(Command::kRegionRead, Joined(bad)), EINVAL);
    EXPECT_EQ(ErrorOf(Command::kRegionWrite, Joined(bad, std::uint32_t{1})), EINVAL);
  }
  const RegionAccess four{.offset = 8, .region = 0, .count = 4};
  EXPECT_EQ(ErrorOf(Command::kRegionWrite, Joined(four, std::uint16_t{1})), EINVAL);
  EXPECT_EQ(ErrorOf(Command::kRegionWrite, Joined(four, std::uint64_t{1})), EINVAL);
  EXPECT_THAT(nic_.writes, IsEmpty());
  EXPECT_EQ(ErrorOf(Command::kRegionWrite, Joined(four, std::uint32_t{1})), 0);
  EXPECT_THAT(nic_.writes, ElementsAre("0:0x8+4"));
}

TEST_F(VfioUser, HasAConfigurationSpace) {
  Negotiate();
  const auto read = [&](std::uint64_t offset) {
    return LoadAt<std::uint32_t>(
        Ask(Command::kRegionRead,
            Joined(RegionAccess{.offset = offset, .region = kRegionConfig, .count = 4}))
            .body,
        sizeof(RegionAccess));
  };
  EXPECT_EQ(read(0x00), 0x56781234U);
  EXPECT_EQ(read(0x08), 0x02000001U);
  EXPECT_EQ(read(0x34), 0x40U) << "the first capability";
  EXPECT_EQ(read(0x40) & 0xffff, 0x7c10U) << "PCI Express, then 0x7c";
  EXPECT_EQ(read(0x4c), 0x103U) << "Link Capabilities: 8 GT/s x16";
  EXPECT_EQ(read(0x6c), 0xeU) << "Link Capabilities 2: 2.5, 5 and 8 GT/s";
  EXPECT_EQ(read(0x7c), 0x00038811U) << "MSI-X with 4 vectors";
  EXPECT_EQ(read(0x80), 0x800U);
  EXPECT_EQ(read(0x88), 0xaa059009U) << "the identity's own, in their order";
  EXPECT_EQ(read(0x8c), 0xbbU);
  EXPECT_EQ(read(0x90), 0x00030001U) << "the last";
  EXPECT_EQ(read(0x94), 0x08U);
  EXPECT_EQ(read(0x100), 0U) << "no extended capability";
  EXPECT_EQ(read(0xffc), 0U);

  const RegionAccess power{.offset = 0x94, .region = kRegionConfig, .count = 4};
  EXPECT_EQ(ErrorOf(Command::kRegionWrite, Joined(power, ~0U)), 0);
  EXPECT_EQ(read(0x94), 0x0bU) << "the two bits of the power state";

  const RegionAccess bar0{.offset = 0x10, .region = kRegionConfig, .count = 4};
  EXPECT_EQ(ErrorOf(Command::kRegionWrite, Joined(bar0, ~0U)), 0);
  EXPECT_EQ(read(0x10), 0xfffff000U) << "sizing a BAR of 4096 bytes";
  const RegionAccess vendor{.offset = 0, .region = kRegionConfig, .count = 4};
  EXPECT_EQ(ErrorOf(Command::kRegionWrite, Joined(vendor, ~0U)), 0);
  EXPECT_EQ(read(0x00), 0x56781234U) << "read-only";
}

// As Linux does it (drivers/pci/pci.c, pcie_flr): Device Control is at 0x48.
TEST_F(VfioUser, ResetsTheFunctionWhereItsConfigurationSpaceIsToldTo) {
  Negotiate();
  const RegionAccess command{.offset = 0x04, .region = kRegionConfig, .count = 2};
  const RegionAccess control{.offset = 0x48, .region = kRegionConfig, .count = 2};
  const auto read = [&](const RegionAccess& what) {
    return LoadAt<std::uint16_t>(Ask(Command::kRegionRead, Joined(what)).body,
                                 sizeof(RegionAccess));
  };
  EXPECT_EQ(ErrorOf(Command::kRegionWrite, Joined(command, std::uint16_t{6})), 0);
  EXPECT_EQ(ErrorOf(Command::kRegionWrite, Joined(control, std::uint16_t{0x7fff})), 0);
  EXPECT_EQ(nic_.resets, 0);
  EXPECT_EQ(ErrorOf(Command::kRegionWrite, Joined(control, std::uint16_t{0x8000})), 0);
  EXPECT_EQ(nic_.resets, 1);
  EXPECT_EQ(read(command), 0) << "as after power-on";
  EXPECT_EQ(read(control), 0);
}

TEST_F(VfioUser, PostedWritesAreNotAnswered) {
  Negotiate();
  const RegionAccess access{.offset = 0, .region = 0, .count = 4};
  const RegionAccess bad{.offset = 4096, .region = 0, .count = 4};
  SendRaw(Request(Command::kRegionWrite, Joined(access, std::uint32_t{1}), kFlagNoReply));
  SendRaw(Request(Command::kRegionWrite, Joined(bad, std::uint32_t{1}), kFlagNoReply));
  ASSERT_TRUE(session_->OnReadable());
  EXPECT_FALSE(Receive()) << "not even to a wrong one";
  EXPECT_THAT(nic_.writes, ElementsAre("0:0x0+4"));
}

TEST_F(VfioUser, MapsAndUnmapsGuestMemory) {
  Negotiate();
  const zcrx::UniqueFd file = MemoryFile(0x2000);
  const DmaMap map{.argsz = sizeof(DmaMap),
                   .flags = kDmaMapRead | kDmaMapWrite,
                   .offset = 0x1000,
                   .address = 0x10000,
                   .size = 0x1000};
  EXPECT_EQ(ErrorOf(Command::kDmaMap, Joined(map), {file.Get(), file.Get()}), EINVAL);
  EXPECT_EQ(ErrorOf(Command::kDmaMap, Joined(std::uint64_t{0}), {file.Get()}), EINVAL);
  DmaMap too_large = map;
  too_large.size = 0x2000;
  EXPECT_EQ(ErrorOf(Command::kDmaMap, Joined(too_large), {file.Get()}), EINVAL);
  EXPECT_EQ(ErrorOf(Command::kDmaMap, Joined(map)), 0) << "ROM has no file";
  EXPECT_EQ(memory_.Regions(), 0U);

  EXPECT_EQ(ErrorOf(Command::kDmaMap, Joined(map), {file.Get()}), 0);
  EXPECT_EQ(memory_.Readable(0x10000, 0x1000).size(), 0x1000U);
  EXPECT_EQ(ErrorOf(Command::kDmaMap, Joined(map), {file.Get()}), EEXIST);

  const DmaUnmap unmap{.argsz = sizeof(DmaUnmap), .address = 0x10000, .size = 0x1000};
  EXPECT_EQ(Ask(Command::kDmaUnmap, Joined(unmap)).body, Joined(unmap));
  EXPECT_EQ(memory_.Regions(), 0U);
}

TEST_F(VfioUser, RefusesDescriptorsThatNoCommandTakes) {
  Negotiate();
  const zcrx::UniqueFd file = MemoryFile(0x1000);
  EXPECT_EQ(ErrorOf(Command::kDeviceReset, {}, {file.Get()}), EINVAL);
  EXPECT_EQ(nic_.resets, 0);
  EXPECT_EQ(ErrorOf(Command::kDeviceReset, {}), 0);
  EXPECT_EQ(nic_.resets, 1);
}

TEST_F(VfioUser, AssignsInterruptsToEventfds) {
  Negotiate();
  const zcrx::UniqueFd first = Eventfd();
  const zcrx::UniqueFd second = Eventfd();
  IrqSet set{.argsz = sizeof(IrqSet),
             .flags = kIrqSetDataEventfd | kIrqSetActionTrigger,
             .index = kIrqMsix,
             .start = 1,
             .count = 2};
  const std::vector<int> fds{first.Get(), second.Get()};
  EXPECT_EQ(ErrorOf(Command::kDeviceSetIrqs, Joined(set), {first.Get()}), EINVAL) << "too few";
  set.start = 3;
  EXPECT_EQ(ErrorOf(Command::kDeviceSetIrqs, Joined(set), fds), EINVAL) << "past the table";
  set.start = ~0U;
  EXPECT_EQ(ErrorOf(Command::kDeviceSetIrqs, Joined(set), fds), EINVAL);
  set.start = 1;
  set.index = 0;
  EXPECT_EQ(ErrorOf(Command::kDeviceSetIrqs, Joined(set), fds), EINVAL) << "there is no INTx";
  set.index = kIrqMsix;
  EXPECT_EQ(ErrorOf(Command::kDeviceSetIrqs, Joined(set), fds), 0);

  msix_.Raise(1);
  msix_.Raise(2);
  msix_.Raise(2);
  EXPECT_EQ(Fired(first), 1U);
  EXPECT_EQ(Fired(second), 2U);

  EXPECT_EQ(ErrorOf(Command::kDeviceSetIrqs, Joined(set)), 0) << "without descriptors: unassign";
  msix_.Raise(1);
  EXPECT_EQ(Fired(first), 0U);
}

TEST_F(VfioUser, DeliversAnInterruptThatWasRaisedWhileUnassigned) {
  Negotiate();
  msix_.Raise(0);
  msix_.Raise(kVectors);  // not in the table
  const zcrx::UniqueFd eventfd = Eventfd();
  const IrqSet set{.argsz = sizeof(IrqSet),
                   .flags = kIrqSetDataEventfd | kIrqSetActionTrigger,
                   .index = kIrqMsix,
                   .start = 0,
                   .count = 1};
  EXPECT_EQ(ErrorOf(Command::kDeviceSetIrqs, Joined(set), {eventfd.Get()}), 0);
  EXPECT_EQ(Fired(eventfd), 1U);
  EXPECT_EQ(ErrorOf(Command::kDeviceSetIrqs, Joined(set), {eventfd.Get()}), 0);
  EXPECT_EQ(Fired(eventfd), 0U) << "once only";
}

TEST_F(VfioUser, RefusesUnknownCommandsAndGoesOn) {
  Negotiate();
  EXPECT_EQ(ErrorOf(static_cast<Command>(99), {}), ENOTSUP);
  EXPECT_EQ(ErrorOf(Command::kDmaRead, {}), ENOTSUP);
  EXPECT_EQ(ErrorOf(Command::kDeviceGetInfo, Joined(DeviceInfo{})), 0);
}

TEST_F(VfioUser, AMessageMayArriveInPieces) {
  Negotiate();
  const Bytes request = Request(Command::kDeviceGetInfo, Joined(DeviceInfo{}));
  for (const std::uint8_t byte : request) {
    EXPECT_FALSE(Receive());
    SendRaw({byte});
    ASSERT_TRUE(session_->OnReadable());
  }
  EXPECT_TRUE(Receive());
}

// Errors after which nothing that follows can be understood.
TEST_F(VfioUser, EndsOnASizeThatNoMessageHas) {
  for (const std::uint32_t size : {0U, 15U}) {
    SetUp();
    SendRaw(Joined(Header{.id = 1, .command = 1, .size = size}));
    const auto status = session_->OnReadable();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, EBADMSG);
  }
  SetUp();
  SendRaw(Joined(Header{.id = 1, .command = 1, .size = ~0U}));
  const auto status = session_->OnReadable();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, EMSGSIZE);
}

// The other guest's turn comes between two of them.
TEST_F(VfioUser, AnswersOneMessageATimeThatSetsOffMuchWork) {
  Negotiate();
  nic_.work = std::chrono::milliseconds(15);
  const Bytes write = Request(Command::kRegionWrite,
                              Joined(RegionAccess{.offset = 0, .region = 0, .count = 4}, 1U));
  for (int i = 0; i < 3; ++i) SendRaw(write);
  ASSERT_TRUE(session_->OnReadable());
  EXPECT_THAT(nic_.writes, SizeIs(1));
  ASSERT_TRUE(session_->OnReadable());
  EXPECT_THAT(nic_.writes, SizeIs(2));
}

TEST_F(VfioUser, EndsOnTooManyDescriptors) {
  Negotiate();
  const zcrx::UniqueFd file = MemoryFile(0x1000);
  SendRaw(Request(Command::kDmaMap, Joined(DmaMap{})), std::vector<int>(kMaxFds + 1, file.Get()));
  const auto status = session_->OnReadable();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, EBADMSG);
  EXPECT_THAT(status.error().detail, HasSubstr("max_msg_fds"));
}

TEST_F(VfioUser, EndsOnAReplyThatNobodyAskedFor) {
  Negotiate();
  SendRaw(Request(Command::kDeviceReset, {}, kTypeReply));
  EXPECT_FALSE(session_->OnReadable());
  EXPECT_EQ(nic_.resets, 0);
}

TEST_F(VfioUser, EndsWhenTheClientHangsUp) {
  Negotiate();
  SendRaw({1, 0, 2});  // within a message
  client_.Reset();
  const auto status = session_->OnReadable();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, EPIPE);
}

}  // namespace
}  // namespace vnic::vfio_user
