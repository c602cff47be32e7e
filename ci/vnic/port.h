// One port: a socket that a QEMU connects to, and the NIC that its guest then has.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "ci/vnic/base/event_loop.h"
#include "ci/vnic/base/log.h"
#include "ci/vnic/base/unix_listener.h"
#include "ci/vnic/cable.h"
#include "ci/vnic/fault/frame_faults.h"
#include "ci/vnic/options.h"
#include "ci/vnic/vfio_user/session.h"
#include "support/base/result.h"

namespace vnic {

class Port {
 public:
  // Listens. `sink`, `loop` and `wire` outlive the port.
  static zcrx::Result<std::unique_ptr<Port>> Open(const PortOptions& options, LogSink& sink,
                                                  EventLoop& loop, Cable::End& wire);
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  ~Port();

  [[nodiscard]] const std::string& Name() const { return options_.name; }
  // Of the NIC that is plugged in; nullopt: none is.
  [[nodiscard]] std::optional<Counters> Stats() const;
  // These two stay whatever is plugged in.
  [[nodiscard]] Faults& PortFaults() { return faults_; }
  [[nodiscard]] const QueueStarts& Starts() const { return starts_; }

 private:
  // All that ends with the client. The members refer to those above them.
  struct Plugged {
    Plugged(Port& port, zcrx::UniqueFd client);
    GuestMemory memory;
    vfio_user::Msix msix;
    std::unique_ptr<Nic> nic;
    vfio_user::Session session;
  };

  static constexpr std::chrono::milliseconds kFlap{200};

  Port(const PortOptions& options, LogSink& sink, EventLoop& loop, Cable::End& wire,
       UnixListener listener);
  void OnClient();
  void OnMessage();
  void Unplug();
  // Takes the cable down for kFlap.
  void Flap();

  const PortOptions options_;
  const Log log_;
  EventLoop& loop_;
  Cable::End& wire_;
  UnixListener listener_;
  Faults faults_;
  QueueStarts starts_;
  FrameFaults frame_faults_;
  Timer flap_over_;
  std::unique_ptr<Plugged> plugged_;
};

}  // namespace vnic
