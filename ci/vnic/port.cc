#include "ci/vnic/port.h"

#include <cerrno>
#include <utility>

namespace vnic {

Port::Plugged::Plugged(Port& port, zcrx::UniqueFd client)
    : msix(port.options_.model->identity.msix.vectors),
      nic(port.options_.model->make({.log = port.log_,
                                     .memory = memory,
                                     .interrupts = msix,
                                     .wire = port.wire_,
                                     .faults = port.faults_,
                                     .starts = port.starts_,
                                     .timers = port.loop_.LoopTimers(),
                                     .mac = port.options_.mac})),
      session(vfio_user::Channel(std::move(client)), port.log_, port.options_.model->identity, *nic,
              memory, msix) {}

zcrx::Result<std::unique_ptr<Port>> Port::Open(const PortOptions& options, LogSink& sink,
                                               EventLoop& loop, Cable::End& wire) {
  ZCRX_ASSIGN_OR_RETURN(UnixListener listener, UnixListener::Listen(options.socket));
  // Not make_unique: the constructor is private, since a port without its socket is none.
  std::unique_ptr<Port> port(new Port(options, sink, loop, wire, std::move(listener)));
  ZCRX_RETURN_IF_ERROR(loop.Add(port->listener_.Fd(), [raw = port.get()] { raw->OnClient(); }));
  return port;
}

Port::Port(const PortOptions& options, LogSink& sink, EventLoop& loop, Cable::End& wire,
           UnixListener listener)
    : options_(options),
      log_(sink, options.name),
      loop_(loop),
      wire_(wire),
      listener_(std::move(listener)),
      faults_(options_.model->faults),
      frame_faults_(faults_, [this] { Flap(); }) {}

Port::~Port() {
  Unplug();
  loop_.Remove(listener_.Fd());
}

std::optional<Counters> Port::Stats() const {
  if (!plugged_) return std::nullopt;
  return plugged_->nic->Stats();
}

void Port::OnClient() {
  auto client = listener_.Accept();
  if (!client) return log_.Error("{}", client.error().Text());
  if (plugged_) return log_.Refused("a second client: the port is taken");
  plugged_ = std::make_unique<Plugged>(*this, std::move(*client));
  if (const auto added = loop_.Add(plugged_->session.Fd(), [this] { OnMessage(); }); !added) {
    log_.Error("{}", added.error().Text());
    plugged_.reset();
    return;
  }
  wire_.Plug(
      [this](Packet packet) {
        for (Packet& arrived : frame_faults_.Pass(std::move(packet))) {
          plugged_->nic->Receive(std::move(arrived));
        }
      },
      [this] { plugged_->nic->LinkChanged(); });
  log_.Info("a client has connected: {} plugged in", options_.model->name);
}

void Port::OnMessage() {
  const zcrx::Status status = plugged_->session.OnReadable();
  if (status) return;
  if (status.error().code == EPIPE || status.error().code == ECONNRESET) {
    log_.Info("the client has disconnected");
  } else {
    log_.Refused("the client is cut off: {}", status.error().Text());
  }
  Unplug();
}

void Port::Flap() {
  flap_over_ = loop_.LoopTimers().After(kFlap, [this] { wire_.SetUp(true); });
  wire_.SetUp(false);
}

void Port::Unplug() {
  if (!plugged_) return;
  log_.Info("so far: {}", starts_.Text());
  wire_.Unplug();
  loop_.Remove(plugged_->session.Fd());
  plugged_.reset();
}

}  // namespace vnic
