// The admin commands that say what this NIC is.
#include <algorithm>
#include <array>
#include <vector>

#include "ci/vnic/gve/control_plane.h"

namespace vnic::gve {
namespace {

// The device descriptor's options, one behind the other.
class Options {
 public:
  template <typename Option>
  void Add(const Option& option) {
    Append(OptionHeader{.id = Option::kId, .length = sizeof(Option), .required_features = 0});
    Append(option);
    ++count_;
  }
  [[nodiscard]] std::uint16_t Count() const { return count_; }
  [[nodiscard]] const std::vector<std::uint8_t>& Bytes() const { return bytes_; }

 private:
  void Append(const auto& value) {
    const auto bytes = BytesOf(value);
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  std::vector<std::uint8_t> bytes_;
  std::uint16_t count_ = 0;
};

}  // namespace

ControlPlane::Outcome ControlPlane::Describe(const DescribeDevice& request) const {
  if (request.version != kDescriptorVersion) {
    return Refuse(AdminStatus::kInvalidArgument,
                  fmt::format("descriptor version {}", std::uint32_t{request.version}));
  }
  Options options;
  options.Add(OptionDqoRda{.supported_features = kSupportsModifyRing | kSupportsJumboFrames |
                                                 kSupportsBufferSizes | kSupportsFlowSteering |
                                                 kSupportsRssConfig,
                           .reserved = 0});
  options.Add(OptionModifyRing{.supported_features = kSupportsModifyRing,
                               .max_rx = kMaxRing,
                               .max_tx = kMaxRing,
                               .min_rx = kMinRing,
                               .min_tx = kMinRing});
  options.Add(OptionJumboFrames{
      .supported_features = kSupportsJumboFrames, .max_mtu = kMaxMtu, .padding = 0});
  options.Add(OptionBufferSizes{.supported_features = kSupportsBufferSizes,
                                .packet_buffer_size = kBufferSize,
                                .header_buffer_size = kHeaderBufferSize});
  options.Add(OptionFlowSteering{
      .supported_features = kSupportsFlowSteering, .reserved = 0, .max_flow_rules = kMaxFlowRules});
  options.Add(OptionRssConfig{.supported_features = kSupportsRssConfig,
                              .hash_key_size = kRssKeySize,
                              .hash_lut_size = kRssTableSize});

  DeviceDescriptor descriptor;
  descriptor.tx_queue_entries = kDefaultRing;
  descriptor.rx_queue_entries = kDefaultRing;
  descriptor.default_num_queues = static_cast<std::uint16_t>(kDefaultQueues);
  descriptor.mtu = kMaxMtu;
  descriptor.counters = static_cast<std::uint16_t>(kNotifyBlocks);
  descriptor.mac = slot_.mac;
  descriptor.num_device_options = options.Count();
  const std::size_t length = sizeof descriptor + options.Bytes().size();
  descriptor.total_length = static_cast<std::uint16_t>(length);
  if (length > request.available_length) {
    return Refuse(AdminStatus::kResourceExhausted,
                  fmt::format("{} bytes for a descriptor of {}",
                              std::uint32_t{request.available_length}, length));
  }
  std::vector<std::uint8_t> bytes(length);
  StoreAt(bytes, 0, descriptor);
  std::ranges::copy(options.Bytes(), bytes.begin() + sizeof descriptor);
  return Write(request.address, bytes);
}

ControlPlane::Outcome ControlPlane::TellLinkSpeed(const ReportLinkSpeed& request) const {
  return Write(request.address, BytesOf(Be64(kLinkSpeedMbit)));
}

ControlPlane::Outcome ControlPlane::TellPacketTypes(const GetPtypeMap& request) const {
  std::array<PtypeEntry, kPacketTypes> map{};
  for (const L3 l3 : {L3::kIpv4, L3::kIpv6}) {
    for (const L4 l4 : {L4::kUnknown, L4::kTcp, L4::kUdp}) {
      map[PacketType(l3, l4)] = {.l3 = static_cast<std::uint8_t>(l3),
                                 .l4 = static_cast<std::uint8_t>(l4)};
    }
  }
  if (request.length < sizeof map) {
    return Refuse(AdminStatus::kInvalidArgument, "packet type map is too short");
  }
  return Write(request.address, BytesOf(map));
}

ControlPlane::Outcome ControlPlane::Verify(const VerifyDriverCompatibility& request) const {
  if (slot_.memory.Readable(request.address, request.length).empty()) {
    return Refuse(AdminStatus::kInvalidArgument, "driver information is not in memory");
  }
  return {};
}

}  // namespace vnic::gve
