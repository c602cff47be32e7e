// An ifq: zcrx registered on one receive queue, with its area, refill ring and statistics.
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
  uint32_t rx_buf_len = 0;     // bytes of each buffer given to the NIC (7.0); 0: one page
  uint32_t event_mask = 0;     // uapi::EventBit() of each type wanted (7.2); 0: none
  bool stats = false;          // 7.2
  uint64_t event_user_data = 0;
  bool nodev = false;  // no device, all data is copied (7.1); for tests of this library
};

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

  [[nodiscard]] uint32_t Id() const { return id_; }                // for sqe->zcrx_ifq_idx
  [[nodiscard]] uint32_t RxBufLen() const { return rx_buf_len_; }  // bytes, as granted
  [[nodiscard]] const Area& Memory() const { return area_; }
  [[nodiscard]] RefillRing& Refill() { return refill_; }
  // Returns the kernel's counts so far; nullopt unless IfqOptions::stats was set.
  [[nodiscard]] std::optional<uapi::zcrx_stats> Stats() const;

  // Returns the bytes of a completion. Fails with ERANGE if they are outside the area.
  [[nodiscard]] Result<std::span<const std::byte>> At(const uapi::io_uring_zcrx_cqe& cqe,
                                                      uint32_t length) const;
  // Returns the buffer of a completion to the kernel.
  void Return(const uapi::io_uring_zcrx_cqe& cqe, uint32_t length);

  // Makes the kernel take the entries on the refill ring now (6.19). An idle queue never takes them
  // by itself.
  [[nodiscard]] Status FlushRefillRing(const Ring& ring) const;
  // Rearms an event that has fired (7.2). Fails with EINVAL if it has not fired.
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
  uapi::zcrx_stats* stats_;  // written by the kernel, inside region_; null: not requested
};

// Registers zcrx with these options and closes the ring again. Fails as Ifq::Register() does. The
// memory provider leaves the queue some time after the return: wait for that before changing the
// NIC.
Status DryRun(const IfqOptions& options);

}  // namespace zcrx
