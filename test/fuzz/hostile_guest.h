// What any guest can do to any NIC, and what the cable brings it meanwhile.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ci/vnic/fault/frame_faults.h"
#include "ci/vnic/net/checksum.h"
#include "ci/vnic/net/segment.h"
#include "test/fuzz/input.h"
#include "test/unit/net_frames.h"

namespace vnic::fuzz {

// Takes every line, and costs no system call.
inline std::FILE* NoLog() {
  static std::FILE* const file = ::fopencookie(nullptr, "w", {});
  return file;
}

// The same one for each input, as new.
inline std::shared_ptr<FakeGuest> NewGuest(const Model& model) {
  static const auto guest = std::make_shared<FakeGuest>(model.faults, NoLog(), kMemory);
  guest->Renew();
  return guest;
}

// The guest may have lost its memory.
inline void TryWrite(const GuestMemory& memory, GuestAddress address,
                     std::span<const std::uint8_t> bytes) {
  const auto target = memory.Writable(address, bytes.size());
  if (!target.empty()) std::ranges::copy(bytes, target.begin());
}

// One from the cable: good, then edited, or of bytes that are anything.
inline Packet AnyPacket(Input& input) {
  constexpr std::size_t kMostFrames = 64;  // of a burst, for the sake of speed
  const std::uint8_t kind = input.Byte();
  Packet packet;
  if ((kind & 0x80U) != 0) {
    const auto bytes = input.Take(input.Byte());
    packet.bytes.assign(bytes.begin(), bytes.end());
  } else {
    std::size_t payload = input.Byte();
    if ((kind & 0x40U) != 0) payload = 37 * payload;
    if ((kind & 0x10U) != 0) {
      packet.segment_size = input.Number<std::uint16_t>();
      payload = std::min<std::size_t>(16 * payload, packet.segment_size * kMostFrames);
    }
    const Bytes content(payload, 0x5a);
    const Bytes options((kind & 2U) != 0 ? 12 : 0, 1);
    const bool udp = (kind & 1U) != 0;
    const std::uint8_t protocol = udp ? kProtocolUdp : kProtocolTcp;
    const Bytes datagram = udp ? Udp(content) : Tcp(content, kTcpAck, options);
    packet.bytes = (kind & 4U) != 0 ? Ethernet(kEthertypeIpv6) + Ipv6(protocol, datagram)
                                    : Ethernet(kEthertypeIpv4) + Ipv4(protocol, datagram);
    const auto headers = ParseHeaders(packet);
    if (headers && (kind & 8U) == 0) {
      CompleteIpv4Checksum(packet.bytes, *headers);
      CompleteTransportChecksum(packet.bytes, *headers);
    }
  }
  // Headers rather than payload.
  Edit<std::endian::big>(
      input, std::span(packet.bytes).first(std::min<std::size_t>(packet.bytes.size(), 128)));
  return packet;
}

class HostileGuest {
 public:
  HostileGuest(FakeGuest& guest, const Model& model, Nic& nic)
      : guest_(guest), model_(model), nic_(nic) {}

  void Step(Input& input) {
    switch (input.Below(10)) {
      case 0:
        return WriteMemory(input);
      case 1:
        return WriteRegister(input);
      case 2:
        return ReadRegister(input);
      case 3:
        return Receive(AnyPacket(input));
      case 4:
        return SetLink(input.Coin());
      case 5:
        return nic_.Reset();
      case 6:
        return Remap(input);
      case 7:
        return SetFault(input);
      case 8:
        return guest_.Pass(std::chrono::milliseconds(input.Number<std::uint16_t>()));
      default:
        std::ignore = nic_.Stats();
    }
  }

  // At the end of each step: what the NIC has sent comes back as from a peer that echoes.
  void Echo() {
    std::vector<Packet> sent = std::exchange(guest_.wire.sent, {});
    std::size_t frames = 0;
    int echoed = 0;
    for (Packet& packet : sent) {
      const std::size_t own = FramesOf(packet);
      frames += own;
      if (own > kEchoedFrames || echoed++ >= kEchoedPackets) continue;
      Receive(std::move(packet));
    }
    Require(frames <= kMostFramesInAStep);
  }

 private:
  static constexpr std::size_t kEchoedFrames = 64;
  static constexpr int kEchoedPackets = 4;
  // The other guest waits meanwhile: what one step sets off has to end soon.
  static constexpr std::size_t kMostFramesInAStep = std::size_t{1} << 17U;

  void WriteMemory(Input& input) {
    const GuestAddress address = AnyAddress(input);
    const auto bytes = input.Take(input.Byte());
    TryWrite(guest_.memory, address, bytes);
  }

  // Within a BAR, as the session has it.
  struct Place {
    unsigned bar = 0;
    std::uint64_t offset = 0;
    std::size_t size = 0;
  };
  Place AnyPlace(Input& input) {
    constexpr std::array<std::size_t, 8> kSizes = {4, 4, 4, 1, 2, 8, 0, 64};
    const auto bar = input.Below(model_.identity.bars.size());
    const std::uint64_t bytes = model_.identity.bars[bar].size;
    const std::uint64_t offset = bytes == 0 ? 0 : input.Number<std::uint32_t>() % bytes;
    return {.bar = bar,
            .offset = offset,
            .size = std::min<std::size_t>(input.OneOf(kSizes), bytes - offset)};
  }
  void WriteRegister(Input& input) {
    const Place place = AnyPlace(input);
    Bytes data(place.size);
    std::ranges::copy(input.Take(place.size), data.begin());
    nic_.WriteBar(place.bar, place.offset, data);
  }
  void ReadRegister(Input& input) {
    const Place place = AnyPlace(input);
    Bytes data(place.size);
    nic_.ReadBar(place.bar, place.offset, data);
  }

  void Receive(Packet packet) {
    for (Packet& arrived : frame_faults_.Pass(std::move(packet))) nic_.Receive(std::move(arrived));
  }
  void SetLink(bool up) {
    guest_.wire.up = up;
    nic_.LinkChanged();
  }

  // All memory goes; some, empty, may come.
  void Remap(Input& input) {
    guest_.memory.Clear();
    const std::uint8_t kind = input.Byte();
    const std::uint64_t size = (kind & 4U) != 0 ? kMemory : kMemory / 8 + 8;
    std::ignore = guest_.memory.Map(FakeGuest::kBase, size, MemoryFile(kMemory), 0,
                                    {.read = (kind & 1U) != 0, .write = (kind & 2U) != 0});
  }

  void SetFault(Input& input) {
    const FaultSpec spec = input.OneOf(FaultSpecs());
    const std::uint8_t argument = input.Byte();
    if (argument == 0xff) return guest_.faults.Clear();
    std::string text(spec.name);
    if (spec.argument == FaultArgument::kNumber) text += fmt::format("={}", argument);
    if (spec.argument == FaultArgument::kCommand) {
      text += fmt::format("={}", input.OneOf(model_.faults.commands).name);
    }
    std::ignore = guest_.faults.Set(text);
    std::ignore = guest_.faults.Text();
  }

  FakeGuest& guest_;
  const Model& model_;
  Nic& nic_;
  FrameFaults frame_faults_{guest_.faults, [this] { SetLink(false); }};
};

}  // namespace vnic::fuzz
