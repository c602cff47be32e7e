// What of the faults this NIC can be given.
#pragma once

#include <array>
#include <utility>

#include "ci/vnic/fault/catalog.h"
#include "ci/vnic/fault/frame_faults.h"
#include "ci/vnic/fault/packet_faults.h"
#include "ci/vnic/fault/steering_faults.h"
#include "ci/vnic/gve/admin_protocol.h"

namespace vnic::gve {

constexpr NamedCommand Named(Opcode opcode, std::string_view name, bool in_restart = false) {
  return {.number = std::to_underlying(opcode), .name = name, .in_restart = in_restart};
}

// As in gve_adminq.h, without GVE_ADMINQ_.
inline constexpr std::array kNamedCommands{
    Named(Opcode::kDescribeDevice, "DESCRIBE_DEVICE"),
    Named(Opcode::kConfigureDeviceResources, "CONFIGURE_DEVICE_RESOURCES"),
    Named(Opcode::kCreateTxQueue, "CREATE_TX_QUEUE"),
    Named(Opcode::kCreateRxQueue, "CREATE_RX_QUEUE", true),
    Named(Opcode::kDestroyTxQueue, "DESTROY_TX_QUEUE"),
    Named(Opcode::kDestroyRxQueue, "DESTROY_RX_QUEUE", true),
    Named(Opcode::kDeconfigureDeviceResources, "DECONFIGURE_DEVICE_RESOURCES"),
    Named(Opcode::kConfigureRss, "CONFIGURE_RSS"),
    Named(Opcode::kSetDriverParameter, "SET_DRIVER_PARAMETER"),
    Named(Opcode::kReportStats, "REPORT_STATS"),
    Named(Opcode::kReportLinkSpeed, "REPORT_LINK_SPEED"),
    Named(Opcode::kGetPtypeMap, "GET_PTYPE_MAP"),
    Named(Opcode::kVerifyDriverCompatibility, "VERIFY_DRIVER_COMPATIBILITY"),
    Named(Opcode::kQueryFlowRules, "QUERY_FLOW_RULES"),
    Named(Opcode::kQueryRss, "QUERY_RSS"),
    Named(Opcode::kConfigureFlowRule, "CONFIGURE_FLOW_RULE"),
};

// No RSS contexts, no large buffers, and statistics of queues are the driver's own.
inline constexpr FaultScope kFaultScope{
    .commands = kNamedCommands,
    .has = kFrameFaults | kSteeringFaults | kQueueFaults |
           FaultSet{Fault::kRssUnsupported, Fault::kCommandRefused, Fault::kCommandUnanswered}};

}  // namespace vnic::gve
