#include "support/sender/lease.h"

#include <unistd.h>

#include <array>
#include <cerrno>

namespace zcrx {

Deadline Lease::Renewed() const {
  constexpr std::chrono::hours kNever{24 * 365};
  return length_.count() == 0 ? Deadline::In(kNever) : Deadline::In(length_);
}

Status Lease::Read(const std::string& operation) {
  std::array<char, 256> ignored;
  const ssize_t got = ::read(fd_, ignored.data(), ignored.size());
  if (got < 0 && errno != EINTR && errno != EAGAIN) {
    return FailErrno(operation, "standard input failed");
  }
  if (got == 0) return Fail(operation, ECANCELED, "standard input was closed");
  if (got > 0) {
    end_ = Renewed();
    lengthened_ = false;
  }
  return {};
}

Status Lease::Holds(const std::string& operation) {
  if (!end_.Expired()) return {};
  if (!lengthened_ && Deadline::Clock::now() - end_.When() > kLate) {
    end_ = Deadline::In(kLate);
    lengthened_ = true;
    return {};
  }
  return Fail(
      operation, ECANCELED,
      fmt::format(
          "nothing came on standard input for {} ms: the caller or the connection to it is gone",
          length_.count()));
}

}  // namespace zcrx
