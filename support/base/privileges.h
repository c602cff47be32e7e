// What this process may do beyond an ordinary one's, and to have no more of it than is needed.
#pragma once

#include <linux/capability.h>

#include <cstdint>
#include <initializer_list>
#include <string>

#include "support/base/result.h"

namespace zcrx {

// Capabilities as capabilities(7) numbers them, a bit each.
class Capabilities {
 public:
  Capabilities() = default;
  Capabilities(std::initializer_list<int> numbers) {
    for (const int number : numbers) bits_ |= uint64_t{1} << number;
  }
  explicit Capabilities(uint64_t bits) : bits_(bits) {}

  [[nodiscard]] bool Has(int number) const { return (bits_ >> number & 1) != 0; }
  [[nodiscard]] uint64_t Bits() const { return bits_; }
  bool operator==(const Capabilities&) const = default;

 private:
  uint64_t bits_ = 0;
};

// Those in effect.
Result<Capabilities> GetCapabilities();

// Gives up all but `kept` for good, in this thread and those it starts from now on, and what
// programs they start could gain (PR_SET_NO_NEW_PRIVS). Of `kept` those stay that it has; programs
// started by an ordinary user's process have them too. (Root's have them anyway.)
Status KeepOnly(Capabilities kept);

}  // namespace zcrx
