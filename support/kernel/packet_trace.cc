#include "support/kernel/packet_trace.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <tuple>
#include <utility>

#include "support/base/files.h"
#include "support/base/numbers.h"
#include "support/base/unique_fd.h"

namespace zcrx {
namespace {

constexpr const char* kBufferKib = "512";  // per CPU; about 5000 packets

constexpr size_t kMostText = size_t{1} << 30;  // per test
constexpr size_t kOneRead = size_t{64} << 10;

// A driver uses one of these, and none of them calls another.
constexpr std::array kEvents = {"napi_gro_receive_entry", "napi_gro_frags_entry",
                                "netif_receive_skb_entry", "netif_receive_skb_list_entry"};

// Returns whether a process has exited, even if its parent has not waited for it yet.
bool HasEnded(pid_t process) {
  const UniqueFd handle(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
  if (!handle.Valid()) return errno == ESRCH;
  pollfd ended = {.fd = handle.Get(), .events = POLLIN, .revents = 0};
  return poll(&ended, 1, 0) == 1;
}

// Returns what the instances of our PID namespace begin with. All namespaces share tracefs.
std::string Prefix() {
  struct stat info = {};
  std::ignore = stat("/proc/self/ns/pid", &info);  // absent in a kernel without PID namespaces
  return fmt::format("zcrx-hwtest-{}-", info.st_ino);
}

std::optional<pid_t> Maker(std::string_view instance, std::string_view prefix) {
  if (!instance.starts_with(prefix)) return std::nullopt;
  const auto process = ParseNumber<pid_t>(instance.substr(prefix.size()));
  return process.value_or(0) > 0 ? process : std::nullopt;
}

// The number after `key` in "key=123" or "key=0x1f".
template <typename T = uint32_t>
std::optional<T> Field(std::string_view line, std::string_view key) {
  const size_t at = line.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view digits = line.substr(at + key.size());
  const bool hex = digits.starts_with("0x");
  if (hex) digits.remove_prefix(2);
  digits = digits.substr(0, digits.find_first_not_of(hex ? "0123456789abcdef" : "0123456789"));
  return ParseNumber<T>(digits, hex ? 16 : 10);
}

// Returns what the trace calls our network namespace (net_cookie), 0 before Linux 5.14.
uint64_t NetCookie() {
  const UniqueFd any(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  uint64_t cookie = 0;
  socklen_t size = sizeof(cookie);
  std::ignore = getsockopt(any.Get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size);
  return cookie;
}

// "... napi_gro_receive_entry: dev=eth1 napi_id=0x2002 queue_mapping=1 skbaddr=... protocol=0x86dd
// ip_summed=1 hash=0x5e6e9a3b l4_hash=1 len=1500 data_len=1428 ..."
std::optional<TracedPacket> ParsePacket(std::string_view line) {
  const auto mapping = Field(line, " queue_mapping=");
  const auto protocol = Field(line, " protocol=");
  const auto hash = Field(line, " hash=");
  const auto length = Field(line, " len=");
  const auto in_fragments = Field(line, " data_len=");
  if (!mapping || !protocol || !hash || !length || !in_fragments || *in_fragments > *length) {
    return std::nullopt;
  }
  TracedPacket packet = {.hash = *hash,
                         .length = *length,
                         .linear = *length - *in_fragments,
                         .protocol = static_cast<uint16_t>(*protocol),
                         .unvouched = Field(line, " ip_summed=") == 0U,
                         .with_ports = Field(line, " l4_hash=") == 1U};
  if (*mapping != 0) packet.queue = *mapping - 1;  // skb_record_rx_queue()
  return packet;
}

}  // namespace

Result<PacketTrace> PacketTrace::Open(const std::string& device,
                                      const std::filesystem::path& tracefs) {
  const std::filesystem::path instances = tracefs / "instances";
  RemoveLeftoverTraces(tracefs);
  std::filesystem::path folder = instances / TraceName(getpid());
  std::ignore = rmdir(folder.c_str());  // of a killed process whose ID is ours now
  if (mkdir(folder.c_str(), 0700) != 0) {
    return FailErrno("create " + folder.string(), errno == ENOENT ? "tracefs is not mounted" : "");
  }
  PacketTrace trace(std::move(folder));
  ZCRX_RETURN_IF_ERROR(WriteSetting(trace.instance_ / "buffer_size_kb", kBufferKib));
  for (const char* event : kEvents) {
    const std::filesystem::path settings = trace.instance_ / "events" / "net" / event;
    ZCRX_RETURN_IF_ERROR(WriteSetting(settings / "filter", fmt::format("name == \"{}\"", device)));
    ZCRX_RETURN_IF_ERROR(WriteSetting(settings / "enable", "1"));
  }
  const std::filesystem::path pipe = trace.instance_ / "trace_pipe";
  trace.pipe_ = UniqueFd(open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!trace.pipe_.Valid()) return FailErrno("open " + pipe.string());
  return trace;
}

PacketTrace::PacketTrace(PacketTrace&& other) noexcept
    : instance_(std::exchange(other.instance_, {})),
      pipe_(std::move(other.pipe_)),
      text_(std::move(other.text_)) {}

PacketTrace& PacketTrace::operator=(PacketTrace&& other) noexcept {
  std::swap(instance_, other.instance_);
  std::swap(pipe_, other.pipe_);
  std::swap(text_, other.text_);
  return *this;
}

PacketTrace::~PacketTrace() { std::ignore = Close(); }

// Truncating the file `trace` would wait for all CPUs (synchronize_rcu() in
// tracing_reset_online_cpus()), which takes longer than reading what is there.
Status PacketTrace::Clear() {
  ZCRX_RETURN_IF_ERROR(Drain());
  text_.clear();
  return {};
}

Result<TracedPackets> PacketTrace::Read() {
  ZCRX_RETURN_IF_ERROR(Drain());
  return ParsePacketTrace(text_, NetCookie());
}

Status PacketTrace::Drain() {
  const std::string operation = "read " + (instance_ / "trace_pipe").string();
  while (true) {
    std::array<char, kOneRead> part;
    const ssize_t size = read(pipe_.Get(), part.data(), part.size());
    if (size == 0 || (size < 0 && errno == EAGAIN)) return {};
    if (size < 0 && errno != EINTR) return FailErrno(operation);
    if (size > 0) text_.append(part.data(), static_cast<size_t>(size));
    if (text_.size() > kMostText) return Fail(operation, EFBIG);
  }
}

Status PacketTrace::Close() {
  if (instance_.empty()) return {};
  const std::filesystem::path instance = std::exchange(instance_, {});
  pipe_.Reset();  // an instance with an open trace_pipe cannot be removed (EBUSY)
  if (rmdir(instance.c_str()) != 0) return FailErrno("remove " + instance.string());
  return {};
}

std::string TraceName(pid_t process) { return Prefix() + std::to_string(process); }

void RemoveLeftoverTraces(const std::filesystem::path& tracefs) {
  const std::string prefix = Prefix();
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(tracefs / "instances", ignored)) {
    const std::optional<pid_t> maker = Maker(entry.path().filename().string(), prefix);
    if (maker && HasEnded(*maker)) (void)rmdir(entry.path().c_str());
  }
}

TracedPackets ParsePacketTrace(std::string_view text, uint64_t net_cookie) {
  TracedPackets all;
  constexpr std::string_view kLost = " [LOST ";  // "CPU:0 [LOST 1000 EVENTS]"
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.starts_with("CPU:")) {
      all.lost += Field(line, kLost).value_or(0);
    } else if (Field<uint64_t>(line, " net_cookie=").value_or(net_cookie) != net_cookie) {
      continue;  // the filter takes devices of this name in every network namespace
    } else if (const auto packet = ParsePacket(line)) {
      all.packets.push_back(*packet);
    }
  }
  return all;
}

}  // namespace zcrx
