// A TCP connection of this process with itself, over loopback.
#pragma once

#include <cstddef>
#include <span>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/base/unique_fd.h"

namespace zcrx {

class TcpPair {
 public:
  // Fails with EADDRNOTAVAIL if loopback is down.
  static Result<TcpPair> Connect(int family);

  [[nodiscard]] const UniqueFd& Near() const { return near_; }  // receives
  [[nodiscard]] const UniqueFd& Far() const { return far_; }    // sends
  // Sends all bytes as a segment of its own, where they fit one. Fails with ETIMEDOUT when the
  // other end's buffer stays full.
  Status Send(std::span<const std::byte> bytes, Deadline deadline);
  // Ends the stream: by a FIN, or by a reset.
  Status Finish();
  Status Reset();

 private:
  TcpPair(UniqueFd near, UniqueFd far) : near_(std::move(near)), far_(std::move(far)) {}

  UniqueFd near_;
  UniqueFd far_;
};

}  // namespace zcrx
