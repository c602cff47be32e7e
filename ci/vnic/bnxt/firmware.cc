#include "ci/vnic/bnxt/firmware.h"

#include <fmt/format.h>

#include <cerrno>

#include "ci/vnic/device/receive_queue.h"

namespace vnic::bnxt {
namespace {

zcrx::Result<Reply> Unknown() { return zcrx::Fail("find the command", ENOSYS); }

zcrx::Result<Reply> Plain(const zcrx::Status& status) {
  if (!status) return std::unexpected(status.error());
  return PlainReply();
}

template <typename T>
zcrx::Result<Reply> Number(const zcrx::Result<T>& number) {
  if (!number) return std::unexpected(number.error());
  return NumberOf(*number);
}

zcrx::Result<Reply> Filter(const zcrx::Result<std::uint64_t>& filter) {
  if (!filter) return std::unexpected(filter.error());
  FilterReply reply{};
  reply.filter = *filter;
  return ReplyOf(reply);
}

zcrx::Result<Reply> Freed(bool found, std::string_view what, std::uint32_t id) {
  if (!found) return zcrx::Fail(fmt::format("free {} {}", what, id), EINVAL);
  return PlainReply();
}

Reply QueuePort() {
  QueuePortReply reply{};
  reply.max_queues = 1;  // one class of service
  return ReplyOf(reply);
}

Reply PhyCaps() {
  PhyCapsReply reply{};
  reply.ports = 1;
  return ReplyOf(reply);
}

Reply VnicCaps() {
  VnicCapsReply reply{};
  reply.mru = kMaxMtu;
  reply.flags = kRxRingFlush;
  reply.max_coalesced = 64;
  return ReplyOf(reply);
}

}  // namespace

void Firmware::Reset() {
  function_.Reset();
  vnics_.Clear();
  rings_.Clear();
}

zcrx::Result<Reply> Firmware::Execute(const Command& command) {
  const auto type = static_cast<std::uint32_t>(command.type);
  const bool at_restart = command.type == CommandType::kVnicUpdate || vnics_.InRestart();
  if (slot_.faults.BitesCommand(Fault::kCommandUnanswered, type, at_restart)) {
    return zcrx::Fail("answer", ETIMEDOUT);
  }
  if (slot_.faults.BitesCommand(Fault::kCommandRefused, type, at_restart)) {
    return zcrx::Fail("do as asked", EIO);
  }
  return Obey(command);
}

// Each group answers ENOSYS to the commands of the others.
zcrx::Result<Reply> Firmware::Obey(const Command& command) {
  auto reply = ExecuteOnFunction(command);
  if (!reply && reply.error().code == ENOSYS) reply = ExecuteOnRings(command);
  if (!reply && reply.error().code == ENOSYS) reply = ExecuteOnVnics(command);
  if (!reply && reply.error().code == ENOSYS) reply = ExecuteOnFilters(command);
  return reply;
}

zcrx::Result<Reply> Firmware::ExecuteOnFunction(const Command& command) {
  switch (command.type) {
    case CommandType::kVersionGet:
      return VersionOf();
    case CommandType::kFuncReset:
      Reset();
      return PlainReply();
    case CommandType::kFuncQueryCaps:
      return function_.Caps();
    case CommandType::kFuncResourceQueryCaps:
      return function_.ResourceCaps();
    case CommandType::kFuncQueryConfig:
      return function_.Config();
    case CommandType::kFuncConfig:
      return Plain(function_.Configure(command.As<FuncConfigRequest>()));
    case CommandType::kPortPhyQueryConfig:
      return function_.PhyConfig();
    case CommandType::kPortPhyQueryCaps:
      return PhyCaps();
    case CommandType::kQueueQueryPortConfig:
      return QueuePort();
    case CommandType::kFlowQueryCaps:
      return NumberOf(kFlowRingTable | kFlowAnyProtocol);
    case CommandType::kVnicQueryCaps:
      return VnicCaps();
    case CommandType::kNvmGetDeviceInfo:
      return ReplyOf(NvmInfoReply{});
    // Nothing to do, and nothing to say but that it is done.
    case CommandType::kFuncDriverRegister:
    case CommandType::kFuncDriverUnregister:
    case CommandType::kFirmwareSetTime:
    case CommandType::kPortPhyConfig:
    case CommandType::kPortQueryStats:
    case CommandType::kPortLedQueryCaps:
    case CommandType::kRingInterruptParameters:
      return PlainReply();
    default:
      return Unknown();
  }
}

zcrx::Result<Reply> Firmware::ExecuteOnRings(const Command& command) {
  switch (command.type) {
    case CommandType::kRingAlloc:
      return Number(AllocateRing(command.As<RingAllocRequest>()));
    case CommandType::kRingFree: {
      const std::uint16_t id = command.As<RingFreeRequest>().ring;
      return Freed(rings_.Free(id), "ring", id);
    }
    case CommandType::kStatContextAlloc:
      return Number(rings_.AllocateStatistics(command.As<StatContextAllocRequest>().address));
    case CommandType::kStatContextFree: {
      const std::uint32_t id = command.As<NumberRequest>().number;
      return Freed(rings_.FreeStatistics(id), "statistics context", id);
    }
    default:
      return Unknown();
  }
}

zcrx::Result<std::uint16_t> Firmware::AllocateRing(const RingAllocRequest& request) {
  auto id = rings_.Allocate(request);
  if (!id || request.type != RingType::kRx) return id;
  const auto other = rings_.NeighbourOf(*id);
  CountStart(slot_, rings_.Find<RxRing>(*id)->scars, true, other ? &other->scars : nullptr,
             vnics_.InRestart());
  return id;
}

zcrx::Result<Reply> Firmware::ExecuteOnVnics(const Command& command) {
  switch (command.type) {
    case CommandType::kVnicAlloc:
      return Number(vnics_.Allocate((command.As<VnicAllocRequest>().flags & kVnicDefault) != 0));
    case CommandType::kVnicFree:
      return Plain(vnics_.Free(command.As<NumberRequest>().number));
    case CommandType::kVnicConfig:
      return Plain(vnics_.Configure(command.As<VnicConfigRequest>()));
    case CommandType::kVnicUpdate:
      return Plain(vnics_.Update(command.As<VnicUpdateRequest>()));
    case CommandType::kVnicRssConfig:
      return Plain(vnics_.ConfigureRss(command.As<VnicRssRequest>()));
    case CommandType::kVnicPlacementConfig:
      return Plain(vnics_.ConfigurePlacement(command.As<VnicPlacementRequest>()));
    case CommandType::kVnicCoalesceConfig:
      return Plain(vnics_.ConfigureCoalescing(command.As<VnicCoalesceRequest>()));
    case CommandType::kRssContextAlloc:
      return Number(vnics_.AllocateRssContext());
    case CommandType::kRssContextFree:
      return Plain(vnics_.FreeRssContext(
          static_cast<std::uint16_t>(command.As<NumberRequest>().number & 0xffffU)));
    default:
      return Unknown();
  }
}

zcrx::Result<Reply> Firmware::ExecuteOnFilters(const Command& command) {
  switch (command.type) {
    case CommandType::kL2FilterAlloc:
      return Filter(vnics_.AddL2Filter(command.As<L2FilterAllocRequest>()));
    case CommandType::kL2FilterFree:
      return Plain(vnics_.RemoveL2Filter(command.As<FilterFreeRequest>().filter));
    case CommandType::kL2SetRxMask:
      return Plain(vnics_.SetRxMask(command.As<RxMaskRequest>()));
    case CommandType::kFlowFilterAlloc:
      return Filter(vnics_.AddFlow(command.As<FlowFilterAllocRequest>()));
    case CommandType::kFlowFilterFree:
      return Plain(vnics_.RemoveFlow(command.As<FilterFreeRequest>().filter));
    default:
      return Unknown();
  }
}

void Firmware::PostLinkEvent() const {
  const auto queue = rings_.Find<NotificationQueue>(function_.AsyncRing());
  if (!queue) return;
  // Event number 0 in the upper half: the link status has changed.
  queue->Post({.type_flags_length = static_cast<std::uint32_t>(CompletionType::kAsyncEvent),
               .opaque = 0,
               .phase_and_more = 0,
               .last = 0});
}

void Firmware::PostDone(std::uint16_t ring, std::uint16_t sequence) const {
  const Completion done{
      .type_flags_length = static_cast<std::uint32_t>(CompletionType::kCommandDone) |
                           static_cast<std::uint32_t>(sequence) << 16U,
      .opaque = 0,
      .phase_and_more = 0,
      .last = 0};
  const auto queue = rings_.Find<CompletionQueue>(ring);
  if (!queue || !queue->Post({&done, 1})) {
    slot_.log.Refused("bnxt: completion queue {} does not take the end of a command", ring);
  }
}

}  // namespace vnic::bnxt
