#include "ci/vnic/vfio_user/session.h"

#include <chrono>
#include <cstring>
#include <string_view>

#include "ci/vnic/base/endian.h"
#include "support/base/deadline.h"

namespace vnic::vfio_user {
namespace {

constexpr int kMessagesPerRound = 64;
constexpr std::chrono::milliseconds kRound{10};  // some messages set off much work

template <typename T>
zcrx::Result<T> Parse(std::string_view operation, const std::vector<std::uint8_t>& body) {
  if (body.size() < sizeof(T)) {
    return zcrx::Fail(std::string(operation), EINVAL,
                      fmt::format("{} bytes of {}", body.size(), sizeof(T)));
  }
  return LoadAt<T>(body);
}

template <typename T>
std::vector<std::uint8_t> BodyOf(const T& value, std::size_t extra = 0) {
  std::vector<std::uint8_t> body(sizeof(T) + extra);
  StoreAt(body, 0, value);
  return body;
}

}  // namespace

zcrx::Status Session::OnReadable() {
  const auto round = zcrx::Deadline::In(kRound);
  for (int i = 0; i < kMessagesPerRound; ++i) {
    ZCRX_ASSIGN_OR_RETURN(std::optional<Message> message, channel_.Receive());
    if (!message) return {};
    ZCRX_RETURN_IF_ERROR(Answer(std::move(*message)));
    if (round.Expired()) break;
  }
  return {};
}

zcrx::Status Session::Answer(Message message) {
  const Header header = message.header;
  if ((header.flags & kTypeMask) != kTypeCommand) {
    return zcrx::Fail("answer a vfio-user message", EBADMSG, "a reply, but nothing was asked");
  }
  const zcrx::Result<Body> answer = Handle(message);
  if (!answer) log_.Refused("vfio-user: {}", answer.error().Text());
  if ((header.flags & kFlagNoReply) != 0) return {};
  if (answer) return channel_.Reply(header, *answer);
  return channel_.ReplyError(header, answer.error().code != 0 ? answer.error().code : EINVAL);
}

zcrx::Result<Session::Body> Session::Handle(Message& message) {
  const auto command = static_cast<Command>(message.header.command);
  const std::string operation = fmt::format("vfio-user command {}", message.header.command);
  const bool takes_fds = command == Command::kDmaMap || command == Command::kDeviceSetIrqs;
  if (!message.fds.empty() && !takes_fds) {
    return zcrx::Fail(operation, EINVAL, "comes with file descriptors and takes none");
  }
  if (!negotiated_ && command != Command::kVersion) {
    return zcrx::Fail(operation, EPROTO, "before the version was agreed");
  }
  switch (command) {
    case Command::kVersion:
      return NegotiateVersion(message.body);
    case Command::kDmaMap:
      return MapDma(message);
    case Command::kDmaUnmap:
      return UnmapDma(message.body);
    case Command::kDeviceGetInfo:
      return BodyOf(DeviceInfo{.argsz = sizeof(DeviceInfo),
                               .flags = kDeviceReset | kDevicePci,
                               .regions = kRegions,
                               .irqs = kIrqs});
    case Command::kDeviceGetRegionInfo:
      return DescribeRegion(message.body);
    case Command::kDeviceGetIrqInfo:
      return DescribeIrq(message.body);
    case Command::kDeviceSetIrqs:
      return SetIrqs(message);
    case Command::kRegionRead:
      return ReadRegion(message.body);
    case Command::kRegionWrite:
      return WriteRegion(message.body);
    case Command::kDeviceReset:
      return ResetDevice();
    // Memory is mapped, so the first is never needed; the other two are the server's to send.
    case Command::kDeviceGetRegionIoFds:
    case Command::kDmaRead:
    case Command::kDmaWrite:
      break;
  }
  return zcrx::Fail(operation, ENOTSUP, "not offered");
}

zcrx::Result<Session::Body> Session::NegotiateVersion(const Body& body) {
  ZCRX_ASSIGN_OR_RETURN(const Version version, Parse<Version>("agree on a version", body));
  if (version.major != kMajor) {
    return zcrx::Fail("agree on a version", EINVAL, fmt::format("major {}", version.major));
  }
  const std::string capabilities = fmt::format(
      R"({{"capabilities":{{"max_msg_fds":{},"max_data_xfer_size":{}}}}})", kMaxFds, kMaxTransfer);
  Body reply = BodyOf(Version{.major = kMajor, .minor = 0}, capabilities.size() + 1);
  std::memcpy(reply.data() + sizeof(Version), capabilities.data(), capabilities.size());
  negotiated_ = true;
  return reply;
}

zcrx::Result<Session::Body> Session::MapDma(const Message& message) {
  ZCRX_ASSIGN_OR_RETURN(const DmaMap request, Parse<DmaMap>("map guest memory", message.body));
  // Firmware's ROM comes without a file: the device has no business there.
  if (message.fds.empty()) return Body{};
  if (message.fds.size() > 1) {
    return zcrx::Fail("map guest memory", EINVAL, "comes with more than one file");
  }
  ZCRX_RETURN_IF_ERROR(memory_.Map(
      request.address, request.size, message.fds.front(), request.offset,
      {.read = (request.flags & kDmaMapRead) != 0, .write = (request.flags & kDmaMapWrite) != 0}));
  return Body{};
}

zcrx::Result<Session::Body> Session::UnmapDma(const Body& body) {
  ZCRX_ASSIGN_OR_RETURN(const DmaUnmap request, Parse<DmaUnmap>("unmap guest memory", body));
  if ((request.flags & kDmaUnmapAll) != 0) {
    memory_.Clear();
  } else {
    ZCRX_RETURN_IF_ERROR(memory_.Unmap(request.address, request.size));
  }
  return BodyOf(request);
}

std::uint64_t Session::RegionSize(std::uint32_t region) const {
  if (region == kRegionConfig) return PciConfig::kSize;
  const auto& bars = identity_.bars;
  return region < bars.size() ? bars[region].size : 0;
}

zcrx::Result<Session::Body> Session::DescribeRegion(const Body& body) const {
  ZCRX_ASSIGN_OR_RETURN(const RegionInfo request, Parse<RegionInfo>("describe a region", body));
  if (request.index >= kRegions) {
    return zcrx::Fail("describe a region", EINVAL, fmt::format("region {}", request.index));
  }
  const std::uint64_t size = RegionSize(request.index);
  return BodyOf(RegionInfo{.argsz = sizeof(RegionInfo),
                           .flags = size > 0 ? kRegionReadable | kRegionWritable : 0,
                           .index = request.index,
                           .size = size});
}

zcrx::Result<Session::Body> Session::DescribeIrq(const Body& body) const {
  ZCRX_ASSIGN_OR_RETURN(const IrqInfo request, Parse<IrqInfo>("describe an interrupt", body));
  if (request.index >= kIrqs) {
    return zcrx::Fail("describe an interrupt", EINVAL, fmt::format("index {}", request.index));
  }
  const bool msix = request.index == kIrqMsix;
  return BodyOf(IrqInfo{.argsz = sizeof(IrqInfo),
                        .flags = msix ? kIrqEventfd | kIrqNoResize : 0,
                        .index = request.index,
                        .count = msix ? msix_.Vectors() : 0});
}

zcrx::Result<Session::Body> Session::SetIrqs(Message& message) {
  const std::string operation = "set interrupts";
  ZCRX_ASSIGN_OR_RETURN(const IrqSet request, Parse<IrqSet>(operation, message.body));
  if (request.index != kIrqMsix) {
    return zcrx::Fail(operation, EINVAL, fmt::format("index {} has none", request.index));
  }
  if (request.flags == (kIrqSetDataNone | kIrqSetActionTrigger) && message.fds.empty() &&
      request.count == 0) {
    msix_.Disable();
    return Body{};
  }
  if (request.flags != (kIrqSetDataEventfd | kIrqSetActionTrigger)) {
    return zcrx::Fail(operation, EINVAL, fmt::format("flags {:#x}", request.flags));
  }
  // Without descriptors the vectors lose theirs.
  if (message.fds.empty()) {
    ZCRX_RETURN_IF_ERROR(msix_.Unassign(request.start, request.count));
    return Body{};
  }
  if (message.fds.size() != request.count) {
    return zcrx::Fail(
        operation, EINVAL,
        fmt::format("{} descriptors for {} vectors", message.fds.size(), request.count));
  }
  ZCRX_RETURN_IF_ERROR(msix_.Assign(request.start, std::move(message.fds)));
  return Body{};
}

zcrx::Result<Session::Body> Session::ReadRegion(const Body& body) {
  const std::string operation = "read a region";
  ZCRX_ASSIGN_OR_RETURN(const RegionAccess request, Parse<RegionAccess>(operation, body));
  const std::uint64_t size = RegionSize(request.region);
  if (request.count > kMaxTransfer || request.offset > size ||
      request.count > size - request.offset) {
    return zcrx::Fail(
        operation, EINVAL,
        fmt::format("region {} at {:#x}+{}", request.region, request.offset, request.count));
  }
  Body reply = BodyOf(request, request.count);
  const auto data = std::span(reply).subspan(sizeof(RegionAccess));
  if (request.region == kRegionConfig) {
    config_.Read(request.offset, data);
  } else {
    nic_.ReadBar(request.region, request.offset, data);
  }
  return reply;
}

zcrx::Result<Session::Body> Session::WriteRegion(const Body& body) {
  const std::string operation = "write a region";
  ZCRX_ASSIGN_OR_RETURN(const RegionAccess request, Parse<RegionAccess>(operation, body));
  const auto data = std::span(body).subspan(sizeof(RegionAccess));
  const std::uint64_t size = RegionSize(request.region);
  if (data.size() != request.count || request.offset > size ||
      request.count > size - request.offset) {
    return zcrx::Fail(operation, EINVAL,
                      fmt::format("region {} at {:#x}+{}, {} bytes of data", request.region,
                                  request.offset, request.count, data.size()));
  }
  if (request.region == kRegionConfig) {
    if (config_.Write(request.offset, data)) ResetFunction();
  } else {
    nic_.WriteBar(request.region, request.offset, data);
  }
  return BodyOf(request);
}

zcrx::Result<Session::Body> Session::ResetDevice() {
  ResetFunction();
  msix_.Disable();
  return Body{};
}

// The client takes the eventfds away, and gives others, as the guest sets MSI-X up anew.
void Session::ResetFunction() {
  log_.Info("the function is reset");
  nic_.Reset();
  config_ = PciConfig(identity_);
}

}  // namespace vnic::vfio_user
