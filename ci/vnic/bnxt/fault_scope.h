// What of the faults this NIC can be given.
#pragma once

#include <array>
#include <utility>

#include "ci/vnic/bnxt/hwrm_protocol.h"
#include "ci/vnic/fault/catalog.h"
#include "ci/vnic/fault/frame_faults.h"
#include "ci/vnic/fault/packet_faults.h"
#include "ci/vnic/fault/steering_faults.h"

namespace vnic::bnxt {

constexpr NamedCommand Named(CommandType type, std::string_view name, bool in_restart = false) {
  return {.number = std::to_underlying(type), .name = name, .in_restart = in_restart};
}

// As in include/linux/bnxt/hsi.h, without HWRM_. The steps of a queue's restart come first, and of
// these one whose refusal panics no guest: the gate tries that.
inline constexpr std::array kNamedCommands{
    Named(CommandType::kVnicUpdate, "VNIC_UPDATE", true),
    Named(CommandType::kRingAlloc, "RING_ALLOC", true),
    Named(CommandType::kVnicRssConfig, "VNIC_RSS_CFG", true),
    Named(CommandType::kRingFree, "RING_FREE", true),
    Named(CommandType::kVersionGet, "VER_GET"),
    Named(CommandType::kFuncReset, "FUNC_RESET"),
    Named(CommandType::kFuncQueryCaps, "FUNC_QCAPS"),
    Named(CommandType::kFuncQueryConfig, "FUNC_QCFG"),
    Named(CommandType::kFuncConfig, "FUNC_CFG"),
    Named(CommandType::kFuncDriverUnregister, "FUNC_DRV_UNRGTR"),
    Named(CommandType::kFuncDriverRegister, "FUNC_DRV_RGTR"),
    Named(CommandType::kPortPhyConfig, "PORT_PHY_CFG"),
    Named(CommandType::kPortQueryStats, "PORT_QSTATS"),
    Named(CommandType::kPortPhyQueryConfig, "PORT_PHY_QCFG"),
    Named(CommandType::kPortPhyQueryCaps, "PORT_PHY_QCAPS"),
    Named(CommandType::kPortLedQueryCaps, "PORT_LED_QCAPS"),
    Named(CommandType::kQueueQueryPortConfig, "QUEUE_QPORTCFG"),
    Named(CommandType::kVnicAlloc, "VNIC_ALLOC"),
    Named(CommandType::kVnicFree, "VNIC_FREE"),
    Named(CommandType::kVnicConfig, "VNIC_CFG"),
    Named(CommandType::kVnicCoalesceConfig, "VNIC_TPA_CFG"),
    Named(CommandType::kVnicPlacementConfig, "VNIC_PLCMODES_CFG"),
    Named(CommandType::kVnicQueryCaps, "VNIC_QCAPS"),
    Named(CommandType::kRingInterruptParameters, "RING_CMPL_RING_CFG_AGGINT_PARAMS"),
    Named(CommandType::kRssContextAlloc, "VNIC_RSS_COS_LB_CTX_ALLOC"),
    Named(CommandType::kRssContextFree, "VNIC_RSS_COS_LB_CTX_FREE"),
    Named(CommandType::kL2FilterAlloc, "CFA_L2_FILTER_ALLOC"),
    Named(CommandType::kL2FilterFree, "CFA_L2_FILTER_FREE"),
    Named(CommandType::kL2SetRxMask, "CFA_L2_SET_RX_MASK"),
    Named(CommandType::kFlowFilterAlloc, "CFA_NTUPLE_FILTER_ALLOC"),
    Named(CommandType::kFlowFilterFree, "CFA_NTUPLE_FILTER_FREE"),
    Named(CommandType::kStatContextAlloc, "STAT_CTX_ALLOC"),
    Named(CommandType::kStatContextFree, "STAT_CTX_FREE"),
    Named(CommandType::kFirmwareSetTime, "FW_SET_TIME"),
    Named(CommandType::kFlowQueryCaps, "CFA_ADV_FLOW_MGNT_QCAPS"),
    Named(CommandType::kFuncResourceQueryCaps, "FUNC_RESOURCE_QCAPS"),
    Named(CommandType::kNvmGetDeviceInfo, "NVM_GET_DEV_INFO"),
};

// Not kRssUnsupported: its driver takes every refusal for a failure.
inline constexpr FaultScope kFaultScope{
    .commands = kNamedCommands,
    .has = kFrameFaults | kSteeringFaults | kQueueFaults |
           FaultSet{Fault::kRssContextIgnored, Fault::kShortBuffers, Fault::kStatsFrozen,
                    Fault::kCommandRefused, Fault::kCommandUnanswered}};

}  // namespace vnic::bnxt
