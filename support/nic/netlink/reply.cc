#include "support/nic/netlink/reply.h"

#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace zcrx::netlink {
namespace {

std::optional<int32_t> ErrnoAt(Bytes bytes) {
  int32_t value;
  if (bytes.size() < sizeof(value)) return std::nullopt;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

std::string Sentence(Attributes tlvs) {
  std::string text = tlvs.Text(NLMSGERR_ATTR_MSG).value_or("");
  const auto add = [&text](const std::string& more) { text += (text.empty() ? "" : " ") + more; };
  if (const auto offset = tlvs.U32(NLMSGERR_ATTR_OFFS)) {
    add(fmt::format("(attribute at byte {} of the request)", *offset));
  }
  if (const auto type = tlvs.U32(NLMSGERR_ATTR_MISS_TYPE)) {
    add(fmt::format("(attribute of type {} is missing)", *type));
  }
  return text;
}

// Calls visit(header, whole message) for each message of the datagram.
template <typename Visitor>
Status ForEachMessage(Bytes rest, Visitor visit) {
  while (!rest.empty()) {
    nlmsghdr header;
    if (rest.size() < sizeof(header))
      return Fail("read netlink message", 0, "the header is incomplete");
    std::memcpy(&header, rest.data(), sizeof(header));
    if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > rest.size()) {
      return Fail("read netlink message", 0,
                  fmt::format("its length is {}, of {} bytes left", header.nlmsg_len, rest.size()));
    }
    visit(header, rest.first(header.nlmsg_len));
    // Computed in 64 bits: NLMSG_ALIGN of a length near 2^32 is 0 in its own type.
    const size_t aligned = (size_t{header.nlmsg_len} + NLMSG_ALIGNTO - 1) & ~size_t{3};
    rest = rest.subspan(std::min(aligned, rest.size()));
  }
  return {};
}

Message Copy(const nlmsghdr& header, Bytes message) {
  const Bytes payload = message.subspan(sizeof(header));
  return {.type = header.nlmsg_type, .payload = {payload.begin(), payload.end()}};
}

}  // namespace

std::optional<Answer> ParseAnswer(Bytes message) {
  nlmsghdr header;
  if (message.size() < sizeof(header)) return std::nullopt;
  std::memcpy(&header, message.data(), sizeof(header));
  Bytes rest = message.subspan(sizeof(header));
  const auto code = ErrnoAt(rest);
  if (!code || *code > 0 || *code < -4095) return std::nullopt;  // MAX_ERRNO
  rest = rest.subspan(sizeof(*code));

  Answer answer{.code = -*code, .detail = ""};
  if (header.nlmsg_type == NLMSG_ERROR) {
    nlmsghdr request;
    if (rest.size() < sizeof(request)) return std::nullopt;
    std::memcpy(&request, rest.data(), sizeof(request));
    size_t skip = sizeof(request);
    if (!(header.nlmsg_flags & NLM_F_CAPPED)) {
      skip = std::max(skip, (size_t{request.nlmsg_len} + NLMSG_ALIGNTO - 1) & ~size_t{3});
    }
    if (skip > rest.size()) return std::nullopt;
    rest = rest.subspan(skip);
  }
  if (header.nlmsg_flags & NLM_F_ACK_TLVS) answer.detail = Sentence(Attributes(rest));
  return answer;
}

Status Reply::Take(Bytes datagram) {
  bool cut_off = false;
  ZCRX_RETURN_IF_ERROR(ForEachMessage(datagram, [&](const nlmsghdr& header, Bytes message) {
    if (header.nlmsg_seq != sequence_ || Whole()) return;
    if (header.nlmsg_flags & NLM_F_DUMP_INTR) interrupted_ = true;
    switch (header.nlmsg_type) {
      case NLMSG_NOOP:
        break;
      case NLMSG_ERROR:
      case NLMSG_DONE:
        answer_ = ParseAnswer(message);
        cut_off = !answer_;
        break;
      default:
        messages_.push_back(Copy(header, message));
    }
  }));
  if (cut_off) return Fail("read netlink message", 0, "the kernel's answer is truncated");
  return {};
}

Result<std::vector<Message>> ParseNotifications(Bytes datagram) {
  std::vector<Message> messages;
  ZCRX_RETURN_IF_ERROR(ForEachMessage(datagram, [&](const nlmsghdr& header, Bytes message) {
    if (header.nlmsg_type >= NLMSG_MIN_TYPE) messages.push_back(Copy(header, message));
  }));
  return messages;
}

}  // namespace zcrx::netlink
