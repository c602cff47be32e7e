#include "support/kernel/xdp.h"

#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

namespace zcrx {
namespace {

constexpr uint32_t kChunk = 4096;
constexpr size_t kMemory = size_t{64} * kChunk;
constexpr int kDescriptors = 64;
constexpr int kAttempts = 5;

int Bpf(bpf_cmd command, bpf_attr& attributes) {
  return static_cast<int>(syscall(SYS_bpf, command, &attributes, sizeof(attributes)));
}

Result<UniqueFd> LoadPassAll() {
  // r0 = XDP_PASS; exit
  const std::array<bpf_insn, 2> instructions = {{
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = XDP_PASS},
      {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
  }};
  bpf_attr load = {};
  load.prog_type = BPF_PROG_TYPE_XDP;
  load.insn_cnt = instructions.size();
  load.insns = reinterpret_cast<uintptr_t>(instructions.data());
  load.license = reinterpret_cast<uintptr_t>("GPL");
  load.prog_flags = BPF_F_XDP_HAS_FRAGS;
  load.expected_attach_type = BPF_XDP;
  UniqueFd program;
  // EAGAIN: bpf_check() in kernel/bpf/verifier.c gives way to a signal, and what io_uring has to do
  // in this task counts as one.
  for (int attempt = 0; attempt < kAttempts && !program.Valid(); ++attempt) {
    program.Reset(Bpf(BPF_PROG_LOAD, load));
    if (!program.Valid() && errno != EAGAIN) break;
  }
  if (!program.Valid()) return FailErrno("load an XDP program");
  return program;
}

}  // namespace

Result<XdpProgram> XdpProgram::Attach(unsigned ifindex, XdpMode mode) {
  ZCRX_ASSIGN_OR_RETURN(const UniqueFd program, LoadPassAll());
  const bool native = mode == XdpMode::kNative;
  bpf_attr create = {};
  create.link_create.prog_fd = static_cast<uint32_t>(program.Get());
  create.link_create.target_ifindex = ifindex;
  create.link_create.attach_type = BPF_XDP;
  create.link_create.flags = native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
  UniqueFd link(Bpf(BPF_LINK_CREATE, create));
  if (!link.Valid()) {
    return FailErrno(fmt::format("attach a {} XDP program to device {}",
                                 native ? "native" : "generic", ifindex));
  }
  return XdpProgram(std::move(link));
}

void XdpSocket::Unmap::operator()(void* memory) const { munmap(memory, kMemory); }

Result<XdpSocket> XdpSocket::Bind(unsigned ifindex, unsigned queue) {
  const std::string operation =
      fmt::format("bind an AF_XDP socket to queue {} of device {}", queue, ifindex);
  UniqueFd socket(::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!socket.Valid()) return FailErrno(operation, "open the socket");
  void* const mapped =
      mmap(nullptr, kMemory, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return FailErrno(operation, "map its memory");
  Memory memory(mapped);
  xdp_umem_reg umem = {};
  umem.addr = reinterpret_cast<uintptr_t>(mapped);
  umem.len = kMemory;
  umem.chunk_size = kChunk;
  if (setsockopt(socket.Get(), SOL_XDP, XDP_UMEM_REG, &umem, sizeof(umem)) != 0) {
    return FailErrno(operation, "register its memory");
  }
  for (const int ring : {XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING}) {
    if (setsockopt(socket.Get(), SOL_XDP, ring, &kDescriptors, sizeof(kDescriptors)) != 0) {
      return FailErrno(operation, "set its rings");
    }
  }
  sockaddr_xdp address = {};
  address.sxdp_family = AF_XDP;
  address.sxdp_flags = XDP_COPY;
  address.sxdp_ifindex = ifindex;
  address.sxdp_queue_id = queue;
  if (bind(socket.Get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return FailErrno(operation);
  }
  return XdpSocket(std::move(memory), std::move(socket));
}

}  // namespace zcrx
