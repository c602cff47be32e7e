// What binds a program on the peer to the one that started it: its standard input.
//
// Its end of file says that the caller has gone. Where the way to the caller is cut (a cable, a
// panic) nothing says so; then it is that no sign of life comes any more.
#pragma once

#include <chrono>

#include "support/base/deadline.h"
#include "support/base/result.h"

namespace zcrx {

class Lease {
 public:
  // `length` zero: only the end of file ends it.
  Lease(int fd, std::chrono::milliseconds length) : fd_(fd), length_(length), end_(Renewed()) {}

  [[nodiscard]] int Fd() const { return fd_; }  // to be polled; see Read()
  [[nodiscard]] Deadline End() const { return end_; }

  // Takes what has come. What it says means nothing; that it comes does. ECANCELED: the caller has
  // gone.
  Status Read(const std::string& operation);
  // ECANCELED: no sign of life for too long.
  [[nodiscard]] Status Holds(const std::string& operation) const;

 private:
  [[nodiscard]] Deadline Renewed() const;

  int fd_;
  std::chrono::milliseconds length_;
  Deadline end_;
};

}  // namespace zcrx
