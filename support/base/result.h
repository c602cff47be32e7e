// Errors as values, returned by all calls in support/. Whether an error fails or skips a test is
// decided in fixtures/, never here.
#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <expected>
#include <string>
#include <utility>

namespace zcrx {

// `operation` is what was attempted, on what: "set rings of eth1 (tcp-data-split on)". `code` is a
// positive errno, or 0 if there is none (a short read, a wrong answer). `detail` is the message of
// the other side: the kernel's extended ack, sshd's, the peer's stderr.
struct Error {
  std::string operation;
  int code = 0;
  std::string detail;

  // "set rings of eth1 (tcp-data-split on): Invalid argument (EINVAL): <detail>"
  [[nodiscard]] std::string Text() const {
    std::string text = operation;
    if (code != 0) {
      const char* name = strerrorname_np(code);
      text += fmt::format(": {} ({})", strerrordesc_np(code) ? strerrordesc_np(code) : "unknown",
                          name ? name : std::to_string(code));
    }
    if (!detail.empty()) text += ": " + detail;
    return text;
  }
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

inline std::unexpected<Error> Fail(std::string operation, int code = 0, std::string detail = {}) {
  return std::unexpected(Error{std::move(operation), code, std::move(detail)});
}

// Returns the error of a system call that has just failed. Call before anything else can change
// errno.
inline std::unexpected<Error> FailErrno(std::string operation, std::string detail = {}) {
  const int code = errno;
  return Fail(std::move(operation), code, std::move(detail));
}

}  // namespace zcrx

#define ZCRX_CONCAT_INNER(a, b) a##b
#define ZCRX_CONCAT(a, b) ZCRX_CONCAT_INNER(a, b)

// ZCRX_RETURN_IF_ERROR(status_or_result);
#define ZCRX_RETURN_IF_ERROR(expression)                           \
  do {                                                             \
    if (auto zcrx_status = (expression); !zcrx_status.has_value()) \
      return std::unexpected(std::move(zcrx_status).error());      \
  } while (false)

// ZCRX_ASSIGN_OR_RETURN(auto value, result); expands to several statements: not for use after an if
// without braces.
// NOLINTBEGIN(bugprone-macro-parentheses): a declaration takes none
#define ZCRX_ASSIGN_OR_RETURN(declaration, expression)                              \
  auto ZCRX_CONCAT(zcrx_result_, __LINE__) = (expression);                          \
  if (!ZCRX_CONCAT(zcrx_result_, __LINE__).has_value())                             \
    return std::unexpected(std::move(ZCRX_CONCAT(zcrx_result_, __LINE__)).error()); \
  declaration = *std::move(ZCRX_CONCAT(zcrx_result_, __LINE__))
// NOLINTEND(bugprone-macro-parentheses)
