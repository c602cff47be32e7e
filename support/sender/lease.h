// Binds the life of a program on the peer to that of its caller, through standard input.
//
// End of file means that the caller is gone. If the connection to the caller breaks (a cable, a
// panic), there is no end of file; then the lease runs out because no byte arrives any more.
#pragma once

#include <chrono>

#include "support/base/deadline.h"
#include "support/base/result.h"

namespace zcrx {

class Lease {
 public:
  // poll(2) wakes at the end of the lease: by so much later only where the process or its machine
  // stood still.
  static constexpr std::chrono::milliseconds kLate{250};

  // A zero `length` never runs out: then only the end of file ends the lease.
  Lease(int fd, std::chrono::milliseconds length) : fd_(fd), length_(length), end_(Renewed()) {}

  [[nodiscard]] int Fd() const { return fd_; }  // poll for input, then Read()
  [[nodiscard]] Deadline End() const { return end_; }

  // Reads and discards pending bytes; their arrival renews the lease. Fails with ECANCELED at the
  // end of file: the caller is gone.
  Status Read(const std::string& operation);
  // Fails with ECANCELED if the lease has run out. Who looks late did not listen, and what its
  // caller sent meanwhile is on its way: that has kLate to arrive.
  Status Holds(const std::string& operation);

 private:
  [[nodiscard]] Deadline Renewed() const;

  int fd_;
  std::chrono::milliseconds length_;
  Deadline end_;
  bool lengthened_ = false;
};

}  // namespace zcrx
