// The faults of one port: set and cleared at run time, asked for by what they concern.
//
// A NIC without faults is the rule: everything that asks does so in passing, and is answered from
// one word where no fault is set.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ci/vnic/fault/catalog.h"
#include "support/base/result.h"

namespace vnic {

class Faults {
 public:
  // `scope` lives as long as the program.
  explicit Faults(const FaultScope& scope) : scope_(scope) {}

  // "NAME" or "NAME=ARGUMENT"; a fault that is set already begins anew. The error says what was
  // wrong.
  zcrx::Status Set(std::string_view text);
  void Clear();
  // What is set and how often it bit: "NAME=ARGUMENT BITES", each behind "; ".
  [[nodiscard]] std::string Text() const;

  // Of this occasion of something that a fault concerns: is it set and is it its turn? Counted, so
  // to be asked once an occasion, and only where a bite makes a difference. `occasions`: several at
  // once (the frames of a burst); true where the turn comes within them.
  bool Bites(Fault fault, std::uint32_t occasions = 1) {
    return IsSet(fault) && Count(fault, std::nullopt, occasions);
  }
  // Of a fault with a command's name as its argument. One that restarts queues is only concerned
  // when it does: without it the driver would not get as far as that.
  bool BitesCommand(Fault fault, std::uint32_t command, bool at_restart) {
    return IsSet(fault) && (at_restart || !RestartsQueues(command)) && Count(fault, command, 1);
  }
  [[nodiscard]] bool IsSet(Fault fault) const { return (mask_ & Bit(fault)) != 0; }
  [[nodiscard]] bool None() const { return mask_ == 0; }
  // The argument of a fault that is set.
  [[nodiscard]] std::uint32_t Number(Fault fault) const;
  // A connection begins: what happens once in each is ahead again.
  void BeginConnection();
  // From one Clear() to the next.
  [[nodiscard]] std::uint64_t Round() const { return round_; }

 private:
  struct Entry {
    const FaultSpec* spec;
    std::uint32_t argument = 0;  // a number, or a command's
    std::uint64_t occasions = 0;
    std::uint64_t bites = 0;

    // Has its turn come with the occasions since `before`?
    [[nodiscard]] bool IsDue(std::uint64_t before) const;
  };
  static constexpr std::uint64_t Bit(Fault fault) {
    return std::uint64_t{1} << static_cast<unsigned>(fault);
  }
  bool Count(Fault fault, std::optional<std::uint32_t> command, std::uint32_t occasions);
  zcrx::Result<std::uint32_t> Argument(const FaultSpec& spec, std::string_view text) const;
  [[nodiscard]] const NamedCommand* Find(std::uint32_t command) const;
  [[nodiscard]] bool RestartsQueues(std::uint32_t command) const;

  const FaultScope scope_;
  std::uint64_t mask_ = 0;
  std::uint64_t round_ = 1;
  std::vector<Entry> entries_;
};

// What a fault leaves behind in a NIC. It heals when faults are cleared.
class Scar {
 public:
  void Leave(const Faults& faults) { round_ = faults.Round(); }
  [[nodiscard]] bool In(const Faults& faults) const { return round_ == faults.Round(); }

 private:
  std::uint64_t round_ = 0;
};

}  // namespace vnic
