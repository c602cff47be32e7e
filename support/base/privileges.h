// Capabilities of this process, and dropping those it does not need.
#pragma once

#include <linux/capability.h>

#include <cstdint>
#include <initializer_list>
#include <string>

#include "support/base/result.h"

namespace zcrx {

// A set of capabilities, numbered as in capabilities(7).
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

// Returns the effective capabilities.
Result<Capabilities> GetCapabilities();

// Drops all capabilities but `kept` permanently, in this thread and those it starts from now on,
// and prevents programs they start from gaining any (PR_SET_NO_NEW_PRIVS). Keeps those of `kept`
// that the process has, and passes them on to programs that an ordinary user's process starts.
// (Root's programs have them anyway.)
Status KeepOnly(Capabilities kept);

}  // namespace zcrx
