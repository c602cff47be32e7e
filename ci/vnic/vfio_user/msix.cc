#include "ci/vnic/vfio_user/msix.h"

#include <fcntl.h>
#include <unistd.h>

namespace vnic::vfio_user {

zcrx::Status Msix::Assign(std::uint32_t start, std::vector<zcrx::UniqueFd> fds) {
  if (!InTable(start, fds.size())) {
    return zcrx::Fail("assign MSI-X vectors", EINVAL,
                      fmt::format("{}+{} of {}", start, fds.size(), vectors_.size()));
  }
  for (const zcrx::UniqueFd& fd : fds) {
    // The client's own choice of file: a full pipe must not stop us.
    const int flags = ::fcntl(fd.Get(), F_GETFL);
    if (flags < 0 || ::fcntl(fd.Get(), F_SETFL, flags | O_NONBLOCK) != 0) {
      return zcrx::FailErrno("make an MSI-X eventfd non-blocking");
    }
  }
  for (zcrx::UniqueFd& fd : fds) {
    const std::uint32_t vector = start++;
    vectors_[vector].eventfd = std::move(fd);
    if (std::exchange(vectors_[vector].pending, false)) Raise(vector);
  }
  return {};
}

zcrx::Status Msix::Unassign(std::uint32_t start, std::uint32_t count) {
  if (!InTable(start, count)) {
    return zcrx::Fail("unassign MSI-X vectors", EINVAL,
                      fmt::format("{}+{} of {}", start, count, vectors_.size()));
  }
  for (Vector& vector : std::span(vectors_).subspan(start, count)) vector.eventfd.Reset();
  return {};
}

void Msix::Disable() {
  for (Vector& vector : vectors_) vector = Vector{};
}

void Msix::Raise(std::uint32_t vector) {
  if (vector >= vectors_.size()) return;
  Vector& target = vectors_[vector];
  if (!target.eventfd.Valid()) {
    target.pending = true;
    return;
  }
  const std::uint64_t one = 1;
  // EAGAIN: the counter is at its limit, so the client has long been told.
  [[maybe_unused]] const ssize_t written = ::write(target.eventfd.Get(), &one, sizeof one);
}

}  // namespace vnic::vfio_user
