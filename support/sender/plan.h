// What a sender is to do: written into words by who starts it, and read from them by zcrx_sender.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "support/base/result.h"

namespace zcrx {

// As iou-zcrx.c: 512 pages, in sends that are no multiple of a segment, a page or a chunk.
inline constexpr uint64_t kStreamBytes = uint64_t{512} * 4096;
inline constexpr uint64_t kSendBytes = 12840;

inline constexpr uint64_t kMaxSendSize = uint64_t{16} << 20;
inline constexpr uint32_t kMaxTimes = 65536;  // ports that a peer has
inline constexpr uint32_t kMaxIpv4Options = 40;
// Longer ones no NIC can be expected to look beyond.
inline constexpr uint32_t kMaxExtensionHeader = 256;

struct SendPlan {
  uint64_t bytes = kStreamBytes;
  uint64_t send_size = kSendBytes;  // bytes in each send()
  uint64_t seed = 0;                // of the payload; in ZcrxTest::Send() 0 is the test's own
  // Instead of send_size: 1, 2 ... so many bytes, over and over, each in a send() of its own, of
  // which no segment has bytes of two.
  uint32_t sizes_to = 0;
  uint32_t times = 1;        // the stream again and again, each time on a connection of its own
  uint32_t bytes_per_s = 0;  // rate limit; 0: none
  // Of every packet, in bytes.
  uint32_t ip_options = 0;  // of IPv4, or a Destination Options header of IPv6
  uint32_t hop_by_hop = 0;  // a Hop-by-Hop Options header of IPv6
  bool reset = false;       // ends with RST when all is handed to the kernel, which drops the rest
  // It gives up after so long: longer than its test waits for data, or it would end the test in the
  // receiver's place.
  std::chrono::milliseconds lifetime = std::chrono::seconds(300);

  std::string address = {};            // destination: IPv4 or IPv6 literal
  uint16_t port = 0;                   // must be set
  std::chrono::milliseconds lease{0};  // it ends after so long without a byte on stdin; 0: no lease

  bool operator==(const SendPlan&) const = default;
};

// Returns the words that ParseSendPlan() reads.
std::vector<std::string> Arguments(const SendPlan& plan);

// Fails with one sentence. What is not given is as in SendPlan{}; address and port must be.
Result<SendPlan> ParseSendPlan(std::span<const char* const> arguments);

// Returns a line for each of them.
std::string SendPlanHelp();

}  // namespace zcrx
