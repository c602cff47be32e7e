#include "support/net/each_cpu.h"

#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>

#include "support/base/unique_fd.h"
#include "support/net/socket_address.h"

namespace zcrx {
namespace {

constexpr size_t kMostCpus = 8192;  // CONFIG_NR_CPUS of x86 with MAXSMP
using Cpus = std::array<cpu_set_t, kMostCpus / CPU_SETSIZE>;

// Returns false if the calling thread may not run there, or there is no such CPU.
Result<bool> MoveTo(size_t cpu) {
  Cpus here = {};
  CPU_SET_S(cpu, sizeof(here), here.data());
  if (sched_setaffinity(0, sizeof(here), here.data()) == 0) return true;
  if (errno == EINVAL) return false;
  return FailErrno(fmt::format("run on CPU {}", cpu));
}

Status SendFromEachCpu() {
  ZCRX_ASSIGN_OR_RETURN(const SocketAddress any, SocketAddress::Parse("127.0.0.1", 0));
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.Valid() || bind(socket.Get(), any.Get(), any.Length()) != 0) {
    return FailErrno("open a datagram socket on " + any.Text());
  }
  ZCRX_ASSIGN_OR_RETURN(const SocketAddress self, SocketAddress::OfSocket(socket.Get()));
  const long cpus = sysconf(_SC_NPROCESSORS_CONF);
  for (size_t cpu = 0; cpu < static_cast<size_t>(cpus) && cpu < kMostCpus; ++cpu) {
    ZCRX_ASSIGN_OR_RETURN(const bool there, MoveTo(cpu));
    if (!there) continue;
    // One that is not read is as good: it has been received, and goes with the socket.
    if (sendto(socket.Get(), nullptr, 0, 0, self.Get(), self.Length()) != 0 && errno != EAGAIN) {
      return FailErrno(fmt::format("send to {} from CPU {}", self.Text(), cpu));
    }
  }
  return {};
}

}  // namespace

Status ReceiveOnEachCpu() {
  Status sent;
  std::jthread([&sent] { sent = SendFromEachCpu(); }).join();
  return sent;
}

}  // namespace zcrx
