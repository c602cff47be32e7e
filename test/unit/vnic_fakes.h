// A guest without a machine: memory, interrupts and a cable, for the tests of NIC models.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
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

// Some memory, readable and writable, at kBase; nothing below or above.
class FakeGuest {
 public:
  static constexpr GuestAddress kBase = 0x100000;
  static constexpr std::uint64_t kSize = 4 << 20;
  static constexpr GuestAddress kEnd = kBase + kSize;
  static constexpr GuestAddress kUnmapped = 0x40000000;

  // `scope`: the faults of the NIC that is tried.
  explicit FakeGuest(const FaultScope& scope = {}, std::FILE* log_file = stderr,
                     std::uint64_t size = kSize)
      : faults(scope), sink(log_file), size_(size) {
    MapMemory();
  }

  // As new, for another trial: to map memory takes longer than most of what is tried on it.
  void Renew() {
    const auto bytes = memory.Writable(kBase, size_);
    if (bytes.empty() || memory.Readable(kBase, size_).empty()) {
      memory.Clear();
      MapMemory();
    } else {
      std::memset(bytes.data(), 0, bytes.size());
    }
    interrupts = {};
    wire = {};
    faults.Clear();
    starts = {};
    now = {};
    next_ = kBase;
  }

  // Takes memory that nothing else has, from the start on.
  GuestAddress Allocate(std::uint64_t size) {
    const GuestAddress address = next_;
    next_ += (size + 4095) / 4096 * 4096;
    if (next_ > kBase + size_) std::abort();
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

  // The clock goes on.
  void Pass(Timers::Clock::duration time) {
    now += time;
    timers.RunDue();
  }

  [[nodiscard]] NicSlot Slot() {
    return {.log = log,
            .memory = memory,
            .interrupts = interrupts,
            .wire = wire,
            .faults = faults,
            .starts = starts,
            .timers = timers,
            .mac = {2, 0, 0, 0, 0, 1}};
  }

  GuestMemory memory;
  FakeInterrupts interrupts;
  FakeWire wire;
  Faults faults;
  QueueStarts starts;
  Timers::Clock::time_point now{};
  Timers timers{[this] { return now; }};
  LogSink sink;
  Log log{sink, "test"};

 private:
  void MapMemory() {
    if (!memory.Map(kBase, size_, MemoryFile(size_), 0, {.read = true, .write = true})) {
      std::abort();
    }
  }

  std::uint64_t size_;
  GuestAddress next_ = kBase;
};

}  // namespace vnic
