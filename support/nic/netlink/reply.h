// Assembles the kernel's answer to a request, datagram by datagram, until it is complete.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "support/base/result.h"
#include "support/nic/netlink/message.h"

namespace zcrx::netlink {

// The result of a request, in NLMSG_ERROR or NLMSG_DONE.
struct Answer {
  int code = 0;  // positive errno, 0 for success
  // The extended ack's message and the position of the attribute it is about: "setting hds-thresh
  // is not supported (attribute at byte 28 of the request)".
  std::string detail;

  bool operator==(const Answer&) const = default;
};
// Parses a complete NLMSG_ERROR or NLMSG_DONE with its nlmsghdr. Returns nullopt if it is
// truncated. The kernel adds its message if the socket has NETLINK_EXT_ACK; with NETLINK_CAP_ACK it
// leaves out the copy of the request before it. Source: netlink_ack() in net/netlink/af_netlink.c.
std::optional<Answer> ParseAnswer(Bytes message);

class Reply {
 public:
  explicit Reply(uint32_t sequence) : sequence_(sequence) {}

  // Takes the messages with this sequence number out of a datagram and ignores others. Fails on a
  // message that claims more bytes than there are.
  Status Take(Bytes datagram);

  // Returns whether the answer is complete: NLMSG_ERROR (which includes acks), or NLMSG_DONE of a
  // dump.
  [[nodiscard]] bool Whole() const { return answer_.has_value(); }
  [[nodiscard]] const Answer& Verdict() const { return *answer_; }
  // Returns whether the state changed during the dump: entries may be missing or duplicated.
  [[nodiscard]] bool Interrupted() const { return interrupted_; }
  [[nodiscard]] std::vector<Message> TakeMessages() { return std::move(messages_); }

 private:
  uint32_t sequence_;
  std::vector<Message> messages_;
  std::optional<Answer> answer_;
  bool interrupted_ = false;
};

// Returns every message of a datagram, whatever its sequence number: for notifications.
Result<std::vector<Message>> ParseNotifications(Bytes datagram);

}  // namespace zcrx::netlink
