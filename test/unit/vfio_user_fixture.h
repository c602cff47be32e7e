// A session of vfio-user with a NIC that records what reaches it, and the client's end of it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ci/vnic/vfio_user/channel.h"
#include "ci/vnic/vfio_user/msix.h"
#include "ci/vnic/vfio_user/session.h"
#include "support/base/deadline.h"
#include "test/unit/vnic_fakes.h"

namespace vnic::vfio_user {

using Bytes = std::vector<std::uint8_t>;

template <typename... Parts>
Bytes Joined(const Parts&... parts) {
  Bytes bytes;
  const auto add = [&](const auto& part) {
    const auto* data = reinterpret_cast<const std::uint8_t*>(&part);
    bytes.insert(bytes.end(), data, data + sizeof part);
  };
  (add(parts), ...);
  return bytes;
}

// Records what reaches the device.
class RecordingNic : public Nic {
 public:
  void ReadBar(unsigned bar, std::uint64_t offset, std::span<std::uint8_t> data) override {
    reads.push_back(fmt::format("{}:{:#x}+{}", bar, offset, data.size()));
    std::ranges::fill(data, std::uint8_t{0x5a});
  }
  void WriteBar(unsigned bar, std::uint64_t offset, std::span<const std::uint8_t> data) override {
    writes.push_back(fmt::format("{}:{:#x}+{}", bar, offset, data.size()));
    for (const auto until = zcrx::Deadline::In(work); !until.Expired();) {
    }
  }
  void Reset() override { ++resets; }
  void Receive(Packet) override {}
  void LinkChanged() override {}
  [[nodiscard]] Counters Stats() const override { return {}; }

  std::vector<std::string> reads;
  std::vector<std::string> writes;
  std::chrono::milliseconds work{0};  // that a write sets off
  int resets = 0;
};

inline constexpr std::uint32_t kVectors = 4;
// Power management, whose state software may write, and one of an odd size.
inline constexpr std::array<std::uint8_t, 6> kPowerBytes{0x03, 0, 0x08, 0, 0, 0};
inline constexpr std::array<std::uint8_t, 6> kPowerWritable{0, 0, 0x03, 0, 0, 0};
inline constexpr std::array<std::uint8_t, 3> kVendorBytes{5, 0xaa, 0xbb};
inline constexpr std::array kCapabilities{
    PciCapability{.id = 0x09, .bytes = kVendorBytes},
    PciCapability{.id = 0x01, .bytes = kPowerBytes, .writable = kPowerWritable}};
inline constexpr PciIdentity kIdentity = {
    .vendor = 0x1234,
    .device = 0x5678,
    .revision = 1,
    .class_code = 0x020000,
    .bars = {PciBar{.size = 4096}},
    .msix = {.vectors = kVectors, .bar = 0, .table_offset = 0x800},
    .capabilities = kCapabilities};

struct Reply {
  Header header;
  Bytes body;
};

// The client's end of a session.
class VfioUser : public ::testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    client_.Reset(ends[0]);
    session_.emplace(Channel(zcrx::UniqueFd(ends[1])), log_, kIdentity, nic_, memory_, msix_);
  }

  void SendRaw(const Bytes& bytes, const std::vector<int>& fds = {}) {
    iovec data{.iov_base = const_cast<std::uint8_t*>(bytes.data()), .iov_len = bytes.size()};
    alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(64 * sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    if (!fds.empty()) {
      message.msg_control = control.data();
      message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
      std::memcpy(CMSG_DATA(header), fds.data(), fds.size() * sizeof(int));
    }
    ASSERT_EQ(::sendmsg(client_.Get(), &message, MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }

  static Bytes Request(Command command, const Bytes& body, std::uint32_t flags = 0) {
    Bytes bytes = Joined(Header{.id = 7,
                                .command = static_cast<std::uint16_t>(command),
                                .size = static_cast<std::uint32_t>(sizeof(Header) + body.size()),
                                .flags = flags});
    bytes.insert(bytes.end(), body.begin(), body.end());
    return bytes;
  }

  // nullopt: nothing came.
  std::optional<Reply> Receive() {
    Bytes bytes(kMaxBody);
    const ssize_t count = ::recv(client_.Get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count < static_cast<ssize_t>(sizeof(Header))) return std::nullopt;
    bytes.resize(static_cast<std::size_t>(count));
    Reply reply{.header = LoadAt<Header>(bytes), .body = Bytes(bytes.begin() + 16, bytes.end())};
    EXPECT_EQ(reply.header.size, bytes.size());
    EXPECT_EQ(reply.header.flags & kTypeMask, kTypeReply);
    return reply;
  }

  Reply Ask(Command command, const Bytes& body, const std::vector<int>& fds = {}) {
    SendRaw(Request(command, body), fds);
    const auto status = session_->OnReadable();
    EXPECT_TRUE(status) << status.error().Text();
    const auto reply = Receive();
    EXPECT_TRUE(reply) << "no reply to command " << static_cast<int>(command);
    return reply.value_or(Reply{});
  }

  // The errno of a reply; 0 for success.
  int ErrorOf(Command command, const Bytes& body, const std::vector<int>& fds = {}) {
    const Reply reply = Ask(command, body, fds);
    if ((reply.header.flags & kFlagError) == 0) return 0;
    EXPECT_THAT(reply.body, ::testing::IsEmpty());
    return static_cast<int>(reply.header.error);
  }

  void Negotiate() {
    ASSERT_EQ(ErrorOf(Command::kVersion, Joined(Version{.major = 0, .minor = 1}, '\0')), 0);
  }

  static std::uint64_t Fired(const zcrx::UniqueFd& eventfd) {
    std::uint64_t count = 0;
    return ::read(eventfd.Get(), &count, sizeof count) == sizeof count ? count : 0;
  }
  static zcrx::UniqueFd Eventfd() { return zcrx::UniqueFd(::eventfd(0, EFD_NONBLOCK)); }

  LogSink sink_{stderr};
  Log log_{sink_, "test"};
  RecordingNic nic_;
  GuestMemory memory_;
  Msix msix_{kVectors};
  zcrx::UniqueFd client_;
  std::optional<Session> session_;
};

}  // namespace vnic::vfio_user
