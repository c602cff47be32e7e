// A row of a table of refusals: what differs from a request that the kernel accepts, what it must
// answer, and where it says so. Line numbers are of Linux 7.3.4, in io_uring/zcrx.c unless another
// file is named.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "fixtures/bed/capability.h"
#include "fixtures/result_matchers.h"
#include "support/zcrx/ring.h"

namespace zcrx {

template <typename Request>
struct WrongValue {
  // A constructor, because GCC 12 fails on a default of a member of a template.
  WrongValue(std::string name_, int code_, std::string source_,
             std::function<void(Request&)> spoil_, std::vector<Capability> needs_ = {})
      : name(std::move(name_)),
        code(code_),
        source(std::move(source_)),
        spoil(std::move(spoil_)),
        needs(std::move(needs_)) {}

  std::string name;
  int code;            // errno
  std::string source;  // "987: reg.zcrx_id"
  std::function<void(Request&)> spoil;
  std::vector<Capability> needs;

  // --gtest_list_tests shows it too, and UAPI.md is made of that.
  friend void PrintTo(const WrongValue& wrong, std::ostream* out) {
    if (wrong.code != 0) *out << ErrnoName(wrong.code) << ", ";
    *out << wrong.source;
  }
};

// Joins tables to one.
template <typename Row, typename... More>
std::vector<Row> AllOf(std::vector<Row> rows, const More&... more) {
  (rows.insert(rows.end(), more.begin(), more.end()), ...);
  return rows;
}

// As Ring::Register(), for EXPECT_THAT().
inline Status Call(const Ring& ring, unsigned opcode, void* argument, unsigned count) {
  const auto answer = ring.Register(opcode, argument, count);
  if (!answer.has_value()) return Fail("io_uring_register", answer.error());
  return {};
}

inline constexpr auto kNameOfRow = [](const auto& info) { return info.param.name; };

}  // namespace zcrx
