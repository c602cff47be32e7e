#include "support/zcrx/registration.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "support/base/pages.h"

namespace zcrx {
namespace {

constexpr uint32_t kMaxRqEntries = 32768;  // IO_RQ_MAX_ENTRIES in io_uring/zcrx.c

size_t RoundUp(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

uint64_t AddressOf(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

}  // namespace

uapi::io_uring_zcrx_area_reg ArgumentsFor(const Area& area) {
  uapi::io_uring_zcrx_area_reg arguments = {};
  arguments.len = area.Bytes().size();
  if (area.Dmabuf().Valid()) {
    arguments.flags = uapi::IORING_ZCRX_AREA_DMABUF;
    arguments.dmabuf_fd = static_cast<uint32_t>(area.Dmabuf().Get());
  } else {
    arguments.addr = AddressOf(area.Bytes().data());
  }
  return arguments;
}

Result<Registration> Registration::Prepare(const IfqOptions& options) {
  ZCRX_ASSIGN_OR_RETURN(Area area, Area::Allocate(options.area.bytes, options.area.kind));
  const uint32_t entries = std::bit_ceil(std::clamp(options.rq_entries, 1U, kMaxRqEntries));
  const size_t stats_offset =
      RoundUp(PageBytes() + entries * sizeof(uapi::io_uring_zcrx_rqe), PageBytes());
  const size_t region_bytes = stats_offset + PageBytes();

  auto arguments = std::make_unique<RegistrationArguments>();
  arguments->area = ArgumentsFor(area);
  arguments->region.size = region_bytes;
  Area region;
  if (options.refill == RefillMemory::kUser) {
    ZCRX_ASSIGN_OR_RETURN(region, Area::Allocate(region_bytes));
    arguments->region.user_addr = AddressOf(region.Bytes().data());
    arguments->region.flags = uapi::IORING_MEM_REGION_TYPE_USER;
  }
  arguments->events.user_data = options.event_user_data;
  arguments->events.type_mask = options.event_mask;
  if (options.stats) {
    arguments->events.flags = uapi::ZCRX_EVENT_DESC_FLAG_STATS;
    arguments->events.stats_offset = stats_offset;
  }
  uapi::io_uring_zcrx_ifq_reg& ifq = arguments->ifq;
  ifq.if_idx = options.ifindex;
  ifq.if_rxq = options.queue;
  ifq.rq_entries = options.rq_entries;
  ifq.flags = options.nodev ? uapi::ZCRX_REG_NODEV : 0;
  ifq.area_ptr = AddressOf(&arguments->area);
  ifq.region_ptr = AddressOf(&arguments->region);
  ifq.rx_buf_len = options.rx_buf_len;
  // Kernels before 7.2 refuse this pointer, so it is set only if needed.
  if (options.event_mask != 0 || options.stats) ifq.event_desc = AddressOf(&arguments->events);
  return Registration(std::move(arguments), std::move(area), std::move(region), stats_offset);
}

Status Registration::Send(const Ring& ring) {
  const auto answer = ring.Register(uapi::IORING_REGISTER_ZCRX_IFQ, &arguments_->ifq, 1);
  if (!answer.has_value()) return Fail("register zcrx", answer.error());
  return {};
}

Result<Area> Registration::TakeRegion(const Ring& ring) {
  if (!region_.Bytes().empty()) return std::move(region_);
  return Area::MapRing(ring.Fd(), arguments_->region.mmap_offset, arguments_->region.size);
}

}  // namespace zcrx
