// The socket behind a receiver's stream.
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

#include "support/base/numbers.h"
#include "support/base/result.h"
#include "support/net/socket_address.h"

namespace zcrx {

// Returns this process's descriptor of the connection to `endpoint`.
inline Result<int> ConnectionTo(const SocketAddress& endpoint) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    const auto fd = ParseNumber<int>(entry.path().filename().string());
    if (!fd) continue;
    sockaddr_storage peer = {};
    socklen_t length = sizeof(peer);
    if (getpeername(*fd, reinterpret_cast<sockaddr*>(&peer), &length) != 0) continue;
    const Result<SocketAddress> own = SocketAddress::OfSocket(*fd);
    if (own && own->Text() == endpoint.Text()) return *fd;
  }
  return Fail("find the connection to " + endpoint.Text(), ENOENT);
}

}  // namespace zcrx
