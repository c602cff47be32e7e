#include "support/sender/ip_options.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <vector>

namespace zcrx {
namespace {

constexpr uint32_t kIpv4Word = 4;
constexpr uint8_t kNoOperation = 1;  // IPOPT_NOOP

// The length of an IPv6 extension header counts in units of 8 bytes (RFC 8200, 4.2).
constexpr uint32_t kIpv6Unit = 8;
constexpr size_t kFixedPart = 2;     // next header, which the kernel fills in, and length
constexpr size_t kOptionHeader = 2;  // type and length
// An experimental option (RFC 4727), which receivers skip if they do not know it. Padding cannot be
// used: the kernel drops packets with more than seven bytes of it (ip6_parse_tlv() in
// net/ipv6/exthdrs.c).
constexpr uint8_t kSkippedOption = 0x1e;

Status Set(int socket, int level, int name, const char* what, const std::vector<uint8_t>& value) {
  if (::setsockopt(socket, level, name, value.data(), static_cast<socklen_t>(value.size())) == 0) {
    return {};
  }
  return FailErrno(fmt::format("set {} of {} bytes", what, value.size()));
}

// Returns a header with one option that fills it.
std::vector<uint8_t> ExtensionHeader(uint32_t bytes) {
  std::vector<uint8_t> header(bytes);
  header[1] = static_cast<uint8_t>(bytes / kIpv6Unit - 1);
  header[kFixedPart] = kSkippedOption;
  header[kFixedPart + 1] = static_cast<uint8_t>(bytes - kFixedPart - kOptionHeader);
  return header;
}

Status SetExtensionHeader(int socket, int name, const char* what, uint32_t bytes) {
  if (bytes == 0) return {};
  if (bytes % kIpv6Unit != 0) {
    return Fail(fmt::format("set {} of {} bytes", what, bytes), EINVAL, "not a multiple of 8");
  }
  return Set(socket, IPPROTO_IPV6, name, what, ExtensionHeader(bytes));
}

}  // namespace

Status SetIpOptions(int socket, int family, const SendPlan& plan) {
  if (family == AF_INET6) {
    ZCRX_RETURN_IF_ERROR(SetExtensionHeader(socket, IPV6_DSTOPTS, "IPV6_DSTOPTS", plan.ip_options));
    return SetExtensionHeader(socket, IPV6_HOPOPTS, "IPV6_HOPOPTS", plan.hop_by_hop);
  }
  if (plan.hop_by_hop != 0) {
    return Fail("set a Hop-by-Hop Options header", EINVAL, "IPv4 has none");
  }
  if (plan.ip_options == 0) return {};
  if (plan.ip_options % kIpv4Word != 0 || plan.ip_options > kMaxIpv4Options) {
    return Fail(fmt::format("set IP_OPTIONS of {} bytes", plan.ip_options), EINVAL,
                fmt::format("not a multiple of 4 up to {}", kMaxIpv4Options));
  }
  return Set(socket, IPPROTO_IP, IP_OPTIONS, "IP_OPTIONS",
             std::vector<uint8_t>(plan.ip_options, kNoOperation));
}

}  // namespace zcrx
