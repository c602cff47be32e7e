// MSI-X over vfio-user: the client keeps the table, we write to an eventfd per vector.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ci/vnic/device/nic.h"
#include "support/base/result.h"
#include "support/base/unique_fd.h"

namespace vnic::vfio_user {

class Msix : public Interrupts {
 public:
  explicit Msix(std::uint32_t vectors) : vectors_(vectors) {}

  // Gives vectors `start` on their eventfds, in place of those they had. What is pending is raised.
  // EINVAL outside the table. A descriptor that cannot be made non-blocking is not taken.
  zcrx::Status Assign(std::uint32_t start, std::vector<zcrx::UniqueFd> fds);
  // EINVAL outside the table.
  zcrx::Status Unassign(std::uint32_t start, std::uint32_t count);
  // The guest has switched MSI-X off: nothing stays pending.
  void Disable();

  void Raise(std::uint32_t vector) override;

  [[nodiscard]] std::uint32_t Vectors() const {
    return static_cast<std::uint32_t>(vectors_.size());
  }

 private:
  struct Vector {
    zcrx::UniqueFd eventfd;
    bool pending = false;
  };
  [[nodiscard]] bool InTable(std::uint32_t start, std::size_t count) const {
    return start <= vectors_.size() && count <= vectors_.size() - start;
  }

  std::vector<Vector> vectors_;
};

}  // namespace vnic::vfio_user
