// Messages of a client to the vfio-user session, with any model behind it.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "ci/vnic/models.h"
#include "ci/vnic/vfio_user/session.h"
#include "test/fuzz/hostile_guest.h"

namespace vnic::vfio_user {
namespace {

constexpr std::uint64_t kFileSize = std::uint64_t{1} << 20U;

// As what a port holds for a client (port.h), and the client's end.
class Client {
 public:
  explicit Client(const Model& model)
      : model_(model),
        msix_(model.identity.msix.vectors),
        faults_(model.faults),
        nic_(model.make({.log = log_,
                         .memory = memory_,
                         .interrupts = msix_,
                         .wire = wire_,
                         .faults = faults_,
                         .starts = starts_,
                         .timers = timers_,
                         .mac = {2, 0, 0, 0, 0, 1}})) {
    std::array<int, 2> ends{};
    fuzz::Require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    socket_.Reset(ends[0]);
    session_ = std::make_unique<Session>(Channel(zcrx::UniqueFd(ends[1])), log_, model.identity,
                                         *nic_, memory_, msix_);
  }

  // False: the session has ended.
  bool Say(fuzz::Input& input) {
    const auto command = static_cast<Command>(input.Below(15));
    const std::size_t fds = input.Below(16) < 12 ? UsualFds(command) : input.Below(10);
    Bytes body = Valid(command, fds, input);
    fuzz::Edit<std::endian::native>(input, body);
    Header header{.id = 1,
                  .command = static_cast<std::uint16_t>(command),
                  .size = static_cast<std::uint32_t>(sizeof(Header) + body.size()),
                  .flags = kTypeCommand};
    if (input.Below(4) == 3) fuzz::Edit<std::endian::native>(input, header);
    Bytes message(sizeof header);
    StoreAt(message, 0, header);
    message.insert(message.end(), body.begin(), body.end());
    if (input.Byte() == 0xff) message.resize(input.Below(message.size()));  // cut
    if (!Send(message, fds, input)) return true;                            // the socket is full
    const bool goes_on = session_->OnReadable().has_value();
    Drain();
    return goes_on;
  }
  void Agree() {
    const Version version{.major = kMajor, .minor = 1};
    Bytes message(sizeof(Header) + sizeof version);
    StoreAt(message, 0,
            Header{.id = 0,
                   .command = static_cast<std::uint16_t>(Command::kVersion),
                   .size = static_cast<std::uint32_t>(message.size())});
    StoreAt(message, sizeof(Header), version);
    fuzz::Require(::send(socket_.Get(), message.data(), message.size(), 0) > 0);
    fuzz::Require(session_->OnReadable().has_value());
    Drain();
  }

 private:
  static std::size_t UsualFds(Command command) {
    if (command == Command::kDmaMap) return 1;
    return command == Command::kDeviceSetIrqs ? 3 : 0;
  }

  Bytes Valid(Command command, std::size_t fds, fuzz::Input& input) {
    switch (command) {
      case Command::kVersion:
        return Of(Version{.major = kMajor, .minor = 1});
      case Command::kDmaMap:
        return Of(DmaMap{.argsz = sizeof(DmaMap),
                         .flags = kDmaMapRead | kDmaMapWrite,
                         .offset = 0,
                         .address = FakeGuest::kBase + input.Below(4) * kFileSize,
                         .size = kFileSize});
      case Command::kDmaUnmap:
        return Of(DmaUnmap{.argsz = sizeof(DmaUnmap),
                           .flags = input.Byte() == 0xff ? kDmaUnmapAll : 0,
                           .address = FakeGuest::kBase + input.Below(4) * kFileSize,
                           .size = kFileSize});
      case Command::kDeviceGetRegionInfo:
        return Of(RegionInfo{.argsz = sizeof(RegionInfo), .index = input.Below(10)});
      case Command::kDeviceGetIrqInfo:
        return Of(IrqInfo{.argsz = sizeof(IrqInfo), .index = input.Below(6)});
      case Command::kDeviceSetIrqs:
        return Of(IrqSet{.argsz = sizeof(IrqSet),
                         .flags = kIrqSetActionTrigger |
                                  (input.Byte() == 0xff ? kIrqSetDataNone : kIrqSetDataEventfd),
                         .index = kIrqMsix,
                         .start = input.Below(18),
                         .count = static_cast<std::uint32_t>(fds)});
      case Command::kRegionRead:
      case Command::kRegionWrite:
        return Access(command, input);
      default: {
        const auto bytes = input.Take(input.Byte());
        return {bytes.begin(), bytes.end()};
      }
    }
  }
  Bytes Access(Command command, fuzz::Input& input) {
    constexpr std::array<std::uint16_t, 8> kCounts{4, 4, 4, 1, 2, 8, 64, 0xffff};
    RegionAccess access{.offset = input.Number<std::uint32_t>(), .region = input.Below(9)};
    access.count = input.OneOf(kCounts);
    const std::uint64_t size =
        access.region < model_.identity.bars.size()
            ? model_.identity.bars[access.region].size
            : (input.Coin() ? PciConfig::kCapabilitiesEnd : PciConfig::kSize);
    if (size > 0) access.offset %= size;
    Bytes body = Of(access);
    if (command == Command::kRegionWrite) {
      body.resize(body.size() + access.count);
      std::ranges::copy(input.Take(access.count), body.begin() + sizeof access);
    }
    return body;
  }
  template <Plain T>
  static Bytes Of(const T& value) {
    const auto bytes = BytesOf(value);
    return {bytes.begin(), bytes.end()};
  }

