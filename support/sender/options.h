// The sender's command line.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "support/base/result.h"

namespace zcrx {

enum class Ending : uint8_t {
  kClose,  // FIN, and wait until the receiver has closed too
  kReset,  // RST as soon as the kernel has taken the last byte
};

struct SendOptions {
  std::string address;               // --address: IPv4 or IPv6 literal
  uint16_t port = 0;                 // --port
  uint64_t bytes = 0;                // --bytes: the whole stream
  std::vector<uint32_t> send_sizes;  // --send-size: bytes of each send(), in turn, over and over
  uint64_t seed = 0;                 // --seed: of the payload
  uint32_t deadline_ms = 0;          // --deadline-ms: for everything, from the start
  uint32_t lease_ms = 0;             // --lease-ms: without a byte on stdin; 0: no lease
  bool separate = false;             // --separate: no segment has bytes of two send()s
  Ending ending = Ending::kClose;    // --end
  uint32_t times = 1;                // --times: the stream, one after the other, a connection each
  uint32_t bytes_per_s = 0;          // --bytes-per-second: at most; 0: as fast as it goes
  // Of every packet, in bytes; 0: none.
  uint32_t ip_options = 0;  // --ip-options: of IPv4, or a Destination Options header of IPv6
  uint32_t hop_by_hop = 0;  // --hop-by-hop: a Hop-by-Hop Options header of IPv6
};
inline constexpr uint32_t kMaxSendSize = uint32_t{16} << 20;
inline constexpr uint32_t kMaxIpv4Options = 40;
// Longer ones no NIC can be expected to look beyond.
inline constexpr uint32_t kMaxExtensionHeader = 256;
inline constexpr uint32_t kMaxSendSizes = 65536;
inline constexpr uint32_t kMaxTimes = 65536;  // ports that a peer has

inline constexpr const char* kSenderUsage =
    "zcrx_sender --address ADDRESS --port PORT --bytes N --send-size N[-N][,N...] --seed N "
    "--deadline-ms N [--lease-ms N] [--separate yes|no] [--end close|reset] [--times N] "
    "[--bytes-per-second N] [--ip-options N] [--hop-by-hop N]";

// As "--port 80" or "--port=80"; each at most once, those without brackets exactly once, numbers
// decimal and in range. The error is one sentence.
Result<SendOptions> ParseSendOptions(std::span<const char* const> arguments);

// What comes after the word "caretaker" (caretaker.h), in the same form; all of it is needed.
struct CaretakerOptions {
  std::string file;       // --file: what to remove in the end, with its folder
  uint32_t lease_ms = 0;  // --lease-ms
};
inline constexpr const char* kCaretakerUsage = "zcrx_sender caretaker --file PATH --lease-ms N";

Result<CaretakerOptions> ParseCaretakerOptions(std::span<const char* const> arguments);

}  // namespace zcrx
