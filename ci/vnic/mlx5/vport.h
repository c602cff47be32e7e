// The port and its virtual port: address, MTU, link (Linux core/vport.c, port.c).
#pragma once

#include <cstdint>

#include "ci/vnic/device/nic.h"
#include "ci/vnic/mlx5/command.h"
#include "ci/vnic/mlx5/registers.h"
#include "support/base/result.h"

namespace vnic::mlx5 {

class Vport {
 public:
  explicit Vport(const NicSlot& slot) : slot_(slot) {}

  // The commands of the vport and of registers. Fails with ENOSYS for any other.
  zcrx::Status Execute(Command& command);
  void Reset() {
    mtu_ = kMaxMtu;
    admin_ = kPortUp;
  }
  // The largest frame that is received: the driver's MTU is with the frame's check sequence.
  [[nodiscard]] std::size_t MaxFrame() const { return mtu_ - 4U; }

 private:
  static constexpr std::uint32_t kPortUp = 1;

  void QueryContext(BitWriter out) const;
  zcrx::Status AccessRegister(Command& command);
  zcrx::Status SetMtu(std::uint32_t mtu);

  const NicSlot& slot_;
  std::uint32_t mtu_ = kMaxMtu;
  std::uint32_t admin_ = kPortUp;
};

}  // namespace vnic::mlx5
