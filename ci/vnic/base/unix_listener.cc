#include "ci/vnic/base/unix_listener.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

namespace vnic {

zcrx::Result<UnixListener> UnixListener::Listen(const std::string& path) {
  const std::string operation = "listen at " + path;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return zcrx::Fail(operation, ENAMETOOLONG);
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  zcrx::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.Valid()) return zcrx::FailErrno(operation);
  if (::bind(socket.Get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return zcrx::FailErrno(operation);
  }
  UnixListener listener(std::move(socket), path);
  if (::listen(listener.Fd(), 8) != 0) return zcrx::FailErrno(operation);
  return listener;
}

UnixListener::~UnixListener() {
  if (socket_.Valid()) ::unlink(path_.c_str());
}

zcrx::Result<zcrx::UniqueFd> UnixListener::Accept() const {
  zcrx::UniqueFd client(::accept4(socket_.Get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!client.Valid()) return zcrx::FailErrno("accept a client at " + path_);
  return client;
}

}  // namespace vnic
