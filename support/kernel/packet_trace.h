// Packets of a device on their way up, as its driver hands them to the stack: which queue they came
// by, and how many of their bytes lie in the packet's linear part instead of in fragments.
//
// From the trace events net:napi_gro_receive_entry, napi_gro_frags_entry, netif_receive_skb_entry
// and netif_receive_skb_list_entry (include/trace/events/net.h), in a tracefs instance of our own,
// which other users of tracing do not see.
#pragma once

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
  uint32_t hash = 0;                   // of the flow; 0 where the NIC does not tell
  uint32_t length = 0;                 // bytes from the IP header on
  uint32_t linear = 0;                 // of these, not in fragments
  uint16_t protocol = 0;               // ETH_P_*
  bool unvouched = false;   // CHECKSUM_NONE: whether TCP's is good is for the kernel to see
  bool with_ports = false;  // the NIC hashed ports too: it is TCP or UDP
  bool operator==(const TracedPacket&) const = default;
};

struct TracedPackets {
  std::vector<TracedPacket> packets;  // in the order of the trace
  uint64_t lost = 0;                  // older ones that the buffer had no place for
};

class PacketTrace {
 public:
  // Fails where there is no tracefs (ENOENT) or no right to use it. Removes what is left of
  // processes that are no more.
  static Result<PacketTrace> Open(const std::string& device,
                                  const std::filesystem::path& tracefs = kTracefs);
  PacketTrace(PacketTrace&& other) noexcept;
  PacketTrace& operator=(PacketTrace&& other) noexcept;
  ~PacketTrace();

  // Forgets what has been traced.
  Status Clear();
  // All since Clear().
  Result<TracedPackets> Read();
  // Ends tracing. What the destructor does, with its error.
  Status Close();

 private:
  explicit PacketTrace(std::filesystem::path instance) : instance_(std::move(instance)) {}
  // What has come since the last time, at the end of text_.
  Status Drain();

  std::filesystem::path instance_;  // empty: closed
  UniqueFd pipe_;                   // what is read from it is no longer in the kernel's buffer
  std::string text_;
};

// Whether the error is that of a machine or a user without tracing: it is lacking then. Any other
// is of a trace that does not work.
inline bool CannotTrace(const Error& error) {
  return error.code == ENOENT || error.code == EPERM || error.code == EACCES;
}

// Instances of processes that were killed. What cannot be removed stays: others' are not ours.
void RemoveLeftoverTraces(const std::filesystem::path& tracefs = kTracefs);

// What comes from an instance's `trace_pipe`.
TracedPackets ParsePacketTrace(std::string_view text);

}  // namespace zcrx
