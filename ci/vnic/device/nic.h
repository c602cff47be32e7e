// What a NIC model is and what it may use. Nothing here knows of vfio-user or of a NIC's make.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ci/vnic/base/log.h"
#include "ci/vnic/base/timers.h"
#include "ci/vnic/device/guest_memory.h"
#include "ci/vnic/device/pci_config.h"
#include "ci/vnic/device/queue_starts.h"
#include "ci/vnic/fault/faults.h"
#include "ci/vnic/net/packet.h"

namespace vnic {

using MacAddress = std::array<std::uint8_t, 6>;

// MSI-X as the device uses it. A vector that cannot be delivered now (the guest has it masked) is
// delivered once it can, as the pending bit array of real hardware has it.
class Interrupts {
 public:
  virtual ~Interrupts() = default;
  // A vector outside the function's table is a mistake of the model and raises nothing.
  virtual void Raise(std::uint32_t vector) = 0;
};

// The cable, seen from one end.
class Wire {
 public:
  virtual ~Wire() = default;
  virtual void Send(Packet packet) = 0;
  [[nodiscard]] virtual bool Up() const = 0;
};

// All of it outlives the NIC.
struct NicSlot {
  const Log& log;
  const GuestMemory& memory;
  Interrupts& interrupts;
  Wire& wire;
  Faults& faults;
  QueueStarts& starts;
  Timers& timers;  // what the NIC sets is cancelled with its Timer, a member of the NIC's
  MacAddress mac{};
};

// Counters by name, in a fixed order.
using Counters = std::vector<std::pair<std::string, std::uint64_t>>;

// One make of NIC. The identity and the name live as long as the program.
class Nic;
struct Model {
  std::string_view name;
  const PciIdentity& identity;
  FaultScope faults;
  std::unique_ptr<Nic> (*make)(const NicSlot& slot);
};

// One NIC in one slot, from the guest's start to its end. Calls come one at a time; none waits.
// What the guest writes is hostile: an offset or value that means nothing is logged and refused.
class Nic {
 public:
  virtual ~Nic() = default;

  // `offset` + data.size() is within the BAR. What has no register reads as zeros.
  virtual void ReadBar(unsigned bar, std::uint64_t offset, std::span<std::uint8_t> data) = 0;
  virtual void WriteBar(unsigned bar, std::uint64_t offset, std::span<const std::uint8_t> data) = 0;
  // A function-level or bus reset: as after power-on.
  virtual void Reset() = 0;

  // A packet has come in from the cable; what cannot be received is dropped and counted.
  virtual void Receive(Packet packet) = 0;
  // Wire::Up() has changed.
  virtual void LinkChanged() = 0;

  [[nodiscard]] virtual Counters Stats() const = 0;
};

}  // namespace vnic
