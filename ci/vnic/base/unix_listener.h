// A UNIX stream socket that listens at a path, and the path's removal.
#pragma once

#include <string>

#include "support/base/result.h"
#include "support/base/unique_fd.h"

namespace vnic {

class UnixListener {
 public:
  // EADDRINUSE where anything is at `path` already; ENAMETOOLONG beyond 107 bytes (unix(7)).
  static zcrx::Result<UnixListener> Listen(const std::string& path);

  UnixListener(UnixListener&& other) noexcept = default;
  UnixListener& operator=(UnixListener&&) = delete;
  ~UnixListener();

  [[nodiscard]] int Fd() const { return socket_.Get(); }
  // The next client, non-blocking; EAGAIN where there is none.
  [[nodiscard]] zcrx::Result<zcrx::UniqueFd> Accept() const;

 private:
  UnixListener(zcrx::UniqueFd socket, std::string path)
      : socket_(std::move(socket)), path_(std::move(path)) {}
  zcrx::UniqueFd socket_;
  std::string path_;
};

}  // namespace vnic
