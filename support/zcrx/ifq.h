// An ifq: zcrx registered on one receive queue, with its areas, refill ring and statistics.
//
// Source of the rules: io_register_zcrx() in io_uring/zcrx.c and netif_mp_open_rxq() in
// net/core/netdev_rx_queue.c.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "support/base/result.h"
#include "support/base/unique_fd.h"
#include "support/zcrx/area.h"
#include "support/zcrx/refill_ring.h"
#include "support/zcrx/registration.h"
#include "support/zcrx/ring.h"
#include "support/zcrx/uapi.h"

namespace zcrx {

class Ifq {
 public:
  // Registers zcrx on a queue. The error names device and queue, and its detail explains the errno:
  //   EEXIST      the queue already has a memory provider
  //   EINVAL      header split is off, or hds-thresh is not 0
  //   EOPNOTSUPP  the driver lacks queue management or does not take rx_buf_len
  //   ENODATA     the driver restarted the queue without taking its memory from zcrx
  //   ERANGE      no such queue, or the area is not contiguous in pieces of rx_buf_len
  //   EPERM       no CAP_NET_ADMIN
  static Result<Ifq> Register(const Ring& ring, const IfqOptions& options);
  // Completes a registration that the kernel has accepted from `ring`.
  static Result<Ifq> Accepted(const Ring& ring, Registration registration);

  [[nodiscard]] uint32_t Id() const { return id_; }                // for sqe->zcrx_ifq_idx
  [[nodiscard]] uint32_t RxBufLen() const { return rx_buf_len_; }  // bytes, as granted
  [[nodiscard]] size_t AreaBytes() const;                          // of all areas
  [[nodiscard]] RefillRing& Refill() { return refill_; }
  // Returns the kernel's counts so far; nullopt unless IfqOptions::stats was set.
  [[nodiscard]] std::optional<uapi::zcrx_stats> Stats() const;

  // Adds an area (7.3), from which the kernel takes buffers when it finds the ones before it empty.
  // Fails with EINVAL for a dmabuf beside pages, or the other way round, and beyond 1024 areas;
  // with EFAULT if the device has gone.
  Status AddArea(const Ring& ring, const AreaOptions& options);

  // Has the number that `ring` gives to what ExportIfq() returned, from now on.
  Status ContinueIn(const Ring& ring, const UniqueFd& exported);

  // Returns the bytes of a completion. Fails with ERANGE if they are outside the areas.
  [[nodiscard]] Result<std::span<const std::byte>> At(const uapi::io_uring_zcrx_cqe& cqe,
                                                      uint32_t length) const;
  // Returns the buffer of a completion to the kernel.
  void Return(const uapi::io_uring_zcrx_cqe& cqe, uint32_t length);

  // Makes the kernel take the entries on the refill ring now (6.19). An idle queue never takes them
  // by itself.
  [[nodiscard]] Status FlushRefillRing(const Ring& ring) const {
    return FlushRefillRing(ring, id_);
  }
  // By a ring that has imported it, where it has another number.
  [[nodiscard]] static Status FlushRefillRing(const Ring& ring, uint32_t id);
  // Rearms an event that has fired (7.2). Fails with EINVAL if it has not fired.
  [[nodiscard]] Status ArmEvent(const Ring& ring, uapi::zcrx_event_type type) const;

 private:
  struct RegisteredArea {
    uint64_t token;  // the area's number, where completions and refill entries have it
    Area memory;
  };
  Ifq(RegisteredArea area, Area region, RefillRing refill, const uapi::io_uring_zcrx_ifq_reg& reg,
      uapi::zcrx_stats* stats);

  std::vector<RegisteredArea> areas_;
  Area region_;
  RefillRing refill_;
  uint32_t id_;
  uint32_t rx_buf_len_;
  uapi::zcrx_stats* stats_;  // written by the kernel, inside region_; null: not requested
};

// Makes a registration of `ring` a file, which keeps it alive and can be passed on (6.19).
Result<UniqueFd> ExportIfq(const Ring& ring, uint32_t id);
// Gives a registration to another ring, which then receives into the same areas. Returns its number
// there. The refill ring stays where it is.
Result<uint32_t> ImportIfq(const Ring& ring, const UniqueFd& exported);

// Registers zcrx with these options and closes the ring again. Fails as Ifq::Register() does. The
// memory provider leaves the queue some time after the return: wait for that before changing the
// NIC.
Status DryRun(const IfqOptions& options);

}  // namespace zcrx
