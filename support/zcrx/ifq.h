// zcrx on one receive queue: the registration, its area, its refill ring, its statistics.
//
// Source of the rules: io_register_zcrx() in io_uring/zcrx.c and netif_mp_open_rxq() in
// net/core/netdev_rx_queue.c.
#pragma once

#include <cstdint>
#include <optional>

#include "support/base/result.h"
#include "support/zcrx/area.h"
#include "support/zcrx/refill_ring.h"
#include "support/zcrx/ring.h"
#include "support/zcrx/uapi.h"

namespace zcrx {

struct AreaOptions {
  size_t bytes = size_t{32} << 20;
  AreaKind kind = AreaKind::kPages;
};

struct IfqOptions {
  unsigned ifindex = 0;
  unsigned queue = 0;
  AreaOptions area;
  uint32_t rq_entries = 4096;  // rounded up to a power of two, at most 32768
  uint32_t rx_buf_len = 0;     // bytes the NIC gets at a time; 0: a page, and kernels before 7.0
  uint32_t event_mask = 0;     // uapi::EventBit() of each type wanted; not 0: 7.2
  bool stats = false;          // 7.2
  uint64_t event_user_data = 0;
  bool nodev = false;  // no device, all data is copied: for tests of this library; 7.1
};

class Ifq {
 public:
  // The error names the device and queue; its detail says what the errno means here. EEXIST: the
  // queue has a memory provider; EINVAL: header split is off, or hds-thresh is not 0;
  // EOPNOTSUPP: the driver cannot (queue management, or rx_buf_len); ENODATA: it can, and does not
  // use the memory; ERANGE: no such queue, or the area is not contiguous enough for rx_buf_len;
  // EPERM: no CAP_NET_ADMIN.
  static Result<Ifq> Register(const Ring& ring, const IfqOptions& options);

  [[nodiscard]] uint32_t Id() const { return id_; }                // for sqe->zcrx_ifq_idx
  [[nodiscard]] uint32_t RxBufLen() const { return rx_buf_len_; }  // as granted, bytes
  [[nodiscard]] const Area& Memory() const { return area_; }
  [[nodiscard]] RefillRing& Refill() { return refill_; }
  // What the kernel has counted so far; nothing when it was not asked to.
  [[nodiscard]] std::optional<uapi::zcrx_stats> Stats() const;

  // The bytes a completion speaks of; an error when they lie outside the area.
  [[nodiscard]] Result<std::span<const std::byte>> At(const uapi::io_uring_zcrx_cqe& cqe,
                                                      uint32_t length) const;
  // Gives them back.
  void Return(const uapi::io_uring_zcrx_cqe& cqe, uint32_t length);

  // Has the kernel take what stands on the refill ring now (6.19): an idle queue never would.
  [[nodiscard]] Status FlushRefillRing(const Ring& ring) const;
  // Lets an event that has fired fire again; EINVAL when it has not fired (7.2).
  [[nodiscard]] Status ArmEvent(const Ring& ring, uapi::zcrx_event_type type) const;

 private:
  Ifq(Area area, Area region, RefillRing refill, const uapi::io_uring_zcrx_ifq_reg& reg,
      uint64_t token, uapi::zcrx_stats* stats);

  Area area_;
  Area region_;
  RefillRing refill_;
  uint32_t id_;
  uint32_t rx_buf_len_;
  uint64_t token_;
  uapi::zcrx_stats* stats_;  // written by the kernel, inside region_; null: not asked for
};

// Registers and at once lets go: whether NIC and kernel would take these options. The provider
// leaves the queue some time after the return; wait for that before touching the NIC.
Status DryRun(const IfqOptions& options);

}  // namespace zcrx