  // Memory, something to be told of interrupts by, or what is neither.
  static zcrx::UniqueFd AnyFile(fuzz::Input& input, Command command) {
    std::uint8_t kind = input.Below(8);
    if (kind < 5) kind = command == Command::kDmaMap ? 0 : 5;
    switch (kind) {
      case 0:
        return MemoryFile(kFileSize);
      case 5:
        return zcrx::UniqueFd(::eventfd(0, EFD_CLOEXEC));
      case 6:
        return zcrx::UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC));
      default:
        return MemoryFile(100);
    }
  }
  bool Send(const Bytes& bytes, std::size_t count, fuzz::Input& input) {
    std::vector<zcrx::UniqueFd> files;
    iovec data{.iov_base = const_cast<std::uint8_t*>(bytes.data()), .iov_len = bytes.size()};
    alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(16 * sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    if (count > 0) {
      message.msg_control = control.data();
      message.msg_controllen = CMSG_SPACE(count * sizeof(int));
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(count * sizeof(int));
      const auto command =
          static_cast<Command>(bytes.size() < sizeof(Header) ? 0 : LoadAt<Header>(bytes).command);
      for (std::size_t i = 0; i < count; ++i) {
        files.push_back(AnyFile(input, command));
        const int fd = files.back().Get();
        std::memcpy(CMSG_DATA(header) + i * sizeof fd, &fd, sizeof fd);
      }
    }
    return ::sendmsg(socket_.Get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
  }
  // Whole replies, one behind the other.
  void Drain() {
    static std::vector<std::uint8_t> replies(4 * kMaxBody);
    const ssize_t count = ::recv(socket_.Get(), replies.data(), replies.size(), MSG_DONTWAIT);
    auto left = std::span(replies).first(count > 0 ? static_cast<std::size_t>(count) : 0);
    while (!left.empty()) {
      fuzz::Require(left.size() >= sizeof(Header));
      const auto header = LoadAt<Header>(left);
      fuzz::Require((header.flags & kTypeMask) == kTypeReply && header.size >= sizeof header &&
                    header.size <= left.size());
      left = left.subspan(header.size);
    }
  }

  const Model& model_;
  LogSink sink_{fuzz::NoLog()};
  Log log_{sink_, "fuzz"};
  GuestMemory memory_;
  Msix msix_;
  FakeWire wire_;
  Faults faults_;
  QueueStarts starts_;
  Timers timers_;
  std::unique_ptr<Nic> nic_;
  zcrx::UniqueFd socket_;
  std::unique_ptr<Session> session_;
};

}  // namespace
}  // namespace vnic::vfio_user

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vnic;
  fuzz::Input input({data, size});
  vfio_user::Client client(*input.OneOf(Models()));
  if (input.Coin()) client.Agree();
  for (int step = 0; step < fuzz::kMostSteps && !input.Empty() && client.Say(input); ++step) {
  }
  return 0;
}
