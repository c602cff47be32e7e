#include "support/nic/kernel.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "support/base/unique_fd.h"
#include "support/nic/addresses.h"
#include "support/nic/netlink/socket.h"

namespace zcrx {
namespace {

class SocketNotifications : public Notifications {
 public:
  explicit SocketNotifications(netlink::Socket socket) : socket_(std::move(socket)) {}
  Result<std::vector<netlink::Message>> Next(Deadline deadline) override {
    return socket_.Notifications(deadline);
  }

 private:
  netlink::Socket socket_;
};

class RunningKernel : public Kernel {
 public:
  RunningKernel(netlink::Socket route, netlink::Socket generic, UniqueFd ioctl_fd)
      : route_(std::move(route)), generic_(std::move(generic)), ioctl_fd_(std::move(ioctl_fd)) {}

  Result<std::vector<netlink::Message>> Call(int protocol, netlink::Request& request) override {
    return (protocol == NETLINK_ROUTE ? route_ : generic_).Call(request);
  }

  Result<std::unique_ptr<Notifications>> Listen(int protocol, uint32_t group) override {
    ZCRX_ASSIGN_OR_RETURN(netlink::Socket socket, netlink::Socket::Open(protocol));
    ZCRX_RETURN_IF_ERROR(socket.Join(group));
    return std::make_unique<SocketNotifications>(std::move(socket));
  }

  Result<netlink::Family> FindFamily(std::string_view name) override {
    netlink::Request request(fmt::format("look up netlink family {}", name), GENL_ID_CTRL,
                             NLM_F_REQUEST);
    request.GenericHeader(CTRL_CMD_GETFAMILY).PutText(CTRL_ATTR_FAMILY_NAME, name);
    ZCRX_ASSIGN_OR_RETURN(const netlink::Message reply,
                          OnlyMessage(generic_.Call(request), request.Operation()));
    return netlink::ParseFamily(reply.Attrs());
  }

  Status Ioctl(const std::string& operation, uint32_t ifindex, void* data) override {
    // SIOCETHTOOL takes a name, and the interface may have been renamed: ask the kernel for its
    // name.
    ifreq request{};
    if (::if_indextoname(ifindex, request.ifr_name) == nullptr) return FailErrno(operation);
    request.ifr_data = static_cast<char*>(data);
    if (::ioctl(ioctl_fd_.Get(), SIOCETHTOOL, &request) < 0) return FailErrno(operation);
    return {};
  }

  Result<HugePages> GetHugePages() override {
    return HugePagesLock::OfProcess().Look([] { return zcrx::GetHugePages(); });
  }
  Status SetHugePages(uint64_t pages) override {
    if (HasHugePages()) return zcrx::SetHugePages(pages);
    ZCRX_RETURN_IF_ERROR(TakeHugePages(Deadline::In(kOthersReturnHugePages)));
    Status set = zcrx::SetHugePages(pages);
    ReleaseHugePages();
    return set;
  }
  Status TakeHugePages(Deadline deadline) override {
    return HugePagesLock::OfProcess().Take(deadline);
  }
  void ReleaseHugePages() override { HugePagesLock::OfProcess().Release(); }
  [[nodiscard]] bool HasHugePages() const override { return HugePagesLock::OfProcess().IsHeld(); }
  Result<uint32_t> GetKeepAddrOnDown(const std::string& interface) override {
    return zcrx::GetKeepAddrOnDown(interface);
  }
  Status SetKeepAddrOnDown(const std::string& interface, uint32_t value) override {
    return zcrx::SetKeepAddrOnDown(interface, value);
  }

 private:
  netlink::Socket route_;
  netlink::Socket generic_;
  UniqueFd ioctl_fd_;
};

}  // namespace

Result<std::unique_ptr<Kernel>> OpenKernel() {
  ZCRX_ASSIGN_OR_RETURN(netlink::Socket route, netlink::Socket::Open(NETLINK_ROUTE));
  ZCRX_ASSIGN_OR_RETURN(netlink::Socket generic, netlink::Socket::Open(NETLINK_GENERIC));
  UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.Valid()) return FailErrno("open a socket for ioctls");
  return std::make_unique<RunningKernel>(std::move(route), std::move(generic), std::move(fd));
}

Result<netlink::Message> OnlyMessage(Result<std::vector<netlink::Message>> answer,
                                     const std::string& operation) {
  if (!answer) return std::unexpected(std::move(answer).error());
  if (answer->size() == 1) return std::move(answer->front());
  return Fail(operation, EBADMSG,
              fmt::format("the kernel's answer has {} messages instead of one", answer->size()));
}

}  // namespace zcrx
