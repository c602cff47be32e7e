#include "support/zcrx/ifq.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "support/base/kill_point.h"
#include "support/base/pages.h"

namespace zcrx {
namespace {

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

std::string OperationText(const IfqOptions& options) {
  if (options.nodev) return "register zcrx without a device";
  return fmt::format(
      "register zcrx on queue {} of device {}{}", options.queue, options.ifindex,
      options.rx_buf_len == 0 ? "" : fmt::format(" (rx_buf_len {})", options.rx_buf_len));
}

// Sends `ctrl`, whose answer the kernel writes into it.
Status Control(const Ring& ring, uapi::zcrx_ctrl& ctrl, const std::string& operation) {
  const auto answer = ring.Register(uapi::IORING_REGISTER_ZCRX_CTRL, &ctrl, 0);
  if (!answer.has_value()) return Fail(operation, answer.error());
  return {};
}

}  // namespace

Ifq::Ifq(RegisteredArea area, Area region, RefillRing refill,
         const uapi::io_uring_zcrx_ifq_reg& reg, uapi::zcrx_stats* stats)
    : region_(std::move(region)),
      refill_(std::move(refill)),
      id_(reg.zcrx_id),
      rx_buf_len_(reg.rx_buf_len),
      stats_(stats) {
  areas_.push_back(std::move(area));
}

Result<Ifq> Ifq::Register(const Ring& ring, const IfqOptions& options) {
  const KillPoints points("register_zcrx");
  ZCRX_ASSIGN_OR_RETURN(Registration registration, Registration::Prepare(options));
  if (const Status sent = registration.Send(ring); !sent) {
    const int code = sent.error().code;
    return Fail(OperationText(options), code, WhyRefused(code, options));
  }
  return Accepted(ring, std::move(registration));
}

Result<Ifq> Ifq::Accepted(const Ring& ring, Registration registration) {
  const RegistrationArguments arguments = registration.Arguments();
  uapi::io_uring_zcrx_ifq_reg reg = arguments.ifq;
  // Kernels before 7.0 do not write the field.
  if (reg.rx_buf_len == 0) reg.rx_buf_len = static_cast<uint32_t>(PageBytes());
  const size_t stats_offset = registration.StatsOffset();
  Area area = registration.TakeArea();
  ZCRX_ASSIGN_OR_RETURN(Area region, registration.TakeRegion(ring));
  ZCRX_ASSIGN_OR_RETURN(RefillRing refill, RefillRing::Map(region.Bytes().first(stats_offset),
                                                           reg.offsets, reg.rq_entries));
  const bool has_stats =
      reg.event_desc != 0 && (arguments.events.flags & uapi::ZCRX_EVENT_DESC_FLAG_STATS) != 0;
  auto* stats = reinterpret_cast<uapi::zcrx_stats*>(region.Bytes().data() + stats_offset);
  return Ifq({.token = arguments.area.rq_area_token, .memory = std::move(area)}, std::move(region),
             std::move(refill), reg, has_stats ? stats : nullptr);
}

size_t Ifq::AreaBytes() const {
  size_t bytes = 0;
  for (const RegisteredArea& area : areas_) bytes += area.memory.Bytes().size();
  return bytes;
}

std::optional<uapi::zcrx_stats> Ifq::Stats() const {
  if (stats_ == nullptr) return std::nullopt;
  return uapi::zcrx_stats{
      .copy_count = std::atomic_ref(stats_->copy_count).load(std::memory_order_relaxed),
      .copy_bytes = std::atomic_ref(stats_->copy_bytes).load(std::memory_order_relaxed)};
}

Status Ifq::AddArea(const Ring& ring, const AreaOptions& options) {
  ZCRX_ASSIGN_OR_RETURN(Area area, Area::Allocate(options.bytes, options.kind));
  uapi::io_uring_zcrx_area_reg arguments = ArgumentsFor(area);
  uapi::zcrx_ctrl ctrl = {};
  ctrl.zcrx_id = id_;
  ctrl.op = uapi::ZCRX_CTRL_ADD_AREA;
  ctrl.zc_area.area_ptr = reinterpret_cast<uintptr_t>(&arguments);
  ZCRX_RETURN_IF_ERROR(Control(ring, ctrl, "add an area"));
  areas_.push_back({.token = arguments.rq_area_token, .memory = std::move(area)});
  return {};
}

Status Ifq::ContinueIn(const Ring& ring, const UniqueFd& exported) {
  ZCRX_ASSIGN_OR_RETURN(id_, ImportIfq(ring, exported));
  return {};
}

Result<std::span<const std::byte>> Ifq::At(const uapi::io_uring_zcrx_cqe& cqe,
                                           uint32_t length) const {
  const auto area =
      std::ranges::find(areas_, cqe.off & ~uapi::kAreaOffsetMask, &RegisteredArea::token);
  if (area == areas_.end()) {
    return Fail(fmt::format("find the data of a completion at 0x{:x}", cqe.off), ERANGE,
                "not in a registered area");
  }
  return area->memory.At(cqe.off & uapi::kAreaOffsetMask, length);
}

void Ifq::Return(const uapi::io_uring_zcrx_cqe& cqe, uint32_t length) {
  refill_.Return(cqe.off, length);
}

Status Ifq::FlushRefillRing(const Ring& ring, uint32_t id) {
  uapi::zcrx_ctrl ctrl = {};
  ctrl.zcrx_id = id;
  ctrl.op = uapi::ZCRX_CTRL_FLUSH_RQ;
  return Control(ring, ctrl, "flush the refill ring");
}

Status Ifq::ArmEvent(const Ring& ring, uapi::zcrx_event_type type) const {
  uapi::zcrx_ctrl ctrl = {};
  ctrl.zcrx_id = id_;
  ctrl.op = uapi::ZCRX_CTRL_ARM_EVENT;
  ctrl.zc_arm_event.event_type = type;
  Status armed = Control(ring, ctrl, fmt::format("arm zcrx event {}", static_cast<uint32_t>(type)));
  if (!armed && armed.error().code == EINVAL) {
    armed.error().detail = "it has not fired since it was last armed";
  }
  return armed;
}

Result<UniqueFd> ExportIfq(const Ring& ring, uint32_t id) {
  uapi::zcrx_ctrl ctrl = {};
  ctrl.zcrx_id = id;
  ctrl.op = uapi::ZCRX_CTRL_EXPORT;
  ZCRX_RETURN_IF_ERROR(Control(ring, ctrl, "export zcrx"));
  return UniqueFd(static_cast<int>(ctrl.zc_export.zcrx_fd));
}

Result<uint32_t> ImportIfq(const Ring& ring, const UniqueFd& exported) {
  uapi::io_uring_zcrx_ifq_reg reg = {};
  reg.flags = uapi::ZCRX_REG_IMPORT;
  reg.if_idx = static_cast<uint32_t>(exported.Get());
  const auto answer = ring.Register(uapi::IORING_REGISTER_ZCRX_IFQ, &reg, 1);
  if (!answer.has_value()) return Fail("import zcrx", answer.error());
  return reg.zcrx_id;
}

Status DryRun(const IfqOptions& options) {
  ZCRX_ASSIGN_OR_RETURN(const Ring ring, Ring::Create(1, 2));
  ZCRX_RETURN_IF_ERROR(Ifq::Register(ring, options));
  return {};
}

}  // namespace zcrx
