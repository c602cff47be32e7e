// XDP programs and AF_XDP sockets, as neighbours of zcrx on a NIC. Sources: bpf(2), link_create()
// in kernel/bpf/syscall.c, bpf_xdp_link_attach() in net/core/dev.c;
// Documentation/networking/af_xdp.rst, xsk_bind() in net/xdp/xsk.c.
#pragma once

#include <memory>
#include <utility>

#include "support/base/result.h"
#include "support/base/unique_fd.h"

namespace zcrx {

enum class XdpMode {
  kGeneric,  // in the kernel, for every driver
  kNative,   // in the driver
};

// A program that passes all packets on. It is detached when its link is closed, also by the end of
// the process.
class XdpProgram {
 public:
  // Attaches a program that takes packets in fragments: no other is compatible with header split.
  // Needs CAP_BPF and CAP_NET_ADMIN. A driver or the kernel may switch features off for it and not
  // on again: dev_disable_gro_hw() in net/core/dev.c.
  static Result<XdpProgram> Attach(unsigned ifindex, XdpMode mode);

 private:
  explicit XdpProgram(UniqueFd link) : link_(std::move(link)) {}
  UniqueFd link_;
};

// An AF_XDP socket on a receive queue, which needs no driver: the kernel copies what comes up
// (XDP_COPY). It lets go of the queue some time after the socket was closed: xp_release_deferred()
// in net/xdp/xsk_buff_pool.c.
class XdpSocket {
 public:
  // Needs CAP_NET_RAW.
  static Result<XdpSocket> Bind(unsigned ifindex, unsigned queue);

 private:
  struct Unmap {
    void operator()(void* memory) const;
  };
  using Memory = std::unique_ptr<void, Unmap>;
  XdpSocket(Memory memory, UniqueFd socket)
      : memory_(std::move(memory)), socket_(std::move(socket)) {}

  Memory memory_;
  UniqueFd socket_;
};

}  // namespace zcrx
