// gVNIC admin commands as a driver, and as something hostile, issues them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "test/unit/gve_driver.h"

namespace vnic::gve {
namespace {

using ::testing::ElementsAre;

class GveAdmin : public ::testing::Test, public GveDriver {};

// Addresses at which nothing of the size asked for can be.
const std::uint64_t kBadAddresses[] = {0, FakeGuest::kUnmapped, FakeGuest::kEnd,
                                       FakeGuest::kEnd - 8, ~std::uint64_t{0}};

TEST_F(GveAdmin, DescribesTheDeviceWithItsOptions) {
  ASSERT_EQ(Issue(Opcode::kDescribeDevice, DescribeDevice{.address = scratch_,
                                                          .version = kDescriptorVersion,
                                                          .available_length = 4096}),
            AdminStatus::kPassed);
  const auto descriptor = guest_.Get<DeviceDescriptor>(scratch_);
  EXPECT_EQ(descriptor.mac, (MacAddress{2, 0, 0, 0, 0, 1}));
  EXPECT_EQ(descriptor.rx_queue_entries, kDefaultRing);
  EXPECT_EQ(descriptor.num_device_options, 6);

  GuestAddress at = scratch_ + sizeof descriptor;
  std::vector<int> ids;
  for (int i = 0; i < descriptor.num_device_options; ++i) {
    const auto option = guest_.Get<OptionHeader>(at);
    ids.push_back(option.id);
    if (option.id == OptionBufferSizes::kId) {
      const auto sizes = guest_.Get<OptionBufferSizes>(at + sizeof option);
      EXPECT_EQ(sizes.header_buffer_size, 128) << "0 would switch header split off";
    }
    at += sizeof option + option.length;
  }
  EXPECT_THAT(ids, ElementsAre(0x4, 0x6, 0x8, 0xa, 0xb, 0xe));
  EXPECT_EQ(at - scratch_, descriptor.total_length);
}

TEST_F(GveAdmin, RefusesToDescribeIntoWhatIsNoMemory) {
  for (const std::uint64_t address : kBadAddresses) {
    EXPECT_EQ(Issue(Opcode::kDescribeDevice,
                    DescribeDevice{.address = address, .version = 1, .available_length = 4096}),
              AdminStatus::kInvalidArgument);
  }
  EXPECT_EQ(Issue(Opcode::kDescribeDevice,
                  DescribeDevice{.address = scratch_, .version = 1, .available_length = 40}),
            AdminStatus::kResourceExhausted);
  EXPECT_EQ(guest_.Get<std::uint64_t>(scratch_), 0U) << "nothing was written";
}

TEST_F(GveAdmin, RefusesUnknownCommands) {
  for (const std::uint32_t opcode : {0U, 0x3U, 0x11U, 0x101U, ~0U}) {
    EXPECT_EQ(Issue(static_cast<Opcode>(opcode), std::uint32_t{0}), AdminStatus::kUnimplemented);
  }
  EXPECT_EQ(Issue(Opcode::kExtendedCommand, ExtendedCommand{}), AdminStatus::kUnimplemented);
}

TEST_F(GveAdmin, ADoorbellBeyondTheRingExecutesNothing) {
  WriteRegister(kAdminDoorbell, kAdminBytes / sizeof(AdminCommand) + 1);
  EXPECT_EQ(ReadRegister(kAdminEventCounter), 0U);
  WriteRegister(kAdminDoorbell, ~0U);
  EXPECT_EQ(ReadRegister(kAdminEventCounter), 0U);
}

TEST_F(GveAdmin, RefusesAnAdminQueueThatIsNoMemory) {
  WriteRegister(kDriverStatus, kDriverReset);
  EXPECT_NE(ReadRegister(kDeviceStatus) & kDeviceIsReset, 0U);
  StartAdminQueue(100);  // not a power of two of commands
  EXPECT_NE(ReadRegister(kDeviceStatus) & kDeviceIsReset, 0U);
  WriteRegister(kAdminBaseHigh, ~0U);
  WriteRegister(kDriverStatus, kDriverRun);
  EXPECT_NE(ReadRegister(kDeviceStatus) & kDeviceIsReset, 0U);
  StartAdminQueue();
  EXPECT_EQ(ReadRegister(kDeviceStatus) & kDeviceIsReset, 0U) << "the control";
}

TEST_F(GveAdmin, StopsWhenTheAdminQueueIsUnmapped) {
  ASSERT_TRUE(guest_.memory.Unmap(FakeGuest::kBase, FakeGuest::kSize));
  WriteRegister(kAdminDoorbell, 1);
  EXPECT_EQ(ReadRegister(kDriverStatus), 0U);
}

TEST_F(GveAdmin, TellsTheInterruptDoorbells) {
  ASSERT_EQ(ConfigureResources(), AdminStatus::kPassed);
  EXPECT_EQ(guest_.Get<Be32>(irq_doorbells_ + 3 * 64), kNotifyDoorbells + 3);
  EXPECT_EQ(ConfigureResources(), AdminStatus::kAlreadyExists);
}

TEST_F(GveAdmin, RefusesMoreNotificationBlocksThanVectors) {
  EXPECT_EQ(ConfigureResources(kNotifyBlocks + 1), AdminStatus::kInvalidArgument);
  EXPECT_EQ(ConfigureResources(~0U), AdminStatus::kInvalidArgument);
  EXPECT_EQ(ConfigureResources(kNotifyBlocks), AdminStatus::kPassed) << "the control";
}

TEST_F(GveAdmin, QueuesNeedConfiguredResources) {
  EXPECT_EQ(Issue(Opcode::kCreateRxQueue, RxQueueRequest(0)), AdminStatus::kFailedPrecondition);
  EXPECT_EQ(Issue(Opcode::kCreateTxQueue, TxQueueRequest(0)), AdminStatus::kFailedPrecondition);
}

TEST_F(GveAdmin, MakesAndTakesAwayQueues) {
  ASSERT_EQ(ConfigureResources(), AdminStatus::kPassed);
  ASSERT_EQ(Issue(Opcode::kCreateRxQueue, RxQueueRequest(2)), AdminStatus::kPassed);
  EXPECT_EQ(guest_.Get<QueueResources>(resources_).doorbell_index, kRxDoorbells + 2);
  EXPECT_EQ(Issue(Opcode::kCreateRxQueue, RxQueueRequest(2)), AdminStatus::kAlreadyExists);
  EXPECT_EQ(Issue(Opcode::kDestroyRxQueue, DestroyQueue{.queue_id = 2}), AdminStatus::kPassed);
  EXPECT_EQ(Issue(Opcode::kDestroyRxQueue, DestroyQueue{.queue_id = 2}), AdminStatus::kNotFound);
  EXPECT_EQ(Issue(Opcode::kDestroyRxQueue, DestroyQueue{.queue_id = ~0U}), AdminStatus::kNotFound);

  ASSERT_EQ(Issue(Opcode::kCreateTxQueue, TxQueueRequest(7)), AdminStatus::kPassed);
  EXPECT_EQ(guest_.Get<QueueResources>(resources_).doorbell_index, kTxDoorbells + 7);
  EXPECT_EQ(Issue(Opcode::kCreateTxQueue, TxQueueRequest(7)), AdminStatus::kAlreadyExists);
  EXPECT_EQ(Issue(Opcode::kDestroyTxQueue, DestroyQueue{.queue_id = 7}), AdminStatus::kPassed);
  EXPECT_EQ(Issue(Opcode::kDestroyTxQueue, DestroyQueue{.queue_id = 7}), AdminStatus::kNotFound);
}

TEST_F(GveAdmin, RefusesHostileReceiveQueues) {
  ASSERT_EQ(ConfigureResources(), AdminStatus::kPassed);
  const auto refused = [&](auto change) {
    CreateRxQueue request = RxQueueRequest(0);
    change(request);
    return Issue(Opcode::kCreateRxQueue, request) == AdminStatus::kInvalidArgument;
  };
  EXPECT_TRUE(refused([](auto& r) { r.queue_id = kMaxQueues; }));
  EXPECT_TRUE(refused([](auto& r) { r.queue_id = ~0U; }));
  EXPECT_TRUE(refused([](auto& r) { r.notify_id = kNotifyBlocks; }));
  EXPECT_TRUE(refused([](auto& r) { r.notify_id = ~0U; }));
  EXPECT_TRUE(refused([](auto& r) { r.completion_ring_size = r.buffer_ring_size = 0; }));
  EXPECT_TRUE(refused([](auto& r) { r.completion_ring_size = r.buffer_ring_size = 300; }));
  EXPECT_TRUE(refused([](auto& r) { r.completion_ring_size = r.buffer_ring_size = 0x8000; }));
  EXPECT_TRUE(refused([](auto& r) { r.completion_ring_size = 2 * kMinRing; }));
  EXPECT_TRUE(refused([](auto& r) { r.packet_buffer_size = 0; }));
  EXPECT_TRUE(refused([](auto& r) { r.packet_buffer_size = 0xffff; }));
  EXPECT_TRUE(refused([](auto& r) { r.header_buffer_size = 1024; }));
  EXPECT_TRUE(refused([](auto& r) { r.buffer_ring = r.buffer_ring + 4; }));
  for (const std::uint64_t address : kBadAddresses) {
    EXPECT_TRUE(refused([&](auto& r) { r.buffer_ring = address; }));
    EXPECT_TRUE(refused([&](auto& r) { r.completion_ring = address; }));
    if (address != FakeGuest::kEnd - 8) {  // 8 bytes are all it takes
      EXPECT_TRUE(refused([&](auto& r) { r.resources = address; }));
    }
  }
  EXPECT_EQ(Issue(Opcode::kCreateRxQueue, RxQueueRequest(0)), AdminStatus::kPassed);
}

TEST_F(GveAdmin, RefusesHostileTransmitQueues) {
  ASSERT_EQ(ConfigureResources(), AdminStatus::kPassed);
  const auto refused = [&](auto change) {
    CreateTxQueue request = TxQueueRequest(0);
    change(request);
    return Issue(Opcode::kCreateTxQueue, request) == AdminStatus::kInvalidArgument;
  };
  EXPECT_TRUE(refused([](auto& r) { r.queue_id = kMaxQueues; }));
  EXPECT_TRUE(refused([](auto& r) { r.notify_id = kNotifyBlocks; }));
  EXPECT_TRUE(refused([](auto& r) { r.ring_size = 2 * kMinRing; }));
  EXPECT_TRUE(refused([](auto& r) { r.ring_size = r.completion_ring_size = 1; }));
  for (const std::uint64_t address : kBadAddresses) {
    EXPECT_TRUE(refused([&](auto& r) { r.ring = address; }));
    EXPECT_TRUE(refused([&](auto& r) { r.completion_ring = address; }));
  }
  EXPECT_EQ(Issue(Opcode::kCreateTxQueue, TxQueueRequest(0)), AdminStatus::kPassed);
}

TEST_F(GveAdmin, RssIsReadBackAsConfigured) {
  ASSERT_EQ(ConfigureResources(), AdminStatus::kPassed);
  std::array<std::uint8_t, kRssKeySize> key{};
  key[0] = 0xab;
  std::array<Be32, kRssTableSize> table{};
  table[5] = 3;
  guest_.Put(scratch_, key);
  guest_.Put(scratch_ + 64, table);
  const ConfigureRss request{.hash_types = kHashTcpv4,
                             .hash_algorithm = kHashToeplitz,
                             .key_size = kRssKeySize,
                             .table_size = kRssTableSize,
                             .key = scratch_,
                             .table = scratch_ + 64};
  ASSERT_EQ(Issue(Opcode::kConfigureRss, request), AdminStatus::kPassed);
  ASSERT_EQ(
      Issue(Opcode::kQueryRss, QueryRss{.available_length = 4096, .address = scratch_ + 1024}),
      AdminStatus::kPassed);
  const auto reply = guest_.Get<QueryRssReply>(scratch_ + 1024);
  EXPECT_EQ(reply.total_length, 8U + 40U + 128U * 4U);
  EXPECT_EQ(reply.hash_types, kHashTcpv4);
  EXPECT_EQ(guest_.Get<std::uint8_t>(scratch_ + 1024 + 8), 0xab);
  EXPECT_EQ(guest_.Get<Be32>(scratch_ + 1024 + 8 + 40 + 5 * 4), 3U);
}

TEST_F(GveAdmin, RefusesHostileRss) {
  ConfigureRss request{.hash_types = kHashTcpv4,
                       .hash_algorithm = kHashToeplitz,
                       .key_size = kRssKeySize,
                       .table_size = 0,
                       .key = FakeGuest::kUnmapped,
                       .table = 0};
  EXPECT_EQ(Issue(Opcode::kConfigureRss, request), AdminStatus::kInvalidArgument);
  request.key = scratch_;
  request.key_size = 0xffff;
  EXPECT_EQ(Issue(Opcode::kConfigureRss, request), AdminStatus::kInvalidArgument);
  request.key_size = 0;
  request.table_size = kRssTableSize;
  request.table = FakeGuest::kEnd - 4;
  EXPECT_EQ(Issue(Opcode::kConfigureRss, request), AdminStatus::kInvalidArgument);
  guest_.Put(scratch_, Be32(kMaxQueues));  // a queue that cannot be
  request.table = scratch_;
  EXPECT_EQ(Issue(Opcode::kConfigureRss, request), AdminStatus::kInvalidArgument);
  guest_.Put(scratch_, Be32(kMaxQueues - 1));
  EXPECT_EQ(Issue(Opcode::kConfigureRss, request), AdminStatus::kPassed) << "the control";
  EXPECT_EQ(Issue(Opcode::kQueryRss, QueryRss{.available_length = 100, .address = scratch_}),
            AdminStatus::kResourceExhausted);
}

TEST_F(GveAdmin, FlowRulesAreReadBackAsWritten) {
  ASSERT_EQ(ChangeFlowRule(RuleToPort(9999, 3, 17)), AdminStatus::kPassed);
  ASSERT_EQ(ChangeFlowRule(RuleToPort(8888, 2, 5)), AdminStatus::kPassed);
  EXPECT_EQ(ChangeFlowRule(RuleToPort(7777, 1, 5)), AdminStatus::kAlreadyExists);

  QueryFlowRules query{.opcode = static_cast<std::uint16_t>(FlowRuleQuery::kRules),
                       .padding = 0,
                       .starting_rule_id = 6,
                       .available_length = 4096,
                       .address = scratch_ + 1024};
  ASSERT_EQ(Issue(Opcode::kQueryFlowRules, query), AdminStatus::kPassed);
  const auto reply = guest_.Get<QueryFlowRulesReply>(scratch_ + 1024);
  EXPECT_EQ(reply.num_flow_rules, 2U);
  EXPECT_EQ(reply.max_flow_rules, kMaxFlowRules);
  EXPECT_EQ(reply.num_queried_rules, 1U) << "those from location 6 on";
  EXPECT_EQ(reply.total_length, sizeof reply + sizeof(QueriedFlowRule));
  const auto rule = guest_.Get<QueriedFlowRule>(scratch_ + 1024 + sizeof reply);
  EXPECT_EQ(rule.location, 17U);
  EXPECT_EQ(rule.rule.key.destination_port, 9999);

  query.opcode = static_cast<std::uint16_t>(FlowRuleQuery::kIds);
  query.starting_rule_id = 0;
  query.available_length = sizeof reply + 4;  // room for one
  ASSERT_EQ(Issue(Opcode::kQueryFlowRules, query), AdminStatus::kPassed);
  EXPECT_EQ(guest_.Get<QueryFlowRulesReply>(scratch_ + 1024).num_queried_rules, 1U);
  query.available_length = 4;
  EXPECT_EQ(Issue(Opcode::kQueryFlowRules, query), AdminStatus::kResourceExhausted);
}

TEST_F(GveAdmin, RefusesHostileFlowRules) {
  EXPECT_EQ(ChangeFlowRule(RuleToPort(1, kMaxQueues, 0)), AdminStatus::kInvalidArgument);
  EXPECT_EQ(ChangeFlowRule(RuleToPort(1, 0, kMaxFlowRules)), AdminStatus::kInvalidArgument);
  ConfigureFlowRule sctp = RuleToPort(1, 0, 0);
  sctp.rule.flow_type = 2;
  EXPECT_EQ(ChangeFlowRule(sctp), AdminStatus::kUnimplemented);
  ConfigureFlowRule remove = RuleToPort(1, 0, 0);
  remove.opcode = static_cast<std::uint16_t>(FlowRuleChange::kDelete);
  EXPECT_EQ(ChangeFlowRule(remove), AdminStatus::kNotFound);
  remove.opcode = 0xffff;
  EXPECT_EQ(ChangeFlowRule(remove), AdminStatus::kUnimplemented);
  for (const std::uint64_t address : kBadAddresses) {
    EXPECT_EQ(
        Issue(Opcode::kExtendedCommand,
              ExtendedCommand{.opcode = static_cast<std::uint32_t>(Opcode::kConfigureFlowRule),
                              .length = sizeof(ConfigureFlowRule),
                              .address = address}),
        AdminStatus::kInvalidArgument);
  }
}

TEST_F(GveAdmin, StatisticsStandAtTheEndOfTheReport) {
  ASSERT_EQ(ConfigureResources(), AdminStatus::kPassed);
  ASSERT_EQ(Issue(Opcode::kCreateRxQueue, RxQueueRequest(1)), AdminStatus::kPassed);
  ASSERT_EQ(Issue(Opcode::kReportStats,
                  ReportStats{.length = 1000, .address = scratch_, .interval = 20000}),
            AdminStatus::kPassed);
  const auto first = guest_.Get<Stat>(scratch_ + 1000 - 4 * sizeof(Stat));
  EXPECT_EQ(first.name, kStatRxDrops);
  EXPECT_EQ(first.queue_id, 1U);
  EXPECT_EQ(
      Issue(Opcode::kReportStats, ReportStats{.length = ~0ULL, .address = scratch_, .interval = 0}),
      AdminStatus::kInvalidArgument);
  EXPECT_EQ(Issue(Opcode::kReportStats, ReportStats{}), AdminStatus::kPassed) << "the report ends";
}

TEST_F(GveAdmin, TheLinkIsInTheStatusAndRaisesTheManagementVector) {
  ASSERT_EQ(ConfigureResources(4), AdminStatus::kPassed);
  EXPECT_NE(ReadRegister(kDeviceStatus) & kDeviceLinkUp, 0U);
  guest_.wire.up = false;
  nic_.LinkChanged();
  EXPECT_EQ(ReadRegister(kDeviceStatus) & kDeviceLinkUp, 0U);
  EXPECT_THAT(guest_.interrupts.raised, ElementsAre(4U));
}

TEST_F(GveAdmin, AResetTakesAwayWhatWasMade) {
  ASSERT_EQ(ConfigureResources(), AdminStatus::kPassed);
  ASSERT_EQ(Issue(Opcode::kCreateRxQueue, RxQueueRequest(0)), AdminStatus::kPassed);
  ASSERT_EQ(ChangeFlowRule(RuleToPort(9999, 3, 17)), AdminStatus::kPassed);
  WriteRegister(kDriverStatus, kDriverReset);
  WriteRegister(kAdminDoorbell, issued_ + 1);  // the queue is off
  EXPECT_EQ(ReadRegister(kDriverStatus), 0U);

  StartAdminQueue();
  EXPECT_EQ(ReadRegister(kAdminEventCounter), 0U);
  EXPECT_EQ(Issue(Opcode::kDestroyRxQueue, DestroyQueue{.queue_id = 0}), AdminStatus::kNotFound);
  EXPECT_EQ(ChangeFlowRule(RuleToPort(9999, 3, 17)), AdminStatus::kPassed) << "17 is free";
}

}  // namespace
}  // namespace vnic::gve
