#include "ci/vnic/bnxt/command_port.h"

#include <cerrno>

namespace vnic::bnxt {
namespace {

CommandError ErrorOf(int code) {
  switch (code) {
    case ENOSYS:
      return CommandError::kUnknown;
    case EIO:
      return CommandError::kFail;
    case ENOSPC:
      return CommandError::kResourceAllocation;
    default:
      return CommandError::kInvalidParameters;
  }
}

}  // namespace

void CommandPort::Write(std::uint64_t offset, std::span<const std::uint8_t> data) {
  std::ranges::copy(data, std::span(window_).subspan(offset, data.size()).begin());
}

void CommandPort::Trigger() {
  const auto request = LoadAt<ShortRequest>(window_);
  // A request that stands in the window itself has its completion ring in this place.
  if (request.signature != kShortSignature) return Run(window_);
  const std::size_t size = request.size;
  if (size < sizeof(RequestHeader) || size > kMaxRequest) {
    return slot_.log.Refused("bnxt: command {:#x} of {} bytes", std::uint16_t{request.type}, size);
  }
  const auto bytes = slot_.memory.Readable(request.address, size);
  if (bytes.empty()) {
    return slot_.log.Refused("bnxt: command {:#x} at {:#x} is not in memory",
                             std::uint16_t{request.type}, std::uint64_t{request.address});
  }
  // A copy: the guest can write to its memory meanwhile.
  Run(std::vector<std::uint8_t>(bytes.begin(), bytes.end()));
}

void CommandPort::Run(std::span<const std::uint8_t> request) {
  const auto header = LoadAt<RequestHeader>(request);
  const std::uint16_t type = header.type;
  auto reply = execute_({.type = static_cast<CommandType>(type), .bytes = request});
  if (!reply && reply.error().code == ETIMEDOUT) return;
  bool answered = false;
  if (reply) {
    answered = Answer(header, std::move(*reply), CommandError::kNone);
  } else if (reply.error().code == ENOSYS) {
    slot_.log.Info("bnxt: command {:#x} is not supported", type);
    answered = Answer(header, PlainReply(), CommandError::kUnknown);
  } else {
    slot_.log.Refused("bnxt: command {:#x}: {}", type, reply.error().Text());
    answered = Answer(header, PlainReply(), ErrorOf(reply.error().code));
  }
  if (!answered) {
    return slot_.log.Refused("bnxt: command {:#x}: no reply can be written to {:#x}", type,
                             std::uint64_t{header.reply_address});
  }
  if (header.completion_ring != kNoCompletionRing) done_(header.completion_ring, header.sequence);
}

bool CommandPort::Answer(const RequestHeader& request, Reply reply, CommandError error) const {
  reply.back() = 1;
  const ReplyHeader header{.error = static_cast<std::uint16_t>(error),
                           .type = request.type,
                           .sequence = request.sequence,
                           .length = static_cast<std::uint16_t>(reply.size())};
  const auto target = slot_.memory.Writable(request.reply_address, reply.size());
  if (target.empty()) return false;
  std::ranges::copy(std::span(reply).subspan(sizeof header), target.subspan(sizeof header).begin());
  // The driver waits for the length: all the rest is there before it.
  return slot_.memory.Publish(request.reply_address, header);
}

}  // namespace vnic::bnxt
