// What of the faults this NIC can be given.
#pragma once

#include <array>
#include <utility>

#include "ci/vnic/fault/catalog.h"
#include "ci/vnic/fault/frame_faults.h"
#include "ci/vnic/fault/packet_faults.h"
#include "ci/vnic/fault/steering_faults.h"
#include "ci/vnic/mlx5/command.h"

namespace vnic::mlx5 {

constexpr NamedCommand Named(Opcode opcode, std::string_view name, bool in_restart = false) {
  return {.number = std::to_underlying(opcode), .name = name, .in_restart = in_restart};
}

// As in mlx5_ifc.h, without MLX5_CMD_OP_. A restarted queue comes with a whole channel of its own
// (core/en_main.c, mlx5e_queue_mem_alloc, mlx5e_queue_start).
inline constexpr std::array kNamedCommands{
    Named(Opcode::kQueryHcaCap, "QUERY_HCA_CAP"),
    Named(Opcode::kQueryAdapter, "QUERY_ADAPTER"),
    Named(Opcode::kInitHca, "INIT_HCA"),
    Named(Opcode::kTeardownHca, "TEARDOWN_HCA"),
    Named(Opcode::kEnableHca, "ENABLE_HCA"),
    Named(Opcode::kDisableHca, "DISABLE_HCA"),
    Named(Opcode::kQueryPages, "QUERY_PAGES"),
    Named(Opcode::kSetHcaCap, "SET_HCA_CAP"),
    Named(Opcode::kQueryIssi, "QUERY_ISSI"),
    Named(Opcode::kSetIssi, "SET_ISSI"),
    Named(Opcode::kCreateMkey, "CREATE_MKEY", true),
    Named(Opcode::kDestroyMkey, "DESTROY_MKEY", true),
    Named(Opcode::kQuerySpecialContexts, "QUERY_SPECIAL_CONTEXTS"),
    Named(Opcode::kCreateEq, "CREATE_EQ"),
    Named(Opcode::kDestroyEq, "DESTROY_EQ"),
    Named(Opcode::kCreateCq, "CREATE_CQ", true),
    Named(Opcode::kDestroyCq, "DESTROY_CQ", true),
    Named(Opcode::kModifyCq, "MODIFY_CQ"),
    Named(Opcode::kQueryVportState, "QUERY_VPORT_STATE"),
    Named(Opcode::kModifyVportState, "MODIFY_VPORT_STATE"),
    Named(Opcode::kQueryNicVportContext, "QUERY_NIC_VPORT_CONTEXT"),
    Named(Opcode::kModifyNicVportContext, "MODIFY_NIC_VPORT_CONTEXT"),
    Named(Opcode::kQueryVnicEnv, "QUERY_VNIC_ENV"),
    Named(Opcode::kQueryVportCounter, "QUERY_VPORT_COUNTER"),
    Named(Opcode::kAllocQCounter, "ALLOC_Q_COUNTER"),
    Named(Opcode::kDeallocQCounter, "DEALLOC_Q_COUNTER"),
    Named(Opcode::kQueryQCounter, "QUERY_Q_COUNTER"),
    Named(Opcode::kAllocPd, "ALLOC_PD"),
    Named(Opcode::kDeallocPd, "DEALLOC_PD"),
    Named(Opcode::kAllocUar, "ALLOC_UAR"),
    Named(Opcode::kDeallocUar, "DEALLOC_UAR"),
    Named(Opcode::kAccessRegister, "ACCESS_REG"),
    Named(Opcode::kAllocTransportDomain, "ALLOC_TRANSPORT_DOMAIN"),
    Named(Opcode::kDeallocTransportDomain, "DEALLOC_TRANSPORT_DOMAIN"),
    Named(Opcode::kCreateTir, "CREATE_TIR"),
    Named(Opcode::kModifyTir, "MODIFY_TIR"),
    Named(Opcode::kDestroyTir, "DESTROY_TIR"),
    Named(Opcode::kCreateSq, "CREATE_SQ", true),
    Named(Opcode::kModifySq, "MODIFY_SQ", true),
    Named(Opcode::kDestroySq, "DESTROY_SQ", true),
    Named(Opcode::kQuerySq, "QUERY_SQ"),
    Named(Opcode::kCreateRq, "CREATE_RQ", true),
    Named(Opcode::kModifyRq, "MODIFY_RQ", true),
    Named(Opcode::kDestroyRq, "DESTROY_RQ", true),
    Named(Opcode::kQueryRq, "QUERY_RQ"),
    Named(Opcode::kCreateTis, "CREATE_TIS"),
    Named(Opcode::kModifyTis, "MODIFY_TIS"),
    Named(Opcode::kDestroyTis, "DESTROY_TIS"),
    Named(Opcode::kCreateRqt, "CREATE_RQT"),
    Named(Opcode::kModifyRqt, "MODIFY_RQT", true),
    Named(Opcode::kDestroyRqt, "DESTROY_RQT"),
    Named(Opcode::kSetFlowTableRoot, "SET_FLOW_TABLE_ROOT"),
    Named(Opcode::kCreateFlowTable, "CREATE_FLOW_TABLE"),
    Named(Opcode::kDestroyFlowTable, "DESTROY_FLOW_TABLE"),
    Named(Opcode::kCreateFlowGroup, "CREATE_FLOW_GROUP"),
    Named(Opcode::kDestroyFlowGroup, "DESTROY_FLOW_GROUP"),
    Named(Opcode::kSetFlowTableEntry, "SET_FLOW_TABLE_ENTRY"),
    Named(Opcode::kDeleteFlowTableEntry, "DELETE_FLOW_TABLE_ENTRY"),
    Named(Opcode::kModifyFlowTable, "MODIFY_FLOW_TABLE"),
};

// Statistics of queues are the driver's own. What is not split it drops without a word where it
// cannot read it (core/en_rx.c, mlx5e_handle_rx_cqe_mpwrq_shampo), so that TCP repairs a
// kSplitSometimes. And of a packet with more bytes than its IP header says it believes the sum of
// all, with which Linux cannot take off what it cannot read (net/core/skbuff.c,
// pskb_trim_rcsum_complete): kHeaderInPayload is not survived.
inline constexpr FaultScope kFaultScope{
    .commands = kNamedCommands,
    .has = kFrameFaults | kSteeringFaults |
           kQueueFaults.Without({Fault::kSplitSometimes, Fault::kHeaderInPayload}) |
           FaultSet{Fault::kStrideTooMany, Fault::kClosedCompletion, Fault::kHeaderSkipped,
                    Fault::kSessionUnflushed, Fault::kRssContextIgnored, Fault::kShortBuffers,
                    Fault::kCommandRefused, Fault::kCommandUnanswered}};

}  // namespace vnic::mlx5
