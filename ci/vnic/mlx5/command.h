// A command of the driver to the firmware: an opcode, a request and a reply.
// Source: Linux include/linux/mlx5/mlx5_ifc.h.
#pragma once

#include <cstdint>
#include <string_view>

#include "ci/vnic/mlx5/bits.h"

namespace vnic::mlx5 {

// Those that this firmware does something for.
enum class Opcode : std::uint16_t {
  kQueryHcaCap = 0x100,
  kQueryAdapter = 0x101,
  kInitHca = 0x102,
  kTeardownHca = 0x103,
  kEnableHca = 0x104,
  kDisableHca = 0x105,
  kQueryPages = 0x107,
  kSetHcaCap = 0x109,
  kQueryIssi = 0x10a,
  kSetIssi = 0x10b,
  kCreateMkey = 0x200,
  kDestroyMkey = 0x202,
  kQuerySpecialContexts = 0x203,
  kCreateEq = 0x301,
  kDestroyEq = 0x302,
  kCreateCq = 0x400,
  kDestroyCq = 0x401,
  kModifyCq = 0x403,
  kQueryVportState = 0x750,
  kModifyVportState = 0x751,
  kQueryNicVportContext = 0x754,
  kModifyNicVportContext = 0x755,
  kQueryVnicEnv = 0x76f,
  kQueryVportCounter = 0x770,
  kAllocQCounter = 0x771,
  kDeallocQCounter = 0x772,
  kQueryQCounter = 0x773,
  kAllocPd = 0x800,
  kDeallocPd = 0x801,
  kAllocUar = 0x802,
  kDeallocUar = 0x803,
  kAccessRegister = 0x805,
  kAllocTransportDomain = 0x816,
  kDeallocTransportDomain = 0x817,
  kCreateTir = 0x900,
  kModifyTir = 0x901,
  kDestroyTir = 0x902,
  kCreateSq = 0x904,
  kModifySq = 0x905,
  kDestroySq = 0x906,
  kQuerySq = 0x907,
  kCreateRq = 0x908,
  kModifyRq = 0x909,
  kDestroyRq = 0x90a,
  kQueryRq = 0x90b,
  kCreateTis = 0x912,
  kModifyTis = 0x913,
  kDestroyTis = 0x914,
  kCreateRqt = 0x916,
  kModifyRqt = 0x917,
  kDestroyRqt = 0x918,
  kSetFlowTableRoot = 0x92f,
  kCreateFlowTable = 0x930,
  kDestroyFlowTable = 0x931,
  kCreateFlowGroup = 0x933,
  kDestroyFlowGroup = 0x934,
  kSetFlowTableEntry = 0x936,
  kDeleteFlowTableEntry = 0x938,
  kModifyFlowTable = 0x93c,
};

// Of every request.
inline constexpr Field kOpcode{0x0, 16, 16};
inline constexpr Field kModifier{0x4, 0, 16};
// Of most: the object that is asked for; and of replies the one that was made.
inline constexpr Field kObject{0x8, 0, 24};
// Of every reply.
inline constexpr Field kStatus{0x0, 24, 8};
inline constexpr Field kSyndrome{0x4, 0, 32};

// core/cmd.c, cmd_status_to_err.
enum class CommandStatus : std::uint8_t {
  kOk = 0x0,
  kInternalError = 0x1,
  kBadOpcode = 0x2,
  kBadParameter = 0x3,
  kBadResource = 0x5,
  kLimit = 0x8,
};

struct Command {
  Bits in;
  BitWriter out;  // zeros, as long as the driver has room for

  [[nodiscard]] Opcode Code() const { return static_cast<Opcode>(in[kOpcode]); }
};

}  // namespace vnic::mlx5
