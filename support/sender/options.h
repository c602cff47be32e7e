// The sender's command line.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "support/base/result.h"

namespace zcrx {

struct SendOptions {
  std::string address;       // --address: IPv4 or IPv6 literal
  uint16_t port = 0;         // --port
  uint64_t bytes = 0;        // --bytes: the whole stream
  uint32_t send_size = 0;    // --send-size: bytes of each send(), at most kMaxSendSize
  uint64_t seed = 0;         // --seed: of the payload
  uint32_t deadline_ms = 0;  // --deadline-ms: for everything, from the start
};
inline constexpr uint32_t kMaxSendSize = uint32_t{16} << 20;

inline constexpr const char* kSenderUsage =
    "zcrx_sender --address ADDRESS --port PORT --bytes N --send-size N --seed N --deadline-ms N";

// As "--port 80" or "--port=80"; all options, each once, numbers decimal and in range. The error is
// one sentence.
Result<SendOptions> ParseSendOptions(std::span<const char* const> arguments);

}  // namespace zcrx
