// What the kernel sends back to a request, datagram by datagram, until the answer is whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "support/base/result.h"
#include "support/nic/netlink/message.h"

namespace zcrx::netlink {

// The verdict on a request, in NLMSG_ERROR or NLMSG_DONE.
struct Answer {
  int code = 0;  // positive errno, 0 for success
  // The extended ack's sentence, and where in the request the attribute it is about stands:
  // "setting hds-thresh is not supported (attribute at byte 28 of the request)".
  std::string detail;

  bool operator==(const Answer&) const = default;
};
// `message` is a whole NLMSG_ERROR or NLMSG_DONE with its nlmsghdr; nothing where it is cut off.
// The kernel adds the sentence where the socket has NETLINK_EXT_ACK; with NETLINK_CAP_ACK it leaves
// out the copy of the request before it. netlink_ack() in net/netlink/af_netlink.c.
std::optional<Answer> ParseAnswer(Bytes message);

class Reply {
 public:
  explicit Reply(uint32_t sequence) : sequence_(sequence) {}

  // Takes the messages with our sequence number out of a datagram, and passes over others. Fails on
  // a message that claims more bytes than there are.
  Status Take(Bytes datagram);

  // The end has come: NLMSG_ERROR (an ack is one), or NLMSG_DONE of a dump.
  [[nodiscard]] bool Whole() const { return answer_.has_value(); }
  [[nodiscard]] const Answer& Verdict() const { return *answer_; }
  // The state changed while it was being dumped: some of it may be missing or double.
  [[nodiscard]] bool Interrupted() const { return interrupted_; }
  [[nodiscard]] std::vector<Message> TakeMessages() { return std::move(messages_); }

 private:
  uint32_t sequence_;
  std::vector<Message> messages_;
  std::optional<Answer> answer_;
  bool interrupted_ = false;
};

// Every message of a datagram, whatever its sequence number: for notifications.
Result<std::vector<Message>> ParseNotifications(Bytes datagram);

}  // namespace zcrx::netlink
