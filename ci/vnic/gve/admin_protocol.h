// gVNIC admin queue commands. Source: Linux drivers/net/ethernet/google/gve/gve_adminq.h.
// All big-endian.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "ci/vnic/base/endian.h"

namespace vnic::gve {

enum class Opcode : std::uint32_t {
  kDescribeDevice = 0x1,
  kConfigureDeviceResources = 0x2,
  kCreateTxQueue = 0x5,
  kCreateRxQueue = 0x6,
  kDestroyTxQueue = 0x7,
  kDestroyRxQueue = 0x8,
  kDeconfigureDeviceResources = 0x9,
  kConfigureRss = 0xa,
  kSetDriverParameter = 0xb,
  kReportStats = 0xc,
  kReportLinkSpeed = 0xd,
  kGetPtypeMap = 0xe,
  kVerifyDriverCompatibility = 0xf,
  kQueryFlowRules = 0x10,
  kQueryRss = 0x12,
  kExtendedCommand = 0xff,
  kConfigureFlowRule = 0x101,  // inside an extended command
};

enum class AdminStatus : std::uint32_t {
  kPassed = 0x1,
  kAlreadyExists = 0xfffffff1,
  kFailedPrecondition = 0xfffffff5,
  kInternalError = 0xfffffff6,
  kInvalidArgument = 0xfffffff7,
  kNotFound = 0xfffffff8,
  kResourceExhausted = 0xfffffffc,
  kUnimplemented = 0xfffffffe,
};

inline constexpr std::size_t kArguments = 56;
struct AdminCommand {
  Be32 opcode;
  Be32 status;
  std::array<std::uint8_t, kArguments> arguments{};
};
static_assert(sizeof(AdminCommand) == 64);
inline constexpr std::size_t kStatusOffset = 4;

struct DescribeDevice {
  Be64 address;
  Be32 version;
  Be32 available_length;
};
static_assert(sizeof(DescribeDevice) == 16);
inline constexpr std::uint32_t kDescriptorVersion = 1;

struct DeviceDescriptor {
  Be64 max_registered_pages;
  Be16 reserved1;
  Be16 tx_queue_entries;
  Be16 rx_queue_entries;
  Be16 default_num_queues;
  Be16 mtu;
  Be16 counters;
  Be16 reserved2;
  Be16 rx_pages_per_qpl;
  std::array<std::uint8_t, 6> mac{};
  Be16 num_device_options;
  Be16 total_length;
  std::array<std::uint8_t, 6> reserved3{};
};
static_assert(sizeof(DeviceDescriptor) == 40);

// A device option: this header, then `length` bytes that begin with a mask of features. Except in
// the DQO RDA option, whose mask says which of the other options count, the mask is ignored.
struct OptionHeader {
  Be16 id;
  Be16 length;
  Be32 required_features;
};
static_assert(sizeof(OptionHeader) == 8);

inline constexpr std::uint32_t kSupportsModifyRing = 1U << 0;
inline constexpr std::uint32_t kSupportsJumboFrames = 1U << 2;
inline constexpr std::uint32_t kSupportsBufferSizes = 1U << 4;
inline constexpr std::uint32_t kSupportsFlowSteering = 1U << 5;
inline constexpr std::uint32_t kSupportsRssConfig = 1U << 7;

struct OptionDqoRda {
  static constexpr std::uint16_t kId = 0x4;
  Be32 supported_features;
  Be32 reserved;
};
static_assert(sizeof(OptionDqoRda) == 8);
struct OptionModifyRing {
  static constexpr std::uint16_t kId = 0x6;
  Be32 supported_features;
  Be16 max_rx;
  Be16 max_tx;
  Be16 min_rx;
  Be16 min_tx;
};
static_assert(sizeof(OptionModifyRing) == 12);
struct OptionJumboFrames {
  static constexpr std::uint16_t kId = 0x8;
  Be32 supported_features;
  Be16 max_mtu;
  Be16 padding;
};
static_assert(sizeof(OptionJumboFrames) == 8);
struct OptionBufferSizes {
  static constexpr std::uint16_t kId = 0xa;
  Be32 supported_features;
  Be16 packet_buffer_size;
  Be16 header_buffer_size;
};
static_assert(sizeof(OptionBufferSizes) == 8);
struct OptionFlowSteering {
  static constexpr std::uint16_t kId = 0xb;
  Be32 supported_features;
  Be32 reserved;
  Be32 max_flow_rules;
};
static_assert(sizeof(OptionFlowSteering) == 12);
struct OptionRssConfig {
  static constexpr std::uint16_t kId = 0xe;
  Be32 supported_features;
  Be16 hash_key_size;
  Be16 hash_lut_size;
};
static_assert(sizeof(OptionRssConfig) == 8);

struct ConfigureDeviceResources {
  Be64 counter_array;
  Be64 irq_doorbells;
  Be32 num_counters;
  Be32 num_irq_doorbells;
  Be32 irq_doorbell_stride;
  Be32 base_vector;
  std::uint8_t queue_format = 0;
  std::array<std::uint8_t, 7> padding{};
};
static_assert(sizeof(ConfigureDeviceResources) == 40);
inline constexpr std::uint8_t kFormatDqoRda = 3;  // gve.h, enum gve_queue_format

struct CreateTxQueue {
  Be32 queue_id;
  Be32 reserved;
  Be64 resources;
  Be64 ring;
  Be32 page_list_id;
  Be32 notify_id;
  Be64 completion_ring;
  Be16 ring_size;
  Be16 completion_ring_size;
  Be32 padding;
};
static_assert(sizeof(CreateTxQueue) == 48);

struct CreateRxQueue {
  Be32 queue_id;
  Be32 index;
  Be32 reserved;
  Be32 notify_id;
  Be64 resources;
  Be64 completion_ring;
  Be64 buffer_ring;
  Be32 page_list_id;
  Be16 completion_ring_size;
  Be16 packet_buffer_size;
  Be16 buffer_ring_size;
  std::uint8_t enable_rsc = 0;
  std::uint8_t padding1 = 0;
  Be16 header_buffer_size;  // 0: headers are not split
  Be16 padding2;
};
static_assert(sizeof(CreateRxQueue) == kArguments);

struct QueueResources {  // written by the device
  Be32 doorbell_index;
  Be32 counter_index;
};
static_assert(sizeof(QueueResources) == 8);

struct DestroyQueue {
  Be32 queue_id;
};
static_assert(sizeof(DestroyQueue) == 4);

struct ConfigureRss {  // a size of 0 leaves that part as it is
  Be16 hash_types;
  std::uint8_t hash_algorithm = 0;
  std::uint8_t reserved = 0;
  Be16 key_size;
  Be16 table_size;
  Be64 key;
  Be64 table;  // of Be32
};
static_assert(sizeof(ConfigureRss) == 24);
inline constexpr std::uint8_t kHashToeplitz = 1;  // linux/ethtool.h, ETH_RSS_HASH_TOP
inline constexpr std::uint16_t kHashIpv4 = 1U << 0;
inline constexpr std::uint16_t kHashTcpv4 = 1U << 1;
inline constexpr std::uint16_t kHashIpv6 = 1U << 2;
inline constexpr std::uint16_t kHashTcpv6 = 1U << 4;
inline constexpr std::uint16_t kHashUdpv4 = 1U << 6;
inline constexpr std::uint16_t kHashUdpv6 = 1U << 7;

struct QueryRss {
  Be64 available_length;
  Be64 address;
};
static_assert(sizeof(QueryRss) == 16);
struct QueryRssReply {  // the key and the table follow
  Be32 total_length;
  Be16 hash_types;
  std::uint8_t hash_algorithm = 0;
  std::uint8_t reserved = 0;
};
static_assert(sizeof(QueryRssReply) == 8);

struct SetDriverParameter {
  Be32 type;
  Be32 reserved;
  Be64 value;
};
static_assert(sizeof(SetDriverParameter) == 16);
inline constexpr std::uint32_t kParameterMtu = 1;

struct ReportStats {
  Be64 length;
  Be64 address;
  Be64 interval;  // ms
};
static_assert(sizeof(ReportStats) == 24);
struct StatsHeader {
  Be64 written_count;
};
struct Stat {
  Be32 name;
  Be32 queue_id;
  Be64 value;
};
static_assert(sizeof(Stat) == 16);
inline constexpr std::uint32_t kStatRxDrops = 65;
inline constexpr std::uint32_t kStatRxNoBuffers = 66;
inline constexpr std::uint32_t kStatRxOverMru = 67;
inline constexpr std::uint32_t kStatRxBadChecksum = 68;
inline constexpr std::size_t kStatsPerRxQueue = 4;

struct ReportLinkSpeed {
  Be64 address;  // of a Be64 in Mbit/s
};
struct GetPtypeMap {
  Be64 length;
  Be64 address;
};
struct PtypeEntry {
  std::uint8_t l3 = 0;
  std::uint8_t l4 = 0;
};
struct VerifyDriverCompatibility {
  Be64 length;
  Be64 address;
};

struct ExtendedCommand {
  Be32 opcode;
  Be32 length;
  Be64 address;
};
static_assert(sizeof(ExtendedCommand) == 16);
// What a command asks for, extended or not.
inline std::uint32_t OpcodeOf(const AdminCommand& command) {
  const bool extended = command.opcode == static_cast<std::uint32_t>(Opcode::kExtendedCommand);
  return extended ? LoadAt<ExtendedCommand>(command.arguments).opcode : command.opcode;
}

struct FlowSpec {
  std::array<std::uint8_t, 16> source{};
  std::array<std::uint8_t, 16> destination{};
  Be16 source_port;
  Be16 destination_port;
  std::uint8_t traffic_class = 0;
  std::array<std::uint8_t, 3> padding{};
};
static_assert(sizeof(FlowSpec) == 40);
enum class FlowType : std::uint16_t { kTcpv4 = 0, kUdpv4 = 1, kTcpv6 = 5, kUdpv6 = 6 };
struct WireFlowRule {
  Be16 flow_type;
  Be16 queue;
  FlowSpec key;
  FlowSpec mask;
};
static_assert(sizeof(WireFlowRule) == 84);
struct ConfigureFlowRule {
  Be16 opcode;
  Be16 padding;
  WireFlowRule rule;
  Be32 location;
};
static_assert(sizeof(ConfigureFlowRule) == 92);
enum class FlowRuleChange : std::uint16_t { kAdd = 0, kDelete = 1, kReset = 2 };

struct QueryFlowRules {
  Be16 opcode;
  Be16 padding;
  Be32 starting_rule_id;
  Be64 available_length;
  Be64 address;
};
static_assert(sizeof(QueryFlowRules) == 24);
enum class FlowRuleQuery : std::uint16_t { kRules = 0, kIds = 1, kStats = 2 };
struct QueryFlowRulesReply {  // QueriedFlowRule or Be32 locations follow
  Be32 num_flow_rules;
  Be32 max_flow_rules;
  Be32 num_queried_rules;
  Be32 total_length;
};
static_assert(sizeof(QueryFlowRulesReply) == 16);
struct QueriedFlowRule {
  Be32 location;
  WireFlowRule rule;
};
static_assert(sizeof(QueriedFlowRule) == 88);

}  // namespace vnic::gve
