// Netlink messages: a builder for requests, and a view of received messages that trusts no length
// in them. Source of the layout: netlink(7), Documentation/userspace-api/netlink/intro.rst.
#pragma once

#include <linux/genetlink.h>
#include <netlink/msg.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/base/result.h"

namespace zcrx::netlink {

using Bytes = std::span<const std::byte>;

// A list of attributes: a view, valid as long as the bytes are. An attribute that claims more bytes
// than there are ends the list.
class Attributes {
 public:
  Attributes() = default;
  explicit Attributes(Bytes bytes) : bytes_(bytes) {}

  // Returns the payload of the first attribute of this type.
  [[nodiscard]] std::optional<Bytes> Find(int type) const;
  [[nodiscard]] bool Has(int type) const { return Find(type).has_value(); }

  // Return nullopt if the attribute is missing or too short.
  [[nodiscard]] std::optional<uint8_t> U8(int type) const;
  [[nodiscard]] std::optional<uint16_t> U16(int type) const;
  [[nodiscard]] std::optional<uint32_t> U32(int type) const;
  // Reads the kernel's `uint` type: 4 or 8 bytes, whichever holds the value (nla_put_uint).
  [[nodiscard]] std::optional<uint64_t> Uint(int type) const;
  // Returns the text up to the first NUL.
  [[nodiscard]] std::optional<std::string> Text(int type) const;
  // Returns an empty list if the attribute is missing.
  [[nodiscard]] Attributes Nested(int type) const;

  // Calls visit(type, payload) for each attribute, in order.
  template <typename Visitor>
  void ForEach(Visitor visit) const {
    Bytes rest = bytes_;
    while (auto next = Next(rest)) visit(next->type, next->payload);
  }

 private:
  struct Attribute {
    int type;
    Bytes payload;
  };
  // Removes and returns the first attribute of `rest`.
  static std::optional<Attribute> Next(Bytes& rest);

  Bytes bytes_;
};

// A received message. Owns its bytes.
struct Message {
  int type = 0;                    // nlmsg_type: the family's number in generic netlink
  std::vector<std::byte> payload;  // what follows nlmsghdr

  // Returns whether this stands for lost notifications (Socket::Notifications()).
  [[nodiscard]] bool IsLoss() const { return payload.empty(); }
  // Returns genlmsghdr.cmd, or 0 if the payload is shorter than a genlmsghdr.
  [[nodiscard]] uint8_t Command() const;
  // Returns the attributes after the family's header; none if the payload is shorter than that.
  [[nodiscard]] Attributes Attrs(size_t header_size = GENL_HDRLEN) const;
};

// A request under construction. An attribute that does not fit is recorded and reported by
// Finish(), so that chained calls need no checks.
class Request {
 public:
  // `operation` describes the request in errors: "get rings of eth1". `type` is the family's number
  // for generic netlink.
  Request(std::string operation, int type, int flags);
  Request& GenericHeader(uint8_t command, uint8_t version = 1);
  Request& Header(const void* header, size_t size);

  Request& PutU8(int type, uint8_t value);
  Request& PutU32(int type, uint32_t value);
  Request& PutText(int type, std::string_view text);
  Request& PutBytes(int type, Bytes bytes);
  Request& PutFlag(int type);
  Request& BeginNest(int type);  // with NLA_F_NESTED, which ethtool insists on
  Request& EndNest();

  [[nodiscard]] const std::string& Operation() const { return operation_; }
  // Returns the message as it is sent. The request keeps ownership.
  Result<nl_msg*> Finish();

 private:
  struct FreeMsg {
    void operator()(nl_msg* msg) const { nlmsg_free(msg); }
  };
  Request& Note(int libnl_status);
  char* Begin();
  bool MakeRoom(size_t bytes);

  std::string operation_;
  std::unique_ptr<nl_msg, FreeMsg> msg_;
  std::vector<ptrdiff_t> nests_;  // start offsets of the open nests
  int first_error_ = 0;           // libnl's, negative
};

}  // namespace zcrx::netlink
