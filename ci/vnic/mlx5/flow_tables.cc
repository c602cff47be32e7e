#include "ci/vnic/mlx5/flow_tables.h"

#include <algorithm>
#include <cerrno>
#include <span>

namespace vnic::mlx5 {
namespace {

constexpr Field kTableType{0x10, 24, 8};
constexpr Field kTable{0x14, 0, 24};  // in all requests but CREATE_FLOW_TABLE
// flow_table_context, at 0x18.
constexpr Field kMissAction{0x18, 24, 4};
constexpr Field kLogSize{0x18, 0, 8};
constexpr Field kMissTable{0x18 + 0x04, 0, 24};
// create_flow_group_in, destroy_flow_group_in
constexpr Field kFirst{0x1c, 0, 32};
constexpr Field kLast{0x24, 0, 32};
constexpr Field kCriteria{0x3c, 0, 8};
constexpr std::size_t kMask = 0x40;
constexpr Field kGroup{0x18, 0, 32};
// set_fte_in, delete_fte_in; the flow context is at 0x40.
constexpr Field kIndex{0x20, 0, 32};
constexpr Field kGroupOfEntry{0x40 + 0x04, 0, 32};
constexpr Field kAction{0x40 + 0x0c, 0, 16};
constexpr Field kDestinations{0x40 + 0x10, 0, 24};
constexpr std::size_t kValue = 0x40 + 0x40;
constexpr Field kDestinationType{0x40 + 0x300, 24, 8};
constexpr Field kDestinationId{0x40 + 0x300, 0, 24};

constexpr std::uint32_t kReceiveSide = 0;  // FS_FT_NIC_RX
constexpr std::uint32_t kMissForward = 1;
constexpr std::uint32_t kOuterHeaders = 1U << 0;
constexpr std::uint32_t kActionDrop = 0x2;
constexpr std::uint32_t kActionForward = 0x4;
constexpr std::uint32_t kToTable = 1;
constexpr std::uint32_t kToReceiver = 2;
constexpr std::uint16_t kDisconnect = 1;  // SET_FLOW_TABLE_ROOT's modifier

constexpr std::uint32_t kMostLogSize = 24;
constexpr std::size_t kMostGroups = 256;  // of a table
constexpr std::size_t kMostEntries = std::size_t{64} << 10;
constexpr int kMostHops = 64;  // as many levels as there are

MatchRecord RecordAt(Bits request, std::size_t at) {
  MatchRecord record{};
  const auto bytes = request.From(at).Bytes();
  std::ranges::copy(bytes.first(std::min(bytes.size(), record.size())), record.begin());
  return record;
}

std::unexpected<zcrx::Error> Wrong(std::string_view what, std::string reason, int code = EINVAL) {
  return zcrx::Fail(std::string(what), code, std::move(reason));
}

}  // namespace

zcrx::Status FlowTables::Execute(Command& command) {
  switch (command.Code()) {
    case Opcode::kSetFlowTableRoot:
      return SetRoot(command.in);
    case Opcode::kCreateFlowTable:
      return CreateTable(command);
    case Opcode::kModifyFlowTable:
      return ModifyTable(command.in);
    case Opcode::kDestroyFlowTable:
      return DestroyTable(command.in);
    case Opcode::kCreateFlowGroup:
      return CreateGroup(command);
    case Opcode::kDestroyFlowGroup:
      return DestroyGroup(command.in);
    case Opcode::kSetFlowTableEntry:
      return SetEntry(command.in);
    case Opcode::kDeleteFlowTableEntry:
      return DeleteEntry(command.in);
    default:
      return Wrong("find the command", {}, ENOSYS);
  }
}

void FlowTables::Clear() {
  tables_.Clear();
  root_.reset();
  entries_ = 0;
  deleted_.Clear();
}

zcrx::Result<std::shared_ptr<FlowTables::Table>> FlowTables::TableOf(Bits request) const {
  return tables_.Get(request[kTable]);
}

zcrx::Status FlowTables::SetRoot(Bits request) {
  if (request[kModifier] == kDisconnect) {
    root_.reset();
    return {};
  }
  ZCRX_RETURN_IF_ERROR(TableOf(request));
  root_ = request[kTable];
  return {};
}

zcrx::Status FlowTables::CreateTable(Command& command) {
  constexpr std::string_view kWhat = "make a flow table";
  const Bits request = command.in;
  if (request[kTableType] != kReceiveSide) {
    return Wrong(kWhat, fmt::format("type {}", request[kTableType]));
  }
  auto table = std::make_shared<Table>();
  table->log_size = request[kLogSize];
  if (table->log_size > kMostLogSize) {
    return Wrong(kWhat, fmt::format("2^{} entries", table->log_size));
  }
  if (request[kMissAction] == kMissForward) table->miss = request[kMissTable];
  ZCRX_ASSIGN_OR_RETURN(const std::uint32_t number, tables_.Reserve());
  tables_.Put(number, std::move(table));
  command.out.Set(kObject, number);
  return {};
}

zcrx::Status FlowTables::ModifyTable(Bits request) {
  ZCRX_ASSIGN_OR_RETURN(const auto table, TableOf(request));
  table->miss.reset();
  if (request[kMissAction] == kMissForward) table->miss = request[kMissTable];
  return {};
}

zcrx::Status FlowTables::DestroyTable(Bits request) {
  ZCRX_ASSIGN_OR_RETURN(const auto table, TableOf(request));
  entries_ -= table->entries.size();
  if (root_ == request[kTable]) root_.reset();
  return tables_.Destroy(request[kTable]);
}

zcrx::Status FlowTables::CreateGroup(Command& command) {
  constexpr std::string_view kWhat = "make a flow group";
  const Bits request = command.in;
  ZCRX_ASSIGN_OR_RETURN(const auto table, TableOf(request));
  const Group group{
      .first = request[kFirst], .last = request[kLast], .mask = RecordAt(request, kMask)};
  if (group.first > group.last || group.last >> table->log_size != 0) {
    return Wrong(kWhat, fmt::format("{} to {} of 2^{}", group.first, group.last, table->log_size));
  }
  if ((request[kCriteria] & ~kOuterHeaders) != 0) {
    return Wrong(kWhat, fmt::format("criteria {:#x}", request[kCriteria]));
  }
  if (table->groups.size() >= kMostGroups) return Wrong(kWhat, "too many", ENOSPC);
  const std::uint32_t number = next_group_;
  next_group_ = (next_group_ + 1) & kObject.Mask();
  if (!table->groups.emplace(number, group).second) return Wrong(kWhat, "too many", ENOSPC);
  command.out.Set(kObject, number);
  return {};
}

zcrx::Status FlowTables::DestroyGroup(Bits request) {
  ZCRX_ASSIGN_OR_RETURN(const auto table, TableOf(request));
  if (table->groups.erase(request[kGroup]) == 0) {
    return Wrong("find a flow group", fmt::format("{}", request[kGroup]), ENOENT);
  }
  return {};
}

// Also what changes one: the driver tells all of it again.
zcrx::Status FlowTables::SetEntry(Bits request) {
  constexpr std::string_view kWhat = "set a flow table entry";
  ZCRX_ASSIGN_OR_RETURN(const auto table, TableOf(request));
  const auto group = table->groups.find(request[kGroupOfEntry]);
  const std::uint32_t index = request[kIndex];
  if (group == table->groups.end() || index < group->second.first || index > group->second.last) {
    return Wrong(kWhat, fmt::format("entry {} of group {}", index, request[kGroupOfEntry]));
  }
  Entry entry{.value = RecordAt(request, kValue), .mask = group->second.mask};
  const std::uint32_t action = request[kAction];
  if ((action & kActionForward) != 0 && request[kDestinations] > 0) {
    const std::uint32_t type = request[kDestinationType];
    if (type != kToTable && type != kToReceiver) {
      return Wrong(kWhat, fmt::format("destination of type {}", type));
    }
    entry.target = type == kToTable ? Target::kTable : Target::kReceiver;
    entry.id = request[kDestinationId];
  } else if ((action & kActionDrop) == 0) {
    return Wrong(kWhat, fmt::format("action {:#x}", action));
  }
  const bool known = table->entries.contains(index);
  if (!known && entries_ >= kMostEntries) return Wrong(kWhat, "too many", ENOSPC);
  if (!known) ++entries_;
  table->entries.insert_or_assign(index, entry);
  return {};
}

zcrx::Status FlowTables::DeleteEntry(Bits request) {
  ZCRX_ASSIGN_OR_RETURN(const auto table, TableOf(request));
  const auto entry = table->entries.find(request[kIndex]);
  if (entry == table->entries.end()) {
    return Wrong("find a flow table entry", fmt::format("{}", request[kIndex]), ENOENT);
  }
  if (entry->second.IsRule()) deleted_.Deleted(entry->second);
  table->entries.erase(entry);
  --entries_;
  return {};
}

std::optional<FlowTables::Way> FlowTables::Lookup(const MatchRecord& record, bool rules) const {
  const Entry* found = Find(record, rules);
  if (rules && !faults_.None() && (found == nullptr || !found->IsRule())) {
    if (const Entry* wrong = FindWrong(record)) found = wrong;
  }
  if (found == nullptr || found->target != Target::kReceiver) return std::nullopt;
  return Way{.receiver = found->id, .by_rule = found->IsRule()};
}

const FlowTables::Entry* FlowTables::Find(const MatchRecord& record, bool rules) const {
  auto next = root_;
  for (int hop = 0; next && hop < kMostHops; ++hop) {
    const auto table = tables_.Find(*next);
    if (table == nullptr) return nullptr;
    next = table->miss;
    for (const auto& [index, entry] : table->entries) {
      if (!Agrees(record, entry.value, entry.mask) || (!rules && entry.IsRule())) continue;
      if (entry.target != Target::kTable) return &entry;
      next = entry.id;
      break;
    }
  }
  return nullptr;
}

const FlowTables::Entry* FlowTables::FindWrong(const MatchRecord& record) const {
  const auto agrees = [&](const Entry& entry) { return Agrees(record, entry.value, entry.mask); };
  if (const Entry* rule = deleted_.Find(agrees)) return rule;
  if (!faults_.IsSet(Fault::kRuleTooWide) || Bits(record)[kProtocol] != kProtocolTcp) {
    return nullptr;
  }
  for (const auto& [number, table] : tables_.All()) {
    for (const auto& [index, entry] : table->entries) {
      if (!entry.IsRule()) continue;
      MatchRecord wide = entry.mask;
      BitWriter(wide).SetWord(kTcpPorts, 0);
      if (Agrees(record, entry.value, wide) && faults_.Bites(Fault::kRuleTooWide)) return &entry;
    }
  }
  return nullptr;
}

bool FlowTables::Entry::IsRule() const {
  const std::span<const std::uint8_t> bytes(mask);
  const auto any = [](std::span<const std::uint8_t> some) {
    return std::ranges::any_of(some, [](std::uint8_t byte) { return byte != 0; });
  };
  return any(bytes.subspan(kTcpPorts, sizeof(Be32))) || any(bytes.subspan(kUdpPorts));
}

}  // namespace vnic::mlx5
