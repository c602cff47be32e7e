#include "ci/vnic/mlx5/spreading.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

namespace vnic::mlx5 {
namespace {

constexpr std::size_t kContext = 0x20;
// tirc
constexpr Field kDisposition{0x04, 28, 4};
constexpr Field kQueue{0x1c, 0, 24};
constexpr Field kSymmetric{0x20, 31, 1};
constexpr Field kTable{0x20, 0, 24};
constexpr Field kFunction{0x24, 28, 4};
constexpr std::size_t kKey = 0x28;
constexpr Field kFields{0x50, 0, 30};
constexpr std::uint32_t kDirect = 0;
constexpr std::uint32_t kIndirect = 1;
// modify_tir_in, modify_rqt_in
constexpr Field kModifyHash{0x14, 2, 1};
constexpr Field kModifyQueues{0x14, 0, 1};
// rqtc
constexpr Field kSize{0x18, 0, 16};
constexpr std::size_t kQueues = 0xf0;
constexpr std::uint32_t kMostQueues = 2048;

// device.h, MLX5_HASH_FIELD_SEL_*
constexpr std::uint32_t kSourceAddress = 1U << 0;
constexpr std::uint32_t kDestinationAddress = 1U << 1;
constexpr std::uint32_t kSourcePort = 1U << 2;
constexpr std::uint32_t kDestinationPort = 1U << 3;

class HashInput {
 public:
  void Add(std::span<const std::uint8_t> bytes) {
    std::ranges::copy(bytes, bytes_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += bytes.size();
  }
  // Two fields of one kind. Symmetric: the same in both directions (linux/ethtool.h,
  // RXH_XFRM_SYM_OR_XOR).
  void AddPair(std::span<const std::uint8_t> source, std::span<const std::uint8_t> destination,
               bool take_source, bool take_destination, bool symmetric) {
    if (symmetric && take_source && take_destination) {
      std::array<std::uint8_t, 2 * sizeof(IpAddress)> both{};
      for (std::size_t i = 0; i < source.size(); ++i) {
        both[i] = source[i] | destination[i];
        both[source.size() + i] = source[i] ^ destination[i];
      }
      return Add(std::span(both).first(2 * source.size()));
    }
    if (take_source) Add(source);
    if (take_destination) Add(destination);
  }
  [[nodiscard]] std::span<const std::uint8_t> Bytes() const {
    return std::span(bytes_).first(size_);
  }

 private:
  std::array<std::uint8_t, 36> bytes_{};
  std::size_t size_ = 0;
};

std::uint32_t InvertedXor(std::span<const std::uint8_t> bytes) {
  std::uint8_t sum = 0;
  for (const std::uint8_t byte : bytes) sum ^= byte;
  return static_cast<std::uint8_t>(~sum);
}

}  // namespace

zcrx::Status Spreading::Execute(Command& command) {
  switch (command.Code()) {
    case Opcode::kCreateTir:
      return CreateReceiver(command);
    case Opcode::kModifyTir:
      return ModifyReceiver(command.in);
    case Opcode::kDestroyTir:
      return receivers_.Destroy(command.in[kObject]);
    case Opcode::kCreateRqt:
      return CreateTable(command);
    case Opcode::kModifyRqt:
      return ModifyTable(command.in);
    case Opcode::kDestroyRqt:
      return tables_.Destroy(command.in[kObject]);
    default:
      return zcrx::Fail("find the command", ENOSYS);
  }
}

void Spreading::Clear() {
  receivers_.Clear();
  tables_.Clear();
}

void Spreading::SetHash(Receiver& receiver, Bits context) {
  receiver.function = static_cast<HashFunction>(context[kFunction]);
  receiver.symmetric = context.Has(kSymmetric);
  receiver.fields = context[kFields];
  const auto key = context.From(kKey).Bytes();
  std::ranges::copy(key.first(std::min(key.size(), receiver.key.size())), receiver.key.begin());
}

zcrx::Status Spreading::CreateReceiver(Command& command) {
  const Bits context = command.in.From(kContext);
  const std::uint32_t disposition = context[kDisposition];
  if (disposition != kDirect && disposition != kIndirect) {
    return zcrx::Fail("make a TIR", EINVAL, fmt::format("disposition {}", disposition));
  }
  auto receiver = std::make_shared<Receiver>();
  receiver->direct = disposition == kDirect;
  receiver->target = receiver->direct ? context[kQueue] : context[kTable];
  SetHash(*receiver, context);
  ZCRX_ASSIGN_OR_RETURN(const std::uint32_t number, receivers_.Reserve());
  receivers_.Put(number, std::move(receiver));
  command.out.Set(kObject, number);
  return {};
}

zcrx::Status Spreading::ModifyReceiver(Bits request) {
  ZCRX_ASSIGN_OR_RETURN(const auto receiver, receivers_.Get(request[kObject]));
  if (request.Has(kModifyHash)) SetHash(*receiver, request.From(kContext));
  return {};
}

zcrx::Status Spreading::SetQueues(Table& table, Bits context) {
  const std::uint32_t size = context[kSize];
  const Bits list = context.From(kQueues);
  if (size > kMostQueues || list.Size() / sizeof(Be32) < size) {
    return zcrx::Fail("fill an RQT", EINVAL,
                      fmt::format("{} queues in {} bytes", size, list.Size()));
  }
  table.queues.clear();
  for (std::size_t i = 0; i < size; ++i) {
    table.queues.push_back(list.Word(i * sizeof(Be32)) & kObject.Mask());
  }
  return {};
}

zcrx::Status Spreading::CreateTable(Command& command) {
  auto table = std::make_shared<Table>();
  ZCRX_RETURN_IF_ERROR(SetQueues(*table, command.in.From(kContext)));
  ZCRX_ASSIGN_OR_RETURN(const std::uint32_t number, tables_.Reserve());
  tables_.Put(number, std::move(table));
  command.out.Set(kObject, number);
  return {};
}

zcrx::Status Spreading::ModifyTable(Bits request) {
  ZCRX_ASSIGN_OR_RETURN(const auto table, tables_.Get(request[kObject]));
  if (!request.Has(kModifyQueues)) return {};
  return SetQueues(*table, request.From(kContext));
}

std::optional<RssHash> Spreading::HashOf(const Receiver& receiver, const Headers& headers) {
  if (headers.network == Network::kNone || receiver.fields == 0) return std::nullopt;
  const auto wants = [&](std::uint32_t field) { return (receiver.fields & field) != 0; };
  const bool v4 = headers.network == Network::kIpv4;
  const std::size_t length = v4 ? 4 : sizeof(IpAddress);
  HashInput input;
  input.AddPair(std::span(headers.source).first(length),
                std::span(headers.destination).first(length), wants(kSourceAddress),
                wants(kDestinationAddress), receiver.symmetric);
  const bool ports = headers.transport != Transport::kNone && wants(kSourcePort | kDestinationPort);
  if (ports) {
    const Be16 source = headers.source_port;
    const Be16 destination = headers.destination_port;
    input.AddPair(BytesOf(source), BytesOf(destination), wants(kSourcePort),
                  wants(kDestinationPort), receiver.symmetric);
  }
  return RssHash{.value = receiver.function == HashFunction::kXor
                              ? InvertedXor(input.Bytes())
                              : Toeplitz(receiver.key, input.Bytes()),
                 .with_ports = ports};
}

std::optional<Choice> Spreading::Choose(std::uint32_t receiver, const Headers& headers) const {
  const auto found = receivers_.Find(receiver);
  if (found == nullptr) return std::nullopt;
  const auto hash = HashOf(*found, headers);
  if (found->direct) return Choice{.queue = found->target, .hash = hash};
  const auto table = tables_.Find(found->target);
  if (table == nullptr || table->queues.empty()) return std::nullopt;
  const std::size_t slot = hash ? hash->value % table->queues.size() : 0;
  return Choice{.queue = table->queues[slot], .hash = hash, .spread = table->queues.size() > 1};
}

std::uint32_t Spreading::FirstQueueOf(Bits request) {
  return request.Word(kContext + kQueues) & kObject.Mask();
}

}  // namespace vnic::mlx5
