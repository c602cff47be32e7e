// A trace of a device's received packets as its driver passes them to the stack: on which queue
// they arrived, and how many of their bytes are in the linear part of the skb rather than in
// fragments.
//
// Uses the trace events net:napi_gro_receive_entry, napi_gro_frags_entry, netif_receive_skb_entry
// and netif_receive_skb_list_entry (include/trace/events/net.h) in a tracefs instance of its own,
// which other users of tracing do not see.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/base/result.h"
#include "support/base/unique_fd.h"

namespace zcrx {

inline constexpr const char* kTracefs = "/sys/kernel/tracing";

struct TracedPacket {
  std::optional<uint32_t> queue = {};  // absent: the driver did not record it
  uint32_t hash = 0;                   // of the flow; 0: not reported by the NIC
  uint32_t length = 0;                 // bytes, from the IP header on
  uint32_t linear = 0;                 // bytes of these in the linear part
  uint16_t protocol = 0;               // ETH_P_*
  bool unvouched = false;              // CHECKSUM_NONE: the kernel must verify the TCP checksum
  bool with_ports = false;             // the NIC's hash includes ports: TCP or UDP
  bool operator==(const TracedPacket&) const = default;
};

struct TracedPackets {
  std::vector<TracedPacket> packets;  // in the order of the trace
  uint64_t lost = 0;                  // older ones that did not fit in the buffer
};

class PacketTrace {
 public:
  // Starts tracing. Fails with ENOENT if there is no tracefs, or with the errno of missing
  // permission (CannotTrace()). Removes instances of processes that have exited.
  static Result<PacketTrace> Open(const std::string& device,
                                  const std::filesystem::path& tracefs = kTracefs);
  PacketTrace(PacketTrace&& other) noexcept;
  PacketTrace& operator=(PacketTrace&& other) noexcept;
  ~PacketTrace();

  // Discards what has been traced.
  Status Clear();
  // Returns all packets since Clear().
  Result<TracedPackets> Read();
  // Stops tracing. Does what the destructor does, but returns the error.
  Status Close();

 private:
  explicit PacketTrace(std::filesystem::path instance) : instance_(std::move(instance)) {}
  // Appends what has been traced since the last call to text_.
  Status Drain();

  std::filesystem::path instance_;  // empty: closed
  UniqueFd pipe_;                   // trace_pipe: what is read is removed from the kernel's buffer
  std::string text_;
};

// Returns whether the error is that of a machine or user without tracing, which then is merely not
// available. Any other error means that a trace does not work.
inline bool CannotTrace(const Error& error) {
  return error.code == ENOENT || error.code == EPERM || error.code == EACCES;
}

// Returns the name of the instance of a process of our PID namespace.
std::string TraceName(pid_t process);

// Removes instances of killed processes. Ignores those that cannot be removed, and those of others.
void RemoveLeftoverTraces(const std::filesystem::path& tracefs = kTracefs);

// Parses text from an instance's `trace_pipe`. Leaves out packets of other network namespaces
// than that of `net_cookie` (SO_NETNS_COOKIE), where the kernel names them.
TracedPackets ParsePacketTrace(std::string_view text, uint64_t net_cookie);

}  // namespace zcrx
