#include "ci/vnic/mlx5/capabilities.h"

#include <array>
#include <span>

#include "ci/vnic/mlx5/registers.h"

namespace vnic::mlx5 {
namespace {

struct Capability {
  Field field;
  std::uint32_t value;
};

// cmd_hca_cap. What is left out (quality of service, RDMA, tunnels, encryption, compressed
// completions, timestamps ...) is commands and code of the driver that never run.
constexpr auto kGeneral = std::to_array<Capability>({
    {{0x00, 25, 1}, 1},             // page_request_disable: the driver lends no memory
    {{0x04, 31, 1}, 1},             // hca_cap_2
    {{0x10, 24, 8}, 15},            // log_max_srq_sz
    {{0x10, 16, 8}, 15},            // log_max_qp_sz
    {{0x10, 0, 5}, 18},             // log_max_qp
    {{0x18, 16, 8}, 16},            // log_max_cq_sz
    {{0x18, 0, 5}, 10},             // log_max_cq
    {{0x1c, 24, 8}, 16},            // log_max_eq_sz
    {{0x1c, 16, 6}, 12},            // log_max_mkey
    {{0x1c, 0, 4}, 6},              // log_max_eq
    {{0x20, 23, 1}, 1},             // fixed_buffer_size
    {{0x20, 0, 6}, 16},             // log_max_klm_list_size
    {{0x34, 25, 1}, 1},             // nic_flow_table
    {{0x34, 8, 2}, 1},              // port_type: Ethernet
    {{0x34, 0, 8}, kPorts},         // num_ports
    {{0x38, 24, 5}, 30},            // log_max_msg
    {{0x3c, 0, 4}, 1},              // cqe_version
    {{0x40, 30, 1}, 1},             // striding_rq
    {{0x40, 3, 1}, 1},              // eth_net_offloads
    {{0x44, 29, 1}, 1},             // cq_moderation
    {{0x44, 15, 1}, 1},             // umr_ptr_rlky
    {{0x4c, 16, 5}, 9},             // log_bf_reg_size
    {{0x50, 0, 16}, 1024},          // max_wqe_sz_sq
    {{0x54, 22, 1}, 1},             // tis_tir_td_order
    {{0x54, 20, 1}, 1},             // shampo
    {{0x64, 24, 5}, 12},            // log_max_transport_domain
    {{0x64, 16, 5}, 12},            // log_max_pd
    {{0x6c, 24, 5}, 10},            // log_max_rq
    {{0x6c, 16, 5}, 10},            // log_max_sq
    {{0x6c, 8, 5}, 12},             // log_max_tir
    {{0x6c, 0, 5}, 12},             // log_max_tis
    {{0x70, 16, 5}, 10},            // log_max_rqt
    {{0x70, 8, 5}, 11},             // log_max_rqt_size
    {{0x70, 0, 5}, 3},              // log_max_tis_per_sq
    {{0x74, 31, 1}, 1},             // ext_stride_num_range
    {{0x7c, 16, 5}, 12},            // log_max_vlan_list
    {{0x7c, 8, 5}, 14},             // log_max_current_mc_list
    {{0x7c, 0, 5}, 7},              // log_max_current_uc_list
    {{0x8c, 0, 16}, 4 * kVectors},  // max_num_eqs
});

// cmd_hca_cap_2: header entries of 256 bytes.
constexpr auto kGeneral2 = std::to_array<Capability>({
    {{0x70, 16, 5}, 8},  // min_mkey_log_entity_size_fixed_buffer
    {{0x80, 30, 1}, 1},  // ..._valid
});

// per_protocol_networking_offload_caps
constexpr auto kEthernet = std::to_array<Capability>({
    {{0x00, 31, 1}, 1},   // csum_cap
    {{0x00, 30, 1}, 1},   // vlan_cap
    {{0x00, 23, 1}, 1},   // self_lb_en_modifiable
    {{0x00, 16, 5}, 18},  // max_lso_cap
    {{0x00, 12, 2}, 2},   // wqe_inline_mode: not required
    {{0x00, 8, 4}, 8},    // rss_ind_tbl_cap
    {{0x00, 7, 1}, 1},    // reg_umr_sq
    {{0x04, 28, 1}, 1},   // cqe_checksum_full
});

// flow_table_nic_cap: of the receive side, at 0x40; the fields that masks may have, at 0x60.
constexpr auto kFlowTables = std::to_array<Capability>({
    {{0x40, 31, 1}, 1},           // ft_support
    {{0x40, 28, 1}, 1},           // flow_modify_en
    {{0x40, 27, 1}, 1},           // modify_root
    {{0x40, 26, 1}, 1},           // identified_miss_table_mode
    {{0x40, 25, 1}, 1},           // flow_table_modify
    {{0x44, 24, 6}, 20},          // log_max_ft_size
    {{0x44, 0, 8}, 64},           // max_ft_level
    {{0x4c, 0, 8}, 10},           // log_max_ft_num
    {{0x50, 0, 8}, 1},            // log_max_destination
    {{0x54, 0, 8}, 16},           // log_max_flow
    {{0x60, 0, 32}, 0xf20d3c00},  // ft_field_support: all that a MatchRecord has
    {{0x70, 0, 32}, 0xf20d3c00},  // ft_field_bitmask_support
});

constexpr auto kShampo = std::to_array<Capability>({
    {{0x00, 24, 5}, 16},  // shampo_log_max_reservation_size
    {{0x00, 16, 5}, 12},  // shampo_log_min_reservation_size
    {{0x04, 31, 1}, 1},   // shampo_header_split
    {{0x04, 30, 1}, 1},   // shampo_header_split_data_merge
    {{0x04, 24, 5}, 8},   // shampo_log_max_headers_entry_size
});

std::span<const Capability> Of(std::uint32_t kind) {
  switch (kind) {  // device.h, enum mlx5_cap_type
    case 0x00:
      return kGeneral;
    case 0x01:
      return kEthernet;
    case 0x07:
      return kFlowTables;
    case 0x1d:
      return kShampo;
    case 0x20:
      return kGeneral2;
    default:
      return {};
  }
}

}  // namespace

void WriteCapabilities(std::uint32_t kind, BitWriter out) {
  for (const auto& [field, value] : Of(kind)) out.Set(field, value);
}

}  // namespace vnic::mlx5
