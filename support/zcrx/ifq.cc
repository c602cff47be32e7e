#include "support/zcrx/ifq.h"

#include <algorithm>
#include <atomic>
#include <bit>

#include "support/base/kill_point.h"

namespace zcrx {
namespace {

constexpr uint32_t kMaxRqEntries = 32768;  // IO_RQ_MAX_ENTRIES in io_uring/zcrx.c

uint64_t AddressOf(const void* object) { return reinterpret_cast<uintptr_t>(object); }

size_t RoundUp(size_t bytes, size_t multiple) {
  return (bytes + multiple - 1) / multiple * multiple;
}

// Returns what an errno of registration means, because registration has no extended ack.
std::string WhyRefused(int code, const IfqOptions& options) {
  const bool events = options.event_mask != 0 || options.stats;
  switch (code) {
    case EPERM:
      return "needs CAP_NET_ADMIN in the initial user namespace";
    case ENODEV:
      return "no network device has this index";
    case EEXIST:
      return "the queue already has a memory provider, or the device has an XDP program";
    case EBUSY:
      return "the queue is in use by AF_XDP";
    case EOPNOTSUPP:
      return options.rx_buf_len != 0 ? "the driver has no queue management operations, or does not "
                                       "take rx_buf_len"
                                     : "the driver has no queue management operations or DMA "
                                       "device";
    case ENODATA:
      // page_pool_check_memory_provider() in net/core/page_pool_user.c
      return "the driver restarted the queue without taking its memory from zcrx";
    case ERANGE:
      return options.rx_buf_len != 0 ? "no such receive queue, or the area's memory is not "
                                       "contiguous in pieces of rx_buf_len"
                                     : "no such receive queue";
    case EINVAL:
      return fmt::format(
          "tcp-data-split is not enabled, hds-thresh is not 0{}{}{}",
          options.area.kind == AreaKind::kUdmabuf ? ", the kernel does not take a dmabuf" : "",
          options.rx_buf_len != 0 ? ", the driver does not take this rx_buf_len" : "",
          events ? ", or the kernel has no zcrx events" : "");
    case ENOMEM:
      return "RLIMIT_MEMLOCK is too low, or too little memory is free";
    default:
      return {};
  }
}

}  // namespace

Ifq::Ifq(Area area, Area region, RefillRing refill, const uapi::io_uring_zcrx_ifq_reg& reg,
         uint64_t token, uapi::zcrx_stats* stats)
    : area_(std::move(area)),
      region_(std::move(region)),
      refill_(std::move(refill)),
      id_(reg.zcrx_id),
      rx_buf_len_(reg.rx_buf_len),
      token_(token),
      stats_(stats) {}

Result<Ifq> Ifq::Register(const Ring& ring, const IfqOptions& options) {
  const KillPoints points("register_zcrx");
  const std::string operation =
      options.nodev
          ? "register zcrx without a device"
          : fmt::format(
                "register zcrx on queue {} of device {}{}", options.queue, options.ifindex,
                options.rx_buf_len == 0 ? "" : fmt::format(" (rx_buf_len {})", options.rx_buf_len));
  ZCRX_ASSIGN_OR_RETURN(Area area, Area::Allocate(options.area.bytes, options.area.kind));

  // The region consists of a page for the ring's header, whose layout the kernel chooses, the
  // entries and, page-aligned after them, the statistics.
  const uint32_t entries = std::bit_ceil(std::clamp(options.rq_entries, 1U, kMaxRqEntries));
  const size_t stats_offset =
      RoundUp(PageBytes() + entries * sizeof(uapi::io_uring_zcrx_rqe), PageBytes());
  ZCRX_ASSIGN_OR_RETURN(Area region, Area::Allocate(stats_offset + PageBytes()));

  uapi::io_uring_zcrx_area_reg area_reg = {};
  area_reg.len = area.Bytes().size();
  if (area.Dmabuf().Valid()) {
    area_reg.flags = uapi::IORING_ZCRX_AREA_DMABUF;
    area_reg.dmabuf_fd = static_cast<uint32_t>(area.Dmabuf().Get());
  } else {
    area_reg.addr = AddressOf(area.Bytes().data());
  }
  uapi::io_uring_region_desc region_desc = {};
  region_desc.user_addr = AddressOf(region.Bytes().data());
  region_desc.size = region.Bytes().size();
  region_desc.flags = uapi::IORING_MEM_REGION_TYPE_USER;
  uapi::zcrx_event_desc events = {};
  events.user_data = options.event_user_data;
  events.type_mask = options.event_mask;
  events.flags = options.stats ? uapi::ZCRX_EVENT_DESC_FLAG_STATS : 0;
  events.stats_offset = options.stats ? stats_offset : 0;

  uapi::io_uring_zcrx_ifq_reg reg = {};
  reg.if_idx = options.ifindex;
  reg.if_rxq = options.queue;
  reg.rq_entries = entries;
  reg.flags = options.nodev ? uapi::ZCRX_REG_NODEV : 0;
  reg.area_ptr = AddressOf(&area_reg);
  reg.region_ptr = AddressOf(&region_desc);
  reg.rx_buf_len = options.rx_buf_len;
  // Kernels before 7.2 refuse this pointer, so it is set only if needed.
  if (options.event_mask != 0 || options.stats) reg.event_desc = AddressOf(&events);

  const auto answer = ring.Register(uapi::IORING_REGISTER_ZCRX_IFQ, &reg, 1);
  if (!answer.has_value()) {
    return Fail(operation, answer.error(), WhyRefused(answer.error(), options));
  }
  auto refill = RefillRing::Map(region.Bytes().first(stats_offset), reg.offsets, reg.rq_entries);
  if (!refill.has_value()) {
    return Fail(operation, refill.error().code, refill.error().Text());
  }
  // Kernels before 7.0 do not write the field.
  if (reg.rx_buf_len == 0) reg.rx_buf_len = static_cast<uint32_t>(PageBytes());
  auto* stats = reinterpret_cast<uapi::zcrx_stats*>(region.Bytes().data() + stats_offset);
  return Ifq(std::move(area), std::move(region), *std::move(refill), reg, area_reg.rq_area_token,
             options.stats ? stats : nullptr);
}

std::optional<uapi::zcrx_stats> Ifq::Stats() const {
  if (stats_ == nullptr) return std::nullopt;
  return uapi::zcrx_stats{
      .copy_count = std::atomic_ref(stats_->copy_count).load(std::memory_order_relaxed),
      .copy_bytes = std::atomic_ref(stats_->copy_bytes).load(std::memory_order_relaxed)};
}

Result<std::span<const std::byte>> Ifq::At(const uapi::io_uring_zcrx_cqe& cqe,
                                           uint32_t length) const {
  if ((cqe.off & ~uapi::kAreaOffsetMask) != token_) {
    return Fail(fmt::format("find the data of a completion at 0x{:x}", cqe.off), ERANGE,
                "not in the registered area");
  }
  return area_.At(cqe.off & uapi::kAreaOffsetMask, length);
}

void Ifq::Return(const uapi::io_uring_zcrx_cqe& cqe, uint32_t length) {
  refill_.Return((cqe.off & uapi::kAreaOffsetMask) | token_, length);
}

Status Ifq::FlushRefillRing(const Ring& ring) const {
  uapi::zcrx_ctrl ctrl = {};
  ctrl.zcrx_id = id_;
  ctrl.op = uapi::ZCRX_CTRL_FLUSH_RQ;
  const auto answer = ring.Register(uapi::IORING_REGISTER_ZCRX_CTRL, &ctrl, 0);
  if (!answer.has_value()) return Fail("flush the refill ring", answer.error());
  return {};
}

Status Ifq::ArmEvent(const Ring& ring, uapi::zcrx_event_type type) const {
  uapi::zcrx_ctrl ctrl = {};
  ctrl.zcrx_id = id_;
  ctrl.op = uapi::ZCRX_CTRL_ARM_EVENT;
  ctrl.zc_arm_event.event_type = type;
  const auto answer = ring.Register(uapi::IORING_REGISTER_ZCRX_CTRL, &ctrl, 0);
  if (!answer.has_value()) {
    return Fail(fmt::format("arm zcrx event {}", static_cast<uint32_t>(type)), answer.error(),
                answer.error() == EINVAL ? "it has not fired since it was last armed" : "");
  }
  return {};
}

Status DryRun(const IfqOptions& options) {
  ZCRX_ASSIGN_OR_RETURN(const Ring ring, Ring::Create(1, 2));
  ZCRX_RETURN_IF_ERROR(Ifq::Register(ring, options));
  return {};
}

}  // namespace zcrx
