// The faults that a port can have, by name. conf/faults.toml says what each does to users; a test
// compares it with this list.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
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
  kRssUnsupported,
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
  // of buffers that several packets share
  kStrideTooMany,
  kClosedCompletion,
  kHeaderSkipped,
  kSessionUnflushed,
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

// When a fault that is set bites.
enum class FaultTurn : std::uint8_t {
  kAlways,
  kEvery,  // one occasion in as many as its argument says
  // The occasion whose number is its argument, counted from each TCP SYN to the port: once in each
  // connection, so that every test meets it.
  kOnce,
  kFirst,   // the first occasion
  kPeriod,  // one occasion in kPeriod
};
inline constexpr std::uint32_t kPeriod = 500;

enum class FaultArgument : std::uint8_t {
  kNone,
  kNumber,
  kCommand,  // the name of a command, required; the fault may be set for several
};

struct FaultSpec {
  Fault fault;
  std::string_view name;
  FaultTurn turn = FaultTurn::kAlways;
  FaultArgument argument = FaultArgument::kNone;
  // Of a number: the value if none is given, and the bounds.
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

// Some of the faults.
class FaultSet {
 public:
  static constexpr std::size_t kMost = 64;

  constexpr FaultSet() = default;
  constexpr FaultSet(std::initializer_list<Fault> faults) {
    for (const Fault fault : faults) Add(fault);
  }
  constexpr void Add(Fault fault) { mask_ |= Bit(fault); }
  [[nodiscard]] constexpr FaultSet Without(FaultSet some) const {
    some.mask_ = mask_ & ~some.mask_;
    return some;
  }
  [[nodiscard]] constexpr bool Has(Fault fault) const { return (mask_ & Bit(fault)) != 0; }
  [[nodiscard]] constexpr bool Empty() const { return mask_ == 0; }
  friend constexpr FaultSet operator|(FaultSet left, FaultSet right) {
    left.mask_ |= right.mask_;
    return left;
  }

 private:
  static constexpr std::uint64_t Bit(Fault fault) {
    return std::uint64_t{1} << static_cast<unsigned>(fault);
  }
  std::uint64_t mask_ = 0;
};

// What of all this one make of NIC has. A test sets each fault that a model claims and wants it to
// bite.
struct FaultScope {
  std::span<const NamedCommand> commands;
  FaultSet has;
};

}  // namespace vnic
