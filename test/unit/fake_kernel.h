// A kernel with one NIC, eth1, behind the messages that support/nic sends: a FakeNic has the rules.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "support/nic/kernel.h"
#include "test/unit/fake_nic.h"

namespace zcrx {

inline constexpr const char* kFakeNicName = "eth1";

class FakeKernel : public Kernel {
 public:
  // `before_change` is called before each request that sets something, and may throw: the process
  // that asks is gone then.
  explicit FakeKernel(FakeNic& nic, std::function<void()> before_change = {})
      : nic_(nic), before_change_(std::move(before_change)) {}

  Result<std::vector<netlink::Message>> Call(int protocol, netlink::Request& request) override;
  Result<std::unique_ptr<Notifications>> Listen(int protocol, uint32_t group) override;
  Result<netlink::Family> FindFamily(std::string_view name) override;
  Status Ioctl(const std::string& operation, uint32_t ifindex, void* data) override;
  Result<HugePages> GetHugePages() override;
  Status SetHugePages(uint64_t pages) override;
  Status TakeHugePages(Deadline deadline) override;
  void ReleaseHugePages() override { has_huge_pages_ = false; }
  [[nodiscard]] bool HasHugePages() const override { return has_huge_pages_; }
  Result<uint32_t> GetKeepAddrOnDown(const std::string& interface) override;
  Status SetKeepAddrOnDown(const std::string& interface, uint32_t value) override;

 private:
  using Messages = std::vector<netlink::Message>;
  int CallRoute(int type, netlink::Attributes attributes, netlink::Bytes header,
                Messages& messages);
  int CallEthtool(uint8_t command, netlink::Attributes attributes, bool dump, Messages& messages);
  int CallNetdev(uint8_t command, Messages& messages);
  int SetFeatures(netlink::Attributes attributes);
  int RulesIoctl(void* data);

  FakeNic& nic_;
  bool has_huge_pages_ = false;
  std::function<void()> before_change_;
  // Shared with who listens.
  std::shared_ptr<Messages> notifications_ = std::make_shared<Messages>();
};

}  // namespace zcrx
