// The faults of one port: set and cleared at run time, asked for by what they concern.
//
// Usually no fault is set, so the check is cheap: a single bit mask is tested before anything else.
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
  // `scope` refers to lists that live as long as the program.
  explicit Faults(const FaultScope& scope) : scope_(scope) {}

  // Sets "NAME" or "NAME=ARGUMENT"; a fault that is already set starts again. Fails with what is
  // wrong with `text`.
  zcrx::Status Set(std::string_view text);
  void Clear();
  // Returns what is set and how often each has bitten: "NAME=ARGUMENT BITES", joined with "; ".
  [[nodiscard]] std::string Text() const;

  // Returns whether the fault is set and its turn has come. Counts the occasion: call it once for
  // each, and only where a bite makes a difference. `occasions`: several at once (the frames of a
  // burst); true if the turn comes within them.
  bool Bites(Fault fault, std::uint32_t occasions = 1) {
    return IsSet(fault) && Count(fault, std::nullopt, occasions);
  }
  // The same for a fault whose argument is a command. A command that restarts queues is affected
  // only `at_restart`: without it the driver would not get that far.
  bool BitesCommand(Fault fault, std::uint32_t command, bool at_restart) {
    return IsSet(fault) && (at_restart || !RestartsQueues(command)) && Count(fault, command, 1);
  }
  [[nodiscard]] bool IsSet(Fault fault) const { return set_.Has(fault); }
  [[nodiscard]] bool None() const { return set_.Empty(); }
  // Returns the argument of a fault that is set.
  [[nodiscard]] std::uint32_t Number(Fault fault) const;
  // A connection begins: the faults that bite once in each may bite again.
  void BeginConnection();
  // A new number after each Clear().
  [[nodiscard]] std::uint64_t Round() const { return round_; }

 private:
  struct Entry {
    const FaultSpec* spec;
    std::uint32_t argument = 0;  // a number, or a command's
    std::uint64_t occasions = 0;
    std::uint64_t bites = 0;

    // Returns whether its turn has come with the occasions since `before`.
    [[nodiscard]] bool IsDue(std::uint64_t before) const;
  };
  bool Count(Fault fault, std::optional<std::uint32_t> command, std::uint32_t occasions);
  zcrx::Result<std::uint32_t> Argument(const FaultSpec& spec, std::string_view text) const;
  [[nodiscard]] const NamedCommand* Find(std::uint32_t command) const;
  [[nodiscard]] bool RestartsQueues(std::uint32_t command) const;

  const FaultScope scope_;
  FaultSet set_;
  std::uint64_t round_ = 1;
  std::vector<Entry> entries_;
};

// What a fault leaves behind in a NIC until the faults are cleared.
class Scar {
 public:
  void Leave(const Faults& faults) { round_ = faults.Round(); }
  [[nodiscard]] bool In(const Faults& faults) const { return round_ == faults.Round(); }

 private:
  std::uint64_t round_ = 0;
};

}  // namespace vnic
