// Names, where no name server answers: in namespaces of this program's own.
#include "support/remote/name_lookup.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <string>
#include <thread>

#include "fixtures/result_matchers.h"
#include "support/base/interruption_watch.h"
#include "support/base/unique_fd.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;

constexpr const char* kResolvConf = "/etc/resolv.conf";
constexpr uint16_t kDns = 53;
constexpr uint16_t kSsh = 22;
constexpr auto kNever = 1h;

TEST(NameLookup, FindsAnAddressWithoutAskingAnybody) {
  for (const char* address : {"192.0.2.1", "2001:db8::1"}) {
    ASSERT_OK_AND_ASSIGN(const Addresses found, LookUp(address, kSsh, Deadline::In(0s)));
    EXPECT_EQ(found->ai_next, nullptr);
    EXPECT_EQ(found->ai_socktype, SOCK_STREAM);
    // The port stands at the same place in sockaddr_in and sockaddr_in6.
    sockaddr_in port{};
    std::memcpy(&port, found->ai_addr, sizeof port);
    EXPECT_EQ(ntohs(port.sin_port), kSsh);
  }
}

TEST(NameLookup, FindsANameOfTheHostsFile) {
  ASSERT_OK_AND_ASSIGN(const Addresses found, LookUp("localhost", kSsh, Deadline::In(20s)));
  EXPECT_NE(found, nullptr);
}

// A name server on this machine that takes every question and answers none.
class SilentNameServer : public ::testing::Test {
 protected:
  void SetUp() override {
    // The process moves once and for all.
    static const std::string trouble = Move();
    if (!trouble.empty()) GTEST_SKIP() << "no namespaces here: " << trouble;
    server_.Reset(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ASSERT_TRUE(server_.Valid());
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(kDns);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(server_.Get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }

 private:
  // Empty, or why not.
  static std::string Move() {
    constexpr int kSpaces = CLONE_NEWNET | CLONE_NEWNS;
    if (::unshare(kSpaces) != 0 && ::unshare(CLONE_NEWUSER | kSpaces) != 0) {
      return std::string("unshare: ") + ::strerror(errno);
    }
    std::string file = testing::TempDir() + "resolv.conf.XXXXXX";
    const UniqueFd written(::mkstemp(file.data()));
    constexpr std::string_view kText = "nameserver 127.0.0.1\n";
    const bool mounted = ::write(written.Get(), kText.data(), kText.size()) > 0 &&
                         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                         ::mount(file.c_str(), kResolvConf, nullptr, MS_BIND, nullptr) == 0;
    const int code = errno;
    ::unlink(file.c_str());
    if (!mounted) return std::string("mount: ") + ::strerror(code);
    const UniqueFd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq loopback{};
    std::strcpy(loopback.ifr_name, "lo");
    loopback.ifr_flags = IFF_UP;
    if (::ioctl(any.Get(), SIOCSIFFLAGS, &loopback) == 0) return {};
    return std::string("set up lo: ") + ::strerror(errno);
  }

  // As in a program: before the first thread, which would take the signals otherwise.
  const InterruptionWatch watch_;
  UniqueFd server_;
};

TEST_F(SilentNameServer, IsNotWaitedForBeyondTheDeadline) {
  EXPECT_THAT(LookUp("peer.test", kSsh, Deadline::In(50ms)), FailsWith(ETIMEDOUT));
}

TEST_F(SilentNameServer, IsNotWaitedForAfterAnInterruption) {
  std::thread later([] {
    std::this_thread::sleep_for(50ms);
    ::kill(::getpid(), SIGTERM);
  });
  EXPECT_THAT(LookUp("peer.test", kSsh, Deadline::In(kNever)), FailsWith(ECANCELED));
  later.join();
}

}  // namespace
}  // namespace zcrx
