#include "ci/vnic/mlx5/command_port.h"

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "ci/vnic/mlx5/registers.h"

namespace vnic::mlx5 {
namespace {

constexpr std::uint64_t kPageMask = 0xfff;
constexpr std::size_t kEntry = std::size_t{1} << kLogCommandSize;
constexpr std::size_t kInline = 16;  // bytes of a message that are in the entry

// Offsets in an entry.
constexpr std::size_t kType = 0x00;
constexpr std::size_t kRequestLength = 0x04;
constexpr std::size_t kRequestMailbox = 0x08;
constexpr std::size_t kRequest = 0x10;
constexpr std::size_t kReply = 0x20;
constexpr std::size_t kReplyMailbox = 0x30;
constexpr std::size_t kReplyLength = 0x38;
constexpr std::size_t kToken = 0x3c;
constexpr std::size_t kStatusAndOwner = 0x3f;
constexpr std::uint8_t kTypePcie = 7;
constexpr std::uint8_t kOwnerIsHardware = 1;

// Of a mailbox.
constexpr std::size_t kMailboxData = 512;
constexpr std::size_t kMailbox = 576;
constexpr std::size_t kNextMailbox = 0x230;
constexpr std::size_t kMailboxToken = 0x23d;

// The longest request is CREATE_MKEY with the table of a large ring.
constexpr std::uint32_t kMinMessage = 8;
constexpr std::uint32_t kMaxRequest = 1U << 20;
constexpr std::uint32_t kMaxReply = 1U << 16;

// core/cmd.c, MLX5_CMD_DELIVERY_STAT_*: they say what is wrong with the entry, not with the
// command.
constexpr std::uint8_t kDelivered = 0x0;
constexpr std::uint8_t kBadReplyMailbox = 0x4;
constexpr std::uint8_t kBadRequestMailbox = 0x5;
constexpr std::uint8_t kBadRequestLength = 0x7;
constexpr std::uint8_t kBadReplyLength = 0x8;
constexpr std::uint8_t kBadType = 0x10;

CommandStatus StatusOf(const zcrx::Error& error) {
  switch (error.code) {
    case ENOSYS:
      return CommandStatus::kBadOpcode;
    case ENOENT:
      return CommandStatus::kBadResource;
    case ENOSPC:
      return CommandStatus::kLimit;
    case EIO:
      return CommandStatus::kInternalError;
    default:
      return CommandStatus::kBadParameter;
  }
}

}  // namespace

void CommandPort::SetLow(std::uint32_t value) {
  base_ = (base_ & ~std::uint64_t{0xffffffff}) | (value & ~std::uint32_t{kPageMask});
}

void CommandPort::Ring(std::uint32_t slots) {
  for (std::uint32_t slot = 0; slot < 1U << kLogCommands; ++slot) {
    if ((slots >> slot & 1U) == 0) continue;
    const auto entry = slot_.memory.Writable(base_ + slot * kEntry, kEntry);
    if (base_ == 0 || entry.empty()) {
      slot_.log.Refused("mlx5: command {} is not in memory at {:#x}", slot, base_);
      continue;
    }
    if ((entry[kStatusAndOwner] & kOwnerIsHardware) == 0) continue;
    const auto delivery = Deliver(entry);
    if (!delivery) continue;
    if (*delivery != kDelivered) {
      slot_.log.Refused("mlx5: command {} cannot be delivered: status {:#x}", slot, *delivery);
    }
    // Whoever polls takes the reply for complete once the bit is clear (core/cmd.c, poll_timeout).
    std::atomic_ref(entry[kStatusAndOwner])
        .store(static_cast<std::uint8_t>(*delivery << 1U), std::memory_order_release);
    answered_(slot);
  }
}

std::optional<std::uint8_t> CommandPort::Deliver(std::span<std::uint8_t> entry) {
  const Bits fields(entry);
  const std::uint32_t request_length = fields.Word(kRequestLength);
  const std::uint32_t reply_length = fields.Word(kReplyLength);
  if (entry[kType] != kTypePcie) return kBadType;
  if (request_length < kMinMessage || request_length > kMaxRequest) return kBadRequestLength;
  if (reply_length < kMinMessage || reply_length > kMaxReply) return kBadReplyLength;

  std::vector<std::uint8_t> request(request_length);
  const std::size_t request_here = std::min<std::size_t>(request_length, kInline);
  std::ranges::copy(entry.subspan(kRequest, request_here), request.begin());
  if (!Collect(fields.Long(kRequestMailbox), std::span(request).subspan(request_here))) {
    return kBadRequestMailbox;
  }
  std::vector<std::uint8_t> reply(reply_length);
  Command command{.in = Bits(request), .out = BitWriter(reply)};
  if (const zcrx::Status done = execute_(command); !done) {
    if (done.error().code == ETIMEDOUT) return std::nullopt;
    slot_.log.Refused("mlx5: command {:#x} refused: {}", command.in[kOpcode], done.error().Text());
    std::ranges::fill(reply, std::uint8_t{0});
    command.out.Set(kStatus, static_cast<std::uint32_t>(StatusOf(done.error())));
    // Every refusal has a syndrome of its own; this firmware has one for each errno.
    command.out.Set(kSyndrome, static_cast<std::uint32_t>(done.error().code));
  }
  const std::size_t reply_here = std::min<std::size_t>(reply_length, kInline);
  std::ranges::copy(std::span(reply).first(reply_here), entry.subspan(kReply).begin());
  if (!Distribute(fields.Long(kReplyMailbox), std::span(reply).subspan(reply_here),
                  entry[kToken])) {
    return kBadReplyMailbox;
  }
  return kDelivered;
}

bool CommandPort::Collect(GuestAddress mailbox, std::span<std::uint8_t> bytes) const {
  while (!bytes.empty()) {
    const auto block = slot_.memory.Readable(mailbox, kMailbox);
    if (block.empty()) return false;
    const std::size_t part = std::min(bytes.size(), kMailboxData);
    std::ranges::copy(block.first(part), bytes.begin());
    bytes = bytes.subspan(part);
    mailbox = LoadAt<Be64>(block, kNextMailbox);
  }
  return true;
}

bool CommandPort::Distribute(GuestAddress mailbox, std::span<const std::uint8_t> bytes,
                             std::uint8_t token) const {
  while (!bytes.empty()) {
    const auto block = slot_.memory.Writable(mailbox, kMailbox);
    if (block.empty()) return false;
    const std::size_t part = std::min(bytes.size(), kMailboxData);
    std::ranges::copy(bytes.first(part), block.begin());
    block[kMailboxToken] = token;
    bytes = bytes.subspan(part);
    mailbox = LoadAt<Be64>(block, kNextMailbox);
  }
  return true;
}

}  // namespace vnic::mlx5
