#include "support/kernel/packet_trace.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "fixtures/result_matchers.h"

namespace zcrx {
namespace {

// From a kernel 7.3.4.
constexpr std::string_view kTrace =
    R"(CPU:0 [LOST 900 EVENTS]
              sh-153     [000] ..s..    19.544706: napi_gro_receive_entry: dev=eth1 napi_id=0x2002 queue_mapping=4 skbaddr=00000000f07173cd vlan_tagged=0 vlan_proto=0x0000 vlan_tci=0x0000 protocol=0x86dd ip_summed=1 hash=0x5e6e9a3b l4_hash=1 len=1500 data_len=1428 truesize=4864 mac_header_valid=1 mac_header=-14 nr_frags=1 gso_size=0 gso_type=0x0 net_cookie=7
CPU:1 [LOST 100 EVENTS]
          <idle>-0       [001] ..s1.    19.554943: napi_gro_frags_entry: dev=eth1 napi_id=0x2001 queue_mapping=0 skbaddr=000000005975a5f2 vlan_tagged=0 vlan_proto=0x0000 vlan_tci=0x0000 protocol=0x0800 ip_summed=0 hash=0x00000000 l4_hash=0 len=46 data_len=0 truesize=896 mac_header_valid=1 mac_header=-14 nr_frags=0 gso_size=0 gso_type=0x0
              sh-153     [000] ..s..    19.544806: napi_gro_receive_entry: dev=eth1 napi_id=0x2002 queue_map
)";

constexpr uint64_t kCookie = 7;

TEST(ParsePacketTrace, TakesPacketsAndCountsThoseLost) {
  const TracedPackets traced = ParsePacketTrace(kTrace, kCookie);
  EXPECT_EQ(traced.lost, 1000);
  ASSERT_EQ(traced.packets.size(), 2) << "the third is cut off";
  EXPECT_EQ(traced.packets[0], (TracedPacket{.queue = 3,
                                             .hash = 0x5e6e9a3b,
                                             .length = 1500,
                                             .linear = 72,
                                             .protocol = 0x86dd,
                                             .with_ports = true}));
  EXPECT_EQ(traced.packets[1], (TracedPacket{.queue = {},
                                             .hash = 0,
                                             .length = 46,
                                             .linear = 46,
                                             .protocol = 0x0800,
                                             .unvouched = true}));
}

TEST(ParsePacketTrace, LeavesOutOtherNetworkNamespacesWhereItNamesThem) {
  const TracedPackets traced = ParsePacketTrace(kTrace, kCookie + 1);
  ASSERT_EQ(traced.packets.size(), 1);
  EXPECT_EQ(traced.packets[0].protocol, 0x0800) << "as of a kernel that does not name them";
}

TEST(ParsePacketTrace, TrustsNoText) {
  EXPECT_TRUE(ParsePacketTrace("", kCookie).packets.empty());
  EXPECT_TRUE(ParsePacketTrace("\n\n#\n", kCookie).packets.empty());
  const TracedPackets traced = ParsePacketTrace(
      "CPU:0 [LOST x EVENTS]\n"
      " queue_mapping=1 protocol=0x86dd hash=0x1 len=10 data_len=11\n"
      " queue_mapping= protocol=0x86dd hash=0x1 len=10 data_len=1",
      kCookie);
  EXPECT_TRUE(traced.packets.empty());
  EXPECT_EQ(traced.lost, 0);
}

class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "zcrx-trace-XXXXXX";
    if (::mkdtemp(name.data()) != nullptr) path = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

TEST(PacketTrace, SaysThatThereIsNoTracefs) {
  const Folder folder;
  const auto trace = PacketTrace::Open("eth1", folder.path);
  ASSERT_FALSE(trace.has_value());
  EXPECT_EQ(trace.error().code, ENOENT);
  EXPECT_EQ(trace.error().detail, "tracefs is not mounted");
}

TEST(PacketTrace, LeftoversAreThoseOfProcessesThatHaveEnded) {
  const Folder folder;
  const std::filesystem::path instances = folder.path / "instances";
  const pid_t ended = ::fork();
  if (ended == 0) ::_exit(0);
  siginfo_t info = {};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(ended), &info, WEXITED | WNOWAIT), 0);
  const std::string of_ended = TraceName(ended);  // a zombie
  const std::string ours = TraceName(::getpid());
  const std::string other = TraceName(4194305) + "x";
  for (const std::string& name : {of_ended, ours, other}) {
    std::filesystem::create_directories(instances / name);
  }

  RemoveLeftoverTraces(folder.path);

  EXPECT_FALSE(std::filesystem::exists(instances / of_ended));
  EXPECT_TRUE(std::filesystem::exists(instances / ours));
  EXPECT_TRUE(std::filesystem::exists(instances / other));
  ::waitpid(ended, nullptr, 0);
}

TEST(PacketTrace, RemovesItsInstanceAndThoseOfTheDead) {
  const Folder folder;
  const std::filesystem::path instances = folder.path / "instances";
  // No process has a number above PID_MAX_LIMIT (include/linux/threads.h).
  const std::string dead = TraceName(4194305);
  for (const std::string& name : {dead, std::string("someone-else")}) {
    std::filesystem::create_directories(instances / name);
  }
  // No files in the new instance: opening fails after it was made.
  EXPECT_FALSE(PacketTrace::Open("eth1", folder.path).has_value());
  EXPECT_FALSE(std::filesystem::exists(instances / dead));
  EXPECT_TRUE(std::filesystem::exists(instances / "someone-else"));
  const auto entries = std::filesystem::directory_iterator(instances);
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1);
}

// In a container, each run's ID may be 1.
TEST(PacketTrace, ReplacesTheInstanceOfAKilledProcessWithOurId) {
  const Folder folder;
  std::filesystem::create_directories(folder.path / "instances" / TraceName(::getpid()));
  EXPECT_THAT(PacketTrace::Open("eth1", folder.path), FailsWith(ENOENT)) << "no files in it";
}

TEST(PacketTrace, HasAnotherNameInAnotherPidNamespace) {
  constexpr int kRefused = 2;
  const std::string name = TraceName(1);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0) ::_exit(kRefused);
    const pid_t first = ::fork();
    if (first == 0) ::_exit(TraceName(1) == name ? 1 : 0);
    int status = 0;
    ::waitpid(first, &status, 0);
    ::_exit(WEXITSTATUS(status));
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (WEXITSTATUS(status) == kRefused) GTEST_SKIP() << "user namespaces are not allowed";
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace zcrx
