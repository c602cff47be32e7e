// A guest without a machine: memory, interrupts and a cable, for the tests of NIC models.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <utility>
#include <vector>

#include "ci/vnic/base/log.h"
#include "ci/vnic/device/guest_memory.h"
#include "ci/vnic/device/nic.h"
#include "support/base/unique_fd.h"

namespace vnic {

inline zcrx::UniqueFd MemoryFile(std::size_t size) {
  zcrx::UniqueFd fd(::memfd_create("guest", MFD_CLOEXEC));
  if (!fd.Valid() || ::ftruncate(fd.Get(), static_cast<off_t>(size)) != 0) std::abort();
  return fd;
}

struct FakeInterrupts : Interrupts {
  void Raise(std::uint32_t vector) override { raised.push_back(vector); }
  std::vector<std::uint32_t> raised;
};

struct FakeWire : Wire {
  void Send(Packet packet) override { sent.push_back(std::move(packet)); }
  [[nodiscard]] bool Up() const override { return up; }
  std::vector<Packet> sent;
  bool up = true;
};

// kSize bytes of readable and writable memory at kBase; nothing below or above.
class FakeGuest {
 public:
  static constexpr GuestAddress kBase = 0x100000;
  static constexpr std::uint64_t kSize = 4 << 20;
  static constexpr GuestAddress kEnd = kBase + kSize;
  static constexpr GuestAddress kUnmapped = 0x40000000;

  FakeGuest() {
    if (!memory.Map(kBase, kSize, MemoryFile(kSize), 0, {.read = true, .write = true})) {
      std::abort();
    }
  }

  // Takes memory that nothing else has, from the start on.
  GuestAddress Allocate(std::uint64_t size) {
    const GuestAddress address = next_;
    next_ += (size + 4095) / 4096 * 4096;
    if (next_ > kEnd) std::abort();
    return address;
  }
  template <Plain T>
  void Put(GuestAddress address, const T& value) {
    if (!memory.Store(address, value)) std::abort();
  }
  template <Plain T>
  T Get(GuestAddress address) const {
    const auto value = memory.Load<T>(address);
    if (!value) std::abort();
    return *value;
  }

  [[nodiscard]] NicSlot Slot() {
    return {.log = log,
            .memory = memory,
            .interrupts = interrupts,
            .wire = wire,
            .mac = {2, 0, 0, 0, 0, 1}};
  }

  GuestMemory memory;
  FakeInterrupts interrupts;
  FakeWire wire;
  LogSink sink{stderr};
  Log log{sink, "test"};

 private:
  GuestAddress next_ = kBase;
};

}  // namespace vnic
