#include "support/nic/netlink/message.h"

#include <netlink/attr.h>
#include <netlink/errno.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace zcrx::netlink {
namespace {

constexpr size_t kFirstRoom = 512;
constexpr size_t kMaxPayload = UINT16_MAX - sizeof(nlattr);

template <typename T>
std::optional<T> Scalar(std::optional<Bytes> payload) {
  if (!payload || payload->size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, payload->data(), sizeof(T));
  return value;
}

}  // namespace

std::optional<Attributes::Attribute> Attributes::Next(Bytes& rest) {
  nlattr header;
  if (rest.size() < sizeof(header)) return std::nullopt;
  std::memcpy(&header, rest.data(), sizeof(header));
  if (header.nla_len < sizeof(header) || header.nla_len > rest.size()) return std::nullopt;
  const Attribute attribute{header.nla_type & NLA_TYPE_MASK,
                            rest.subspan(sizeof(header), header.nla_len - sizeof(header))};
  // The last attribute may lack its padding.
  rest = rest.subspan(std::min<size_t>(NLA_ALIGN(header.nla_len), rest.size()));
  return attribute;
}

std::optional<Bytes> Attributes::Find(int type) const {
  Bytes rest = bytes_;
  while (auto next = Next(rest)) {
    if (next->type == type) return next->payload;
  }
  return std::nullopt;
}

std::optional<uint8_t> Attributes::U8(int type) const { return Scalar<uint8_t>(Find(type)); }
std::optional<uint16_t> Attributes::U16(int type) const { return Scalar<uint16_t>(Find(type)); }
std::optional<uint32_t> Attributes::U32(int type) const { return Scalar<uint32_t>(Find(type)); }

std::optional<uint64_t> Attributes::Uint(int type) const {
  const auto payload = Find(type);
  if (const auto wide = Scalar<uint64_t>(payload)) return wide;
  return Scalar<uint32_t>(payload);
}

std::optional<std::string> Attributes::Text(int type) const {
  const auto payload = Find(type);
  if (!payload) return std::nullopt;
  std::string text;
  for (const std::byte byte : *payload) {
    if (byte == std::byte{0}) break;
    text += static_cast<char>(byte);
  }
  return text;
}

Attributes Attributes::Nested(int type) const { return Attributes(Find(type).value_or(Bytes{})); }

uint8_t Message::Command() const {
  if (payload.size() < GENL_HDRLEN) return 0;
  return std::to_integer<uint8_t>(payload[offsetof(genlmsghdr, cmd)]);
}

Attributes Message::Attrs(size_t header_size) const {
  if (payload.size() < header_size) return {};
  return Attributes(Bytes(payload).subspan(header_size));
}

Request::Request(std::string operation, int type, int flags)
    : operation_(std::move(operation)), msg_(nlmsg_alloc_size(kFirstRoom)) {
  if (!msg_ || !nlmsg_put(msg_.get(), NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, flags)) {
    first_error_ = -NLE_NOMEM;
  }
}

Request& Request::Note(int libnl_status) {
  if (libnl_status < 0 && first_error_ == 0) first_error_ = libnl_status;
  return *this;
}

char* Request::Begin() { return reinterpret_cast<char*>(nlmsg_hdr(msg_.get())); }

// Makes room for an attribute of `bytes` bytes. The message may move.
bool Request::MakeRoom(size_t bytes) {
  const size_t need = nlmsg_hdr(msg_.get())->nlmsg_len + sizeof(nlattr) + bytes + NLA_ALIGNTO;
  if (need <= nlmsg_get_max_size(msg_.get())) return true;
  Note(nlmsg_expand(msg_.get(), 2 * need));
  return first_error_ == 0;
}

Request& Request::GenericHeader(uint8_t command, uint8_t version) {
  const genlmsghdr header{.cmd = command, .version = version, .reserved = 0};
  return Header(&header, sizeof(header));
}

Request& Request::Header(const void* header, size_t size) {
  if (first_error_ != 0) return *this;
  // libnl does not write to it, despite the parameter's type.
  return Note(nlmsg_append(msg_.get(), const_cast<void*>(header), size, NLMSG_ALIGNTO));
}

Request& Request::PutBytes(int type, Bytes bytes) {
  if (first_error_ != 0) return *this;
  if (bytes.size() > kMaxPayload) return Note(-NLE_MSGSIZE);
  if (!MakeRoom(bytes.size())) return *this;
  return Note(nla_put(msg_.get(), type, static_cast<int>(bytes.size()), bytes.data()));
}

Request& Request::PutU8(int type, uint8_t value) {
  return PutBytes(type, std::as_bytes(std::span(&value, 1)));
}
Request& Request::PutU32(int type, uint32_t value) {
  return PutBytes(type, std::as_bytes(std::span(&value, 1)));
}
Request& Request::PutText(int type, std::string_view text) {
  const std::string terminated(text);
  return PutBytes(type, std::as_bytes(std::span(terminated.c_str(), terminated.size() + 1)));
}
Request& Request::PutFlag(int type) { return PutBytes(type, {}); }

Request& Request::BeginNest(int type) {
  if (first_error_ != 0 || !MakeRoom(0)) return *this;
  nlattr* nest = nla_nest_start(msg_.get(), type | NLA_F_NESTED);
  if (!nest) return Note(-NLE_NOMEM);
  nests_.push_back(reinterpret_cast<char*>(nest) - Begin());
  return *this;
}

Request& Request::EndNest() {
  if (first_error_ != 0) return *this;
  if (nests_.empty()) return Note(-NLE_INVAL);
  auto* nest = reinterpret_cast<nlattr*>(Begin() + nests_.back());
  nests_.pop_back();
  return Note(nla_nest_end(msg_.get(), nest));
}

Result<nl_msg*> Request::Finish() {
  if (first_error_ == 0 && !nests_.empty()) first_error_ = -NLE_INVAL;
  if (first_error_ != 0) {
    return Fail(operation_, 0,
                std::string("building the netlink request: ") + nl_geterror(first_error_));
  }
  return msg_.get();
}

}  // namespace zcrx::netlink
