// What a sender does: written as command line arguments by its caller, parsed by zcrx_sender.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "support/base/result.h"

namespace zcrx {

// As iou-zcrx.c: 512 pages, in sends that are not a multiple of a segment, a page or a chunk.
inline constexpr uint64_t kStreamBytes = uint64_t{512} * 4096;
inline constexpr uint64_t kSendBytes = 12840;

inline constexpr uint64_t kMaxSendSize = uint64_t{16} << 20;
inline constexpr uint32_t kMaxTimes = 65536;  // the number of ports of a peer
inline constexpr uint32_t kMaxIpv4Options = 40;
// No NIC can be expected to parse beyond longer ones.
inline constexpr uint32_t kMaxExtensionHeader = 256;

struct SendPlan {
  uint64_t bytes = kStreamBytes;
  uint64_t send_size = kSendBytes;  // bytes in each send()
  uint64_t seed = 0;                // of the payload; 0 in ZcrxTest::Send(): the test's own seed
  // If set, replaces send_size: sends of 1, 2 ... `sizes_to` bytes, over and over. No segment has
  // bytes of two sends.
  uint32_t sizes_to = 0;
  uint32_t times = 1;        // how often to send the stream, each time on a new connection
  uint32_t bytes_per_s = 0;  // rate limit; 0: none
  // Bytes in every packet.
  uint32_t ip_options = 0;  // IPv4 options, or an IPv6 Destination Options header
  uint32_t hop_by_hop = 0;  // IPv6 Hop-by-Hop Options header
  // If set: after so many bytes, waits until the receiver sends one.
  uint64_t pause_after = 0;
  bool reset = false;  // end with RST once all is handed to the kernel, which drops the rest
  // How long until the sender gives up. Longer than tests wait for data, so that it is not the
  // sender that ends a test.
  std::chrono::milliseconds lifetime = std::chrono::seconds(300);

  std::string address = {};            // destination: IPv4 or IPv6 literal
  uint16_t port = 0;                   // must be set
  std::chrono::milliseconds lease{0};  // ends after this long without a byte on stdin; 0: no lease

  bool operator==(const SendPlan&) const = default;
};

// Returns the arguments that ParseSendPlan() reads.
std::vector<std::string> Arguments(const SendPlan& plan);

// Parses a plan. Omitted options are as in SendPlan{}; address and port are required. Fails with
// one sentence.
Result<SendPlan> ParseSendPlan(std::span<const char* const> arguments);

// Returns the help text, one line per option.
std::string SendPlanHelp();

}  // namespace zcrx
