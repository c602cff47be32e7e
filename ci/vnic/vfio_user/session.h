// One client (a QEMU) and the NIC that it has plugged into its guest.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ci/vnic/base/log.h"
#include "ci/vnic/device/guest_memory.h"
#include "ci/vnic/device/nic.h"
#include "ci/vnic/device/pci_config.h"
#include "ci/vnic/vfio_user/channel.h"
#include "ci/vnic/vfio_user/msix.h"
#include "support/base/result.h"

namespace vnic::vfio_user {

class Session {
 public:
  // `memory` and `msix` are those of the NIC's slot. All outlive the session.
  Session(Channel channel, const Log& log, const PciIdentity& identity, Nic& nic,
          GuestMemory& memory, Msix& msix)
      : channel_(std::move(channel)),
        log_(log),
        identity_(identity),
        nic_(nic),
        memory_(memory),
        msix_(msix),
        config_(identity) {}

  [[nodiscard]] int Fd() const { return channel_.Fd(); }

  // Answers what has arrived, up to a few messages or milliseconds, so that one guest cannot keep
  // the loop from the other. An error ends the session (EPIPE: the client has hung up). A request
  // that is wrong in itself is answered with its errno and logged, and the session goes on.
  zcrx::Status OnReadable();

 private:
  using Body = std::vector<std::uint8_t>;

  zcrx::Status Answer(Message message);
  zcrx::Result<Body> Handle(Message& message);
  zcrx::Result<Body> NegotiateVersion(const Body& body);
  zcrx::Result<Body> MapDma(const Message& message);
  zcrx::Result<Body> UnmapDma(const Body& body);
  zcrx::Result<Body> DescribeRegion(const Body& body) const;
  zcrx::Result<Body> DescribeIrq(const Body& body) const;
  zcrx::Result<Body> SetIrqs(Message& message);
  zcrx::Result<Body> ReadRegion(const Body& body);
  zcrx::Result<Body> WriteRegion(const Body& body);
  zcrx::Result<Body> ResetDevice();
  void ResetFunction();
  [[nodiscard]] std::uint64_t RegionSize(std::uint32_t region) const;

  Channel channel_;
  const Log& log_;
  const PciIdentity& identity_;
  Nic& nic_;
  GuestMemory& memory_;
  Msix& msix_;
  PciConfig config_;
  bool negotiated_ = false;
};

}  // namespace vnic::vfio_user
