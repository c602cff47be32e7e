#include "support/nic/identity.h"

#include <fmt/ranges.h>
#include <linux/ethtool.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string>

#include "support/base/files.h"

namespace zcrx {
namespace {

constexpr size_t kMaxAddress = 32;  // MAX_ADDR_LEN, include/linux/netdevice.h

Result<std::string> PermanentAddress(Nic& nic) {
  // The address follows the struct, which is aligned to 4 bytes.
  std::array<uint32_t, (sizeof(ethtool_perm_addr) + kMaxAddress) / sizeof(uint32_t)> request{};
  ethtool_perm_addr header = {.cmd = ETHTOOL_GPERMADDR, .size = kMaxAddress};
  std::memcpy(request.data(), &header, sizeof(header));
  ZCRX_RETURN_IF_ERROR(nic.Ioctl("get permanent address of " + nic.Name(), request.data()));
  std::memcpy(&header, request.data(), sizeof(header));
  std::array<unsigned char, kMaxAddress> address;
  std::memcpy(address.data(), request.data() + sizeof(header) / sizeof(uint32_t), kMaxAddress);
  const auto bytes = std::span(address).first(std::min<size_t>(header.size, kMaxAddress));
  if (std::ranges::all_of(bytes, [](unsigned char byte) { return byte == 0; })) return "";
  return fmt::format("{:02x}", fmt::join(bytes, ":"));
}

}  // namespace

Result<NicIdentity> ReadIdentity(Nic& nic) {
  NicIdentity identity = {.interface = nic.Name(), .index = nic.Index()};
  const Result<DriverInfo> info = GetDriverInfo(nic);
  if (!info && info.error().code != EOPNOTSUPP) return std::unexpected(info.error());
  if (info) {
    identity.driver = info->driver;
    identity.bus = info->bus;
  }
  ZCRX_ASSIGN_OR_RETURN(identity.address, PermanentAddress(nic));
  ZCRX_ASSIGN_OR_RETURN(identity.boot, BootId());
  return identity;
}

Status CheckSameNic(const NicIdentity& then, Nic& nic) {
  ZCRX_ASSIGN_OR_RETURN(const NicIdentity now, ReadIdentity(nic));
  const auto other = [&](const char* what, const std::string& was, const std::string& is) {
    return Fail(fmt::format("use the state of {} for {}", then.interface, nic.Name()), ENODEV,
                fmt::format("it is the state of another NIC: its {} was {}, this NIC's is {}", what,
                            was.empty() ? "none" : was, is.empty() ? "none" : is));
  };
  if (then.driver != now.driver) return other("driver", then.driver, now.driver);
  if (then.bus != now.bus) return other("bus address", then.bus, now.bus);
  if (then.address != now.address) return other("MAC address", then.address, now.address);
  if (then.boot != now.boot) {
    return Fail(fmt::format("use the state of {} for {}", then.interface, nic.Name()), ESTALE,
                fmt::format("it is from an earlier boot ({}, now {})", then.boot, now.boot));
  }
  // Nothing else distinguishes virtual NICs.
  if (now.bus.empty() && now.address.empty() && then.index != now.index) {
    return other("interface index", std::to_string(then.index), std::to_string(now.index));
  }
  return {};
}

}  // namespace zcrx
