// An ordinary TCP connection that a thread receives from: other traffic beside the test's own.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/base/unique_fd.h"
#include "support/net/socket_address.h"

namespace zcrx {

class BackgroundReceiver {
 public:
  using Check = std::move_only_function<Status(uint64_t offset, std::span<const std::byte> bytes)>;

  // Listens on `address` and receives from the first connection. `check` sees every byte.
  static Result<std::unique_ptr<BackgroundReceiver>> Listen(const SocketAddress& address,
                                                            Check check);
  BackgroundReceiver(const BackgroundReceiver&) = delete;
  BackgroundReceiver& operator=(const BackgroundReceiver&) = delete;
  ~BackgroundReceiver();  // closes the connection

  [[nodiscard]] const SocketAddress& Endpoint() const { return endpoint_; }
  // Waits until `bytes` more have arrived than at the time of the call. Once the stream has ended,
  // fails with the reason, now and in later calls: the check's error, the socket's, or that the
  // peer closed it.
  Status MovesOn(uint64_t bytes, Deadline deadline);

 private:
  BackgroundReceiver(UniqueFd listener, const SocketAddress& endpoint)
      : listener_(std::move(listener)), endpoint_(endpoint) {}

  Error ReceiveUntilEnd(Check check);
  Status Accept();

  UniqueFd listener_;
  SocketAddress endpoint_;
  std::mutex mutex_;  // guards the members below
  std::condition_variable changed_;
  UniqueFd connection_;
  bool closing_ = false;
  uint64_t bytes_ = 0;
  std::optional<Error> ended_;
  std::thread thread_;
};

}  // namespace zcrx
