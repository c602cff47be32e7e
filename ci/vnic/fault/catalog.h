// The faults that a port can be given, by name. What each does to users is told in
// conf/faults.toml, which a test holds against this list.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace vnic {

enum class Fault : std::uint8_t {
  // steering
  kRuleIgnored,
  kRuleWrongQueue,
  kRuleTooWide,
  kRuleDeleteIgnored,
  kRssTableIgnored,
  kRssContextIgnored,
  // header split
  kNoSplit,
  kSplitSometimes,
  kSplitLate,
  kSplitLostAfterReset,
  kHeaderInPayload,
  // buffers and completions
  kShortBuffers,
  kBufferReused,
  kCompletionLost,
  kCompletionEarly,
  kPayloadShifted,
  kChecksumUnvouched,
  // frames on the cable
  kByteFlip,
  kSegmentTwice,
  kSegmentsSwapped,
  kDrop,
  kDropBurst,
  kLinkFlap,
  // the device
  kRestartStopsNeighbour,
  kStatsFrozen,
  kDeviceReset,
  kCommandRefused,
  kCommandUnanswered,
};

// When a fault bites that is set.
enum class FaultTurn : std::uint8_t {
  kAlways,
  kEvery,  // one occasion in as many as its argument says
  // The occasion whose number is its argument, counted anew from each TCP SYN that goes to the
  // port: once a connection, so that each test meets it.
  kOnce,
  kPeriod,  // one occasion in kPeriod
};
inline constexpr std::uint32_t kPeriod = 500;

enum class FaultArgument : std::uint8_t {
  kNone,
  kNumber,
  kCommand,  // a command's name, always needed; may be set for several
};

struct FaultSpec {
  Fault fault;
  std::string_view name;
  FaultTurn turn = FaultTurn::kAlways;
  FaultArgument argument = FaultArgument::kNone;
  // Of a number: what it is where none is given, and its bounds.
  std::uint32_t usual = 0;
  std::uint32_t least = 0;
  std::uint32_t most = 0;
};

// In the order of Fault.
std::span<const FaultSpec> FaultSpecs();

// A command of a driver to its device, as the driver's source names it.
struct NamedCommand {
  std::uint32_t number;
  std::string_view name;
  bool in_restart = false;  // a step of a queue's restart
};

// What a make of NIC has of all this.
struct FaultScope {
  std::span<const NamedCommand> commands;
  std::span<const Fault> missing;

  [[nodiscard]] bool Has(Fault fault) const;
};

}  // namespace vnic
