#include "ci/vnic/mlx5/vport.h"

#include <algorithm>
#include <cerrno>

namespace vnic::mlx5 {
namespace {

// query_vport_state_out
constexpr Field kMaxSpeed{0x0c, 16, 16};  // in 100 Mbit/s
constexpr Field kAdminState{0x0c, 4, 4};
constexpr Field kState{0x0c, 0, 4};
constexpr std::uint32_t kSpeed = 1000;

// nic_vport_context, in replies at 0x10.
constexpr Field kContextMtu{0x10 + 0x24, 0, 16};
constexpr Field kMacHigh{0x10 + 0xf4, 0, 16};
constexpr Field kMacLow{0x10 + 0xf8, 0, 32};

// Registers, at 0x10 of requests and replies.
constexpr Field kRegister{0x08, 0, 16};
constexpr std::size_t kData = 0x10;
constexpr std::uint16_t kRead = 1;
constexpr std::uint32_t kPmtu = 0x5003;
constexpr std::uint32_t kPtys = 0x5004;
constexpr std::uint32_t kPaos = 0x5006;
constexpr Field kLocalPort{kData, 16, 8};
// pmtu_reg
constexpr Field kMaxMtuField{kData + 0x04, 16, 16};
constexpr Field kAdminMtu{kData + 0x08, 16, 16};
constexpr Field kOperMtu{kData + 0x0c, 16, 16};
constexpr std::uint32_t kMinMtu = 68;
// paos_reg
constexpr Field kAdminStatus{kData, 8, 4};
constexpr Field kOperStatus{kData, 0, 4};
constexpr std::uint32_t kPortDown = 2;
// ptys_reg
constexpr Field kProtocols{kData, 0, 3};
constexpr Field kCapability{kData + 0x0c, 0, 32};
constexpr Field kAdminProtocol{kData + 0x18, 0, 32};
constexpr Field kOperProtocol{kData + 0x24, 0, 32};
constexpr std::uint32_t kEthernet = 1U << 2;
constexpr std::uint32_t k100GbaseCr4 = 1U << 20;  // MLX5E_100GBASE_CR4

}  // namespace

zcrx::Status Vport::Execute(Command& command) {
  switch (command.Code()) {
    case Opcode::kQueryVportState:
      command.out.Set(kMaxSpeed, kSpeed);
      command.out.Set(kAdminState, 1);
      command.out.Set(kState, slot_.wire.Up() ? 1 : 0);
      return {};
    case Opcode::kQueryNicVportContext:
      QueryContext(command.out);
      return {};
    case Opcode::kAccessRegister:
      return AccessRegister(command);
    // The address lists and modes are for switches in the card; this one filters by flow tables.
    case Opcode::kModifyVportState:
    case Opcode::kModifyNicVportContext:
    // Nothing is counted here.
    case Opcode::kQueryVportCounter:
    case Opcode::kQueryVnicEnv:
      return {};
    default:
      return zcrx::Fail("find the command", ENOSYS);
  }
}

void Vport::QueryContext(BitWriter out) const {
  out.Set(kContextMtu, mtu_);
  out.Set(kMacHigh, LoadAt<Be16>(slot_.mac));
  out.Set(kMacLow, LoadAt<Be32>(slot_.mac, sizeof(Be16)));
}

zcrx::Status Vport::SetMtu(std::uint32_t mtu) {
  if (mtu < kMinMtu || mtu > kMaxMtu) {
    return zcrx::Fail("set the MTU", EINVAL, fmt::format("{}", mtu));
  }
  mtu_ = mtu;
  return {};
}

// Registers that are not known read as zeros.
zcrx::Status Vport::AccessRegister(Command& command) {
  const Bits in = command.in;
  const bool write = in[kModifier] != kRead;
  BitWriter out = command.out;
  out.Set(kLocalPort, in[kLocalPort]);
  switch (in[kRegister]) {
    case kPmtu:
      if (write) ZCRX_RETURN_IF_ERROR(SetMtu(in[kAdminMtu]));
      out.Set(kMaxMtuField, kMaxMtu);
      out.Set(kAdminMtu, mtu_);
      out.Set(kOperMtu, mtu_);
      break;
    case kPaos:
      if (write) admin_ = in[kAdminStatus];
      out.Set(kAdminStatus, admin_);
      out.Set(kOperStatus, slot_.wire.Up() ? kPortUp : kPortDown);
      break;
    case kPtys:
      out.Set(kProtocols, kEthernet);
      out.Set(kCapability, k100GbaseCr4);
      out.Set(kAdminProtocol, k100GbaseCr4);
      out.Set(kOperProtocol, slot_.wire.Up() ? k100GbaseCr4 : 0);
      break;
    default:
      break;
  }
  return {};
}

}  // namespace vnic::mlx5
