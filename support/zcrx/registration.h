// What IORING_REGISTER_ZCRX_IFQ takes, as a value: prepared as the kernel accepts it, and open to
// changes before it is sent.
//
// Source of the rules: io_register_zcrx() in io_uring/zcrx.c, io_create_region() in
// io_uring/memmap.c.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "support/base/result.h"
#include "support/zcrx/area.h"
#include "support/zcrx/ring.h"
#include "support/zcrx/uapi.h"

namespace zcrx {

struct AreaOptions {
  size_t bytes = size_t{32} << 20;
  AreaKind kind = AreaKind::kPages;
};

enum class RefillMemory {
  kUser,    // the application's
  kKernel,  // the kernel's, mapped from the ring
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
  bool nodev = false;  // no device, all data is copied (7.1)
  RefillMemory refill = RefillMemory::kUser;
};

// The kernel's structures, which point to each other.
struct RegistrationArguments {
  uapi::io_uring_zcrx_ifq_reg ifq = {};
  uapi::io_uring_zcrx_area_reg area = {};
  uapi::io_uring_region_desc region = {};
  uapi::zcrx_event_desc events = {};  // ifq.event_desc leads here only if they are asked for
};

class Registration {
 public:
  // Allocates the area and the region of the refill ring, and fills in the arguments. The region
  // consists of a page for the ring's header, whose layout the kernel chooses, the entries and,
  // page-aligned after them, the statistics.
  static Result<Registration> Prepare(const IfqOptions& options);

  [[nodiscard]] RegistrationArguments& Arguments() { return *arguments_; }
  [[nodiscard]] std::span<std::byte> AreaBytes() const { return area_.Bytes(); }
  // Empty with RefillMemory::kKernel.
  [[nodiscard]] std::span<std::byte> RegionBytes() const { return region_.Bytes(); }
  // Returns the offset of the statistics in the region, where the entries end at the latest.
  [[nodiscard]] size_t StatsOffset() const { return stats_offset_; }

  // Sends the arguments.
  [[nodiscard]] Status Send(const Ring& ring);

  // Return the memory, which the caller keeps as long as the registration lives. The region is
  // mapped first if it is the kernel's.
  [[nodiscard]] Area TakeArea() { return std::move(area_); }
  [[nodiscard]] Result<Area> TakeRegion(const Ring& ring);

 private:
  Registration(std::unique_ptr<RegistrationArguments> arguments, Area area, Area region,
               size_t stats_offset)
      : arguments_(std::move(arguments)),
        area_(std::move(area)),
        region_(std::move(region)),
        stats_offset_(stats_offset) {}

  std::unique_ptr<RegistrationArguments> arguments_;
  Area area_;
  Area region_;
  size_t stats_offset_;
};

// Returns the arguments for `area`, as for its registration and for ZCRX_CTRL_ADD_AREA.
uapi::io_uring_zcrx_area_reg ArgumentsFor(const Area& area);

}  // namespace zcrx
