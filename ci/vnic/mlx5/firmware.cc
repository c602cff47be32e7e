#include "ci/vnic/mlx5/firmware.h"

#include <algorithm>
#include <cerrno>
#include <tuple>
#include <utility>

#include "ci/vnic/mlx5/capabilities.h"

namespace vnic::mlx5 {
namespace {

constexpr Field kSupportedIssi{0x6c, 0, 32};
constexpr std::size_t kCapabilities = 0x10;
constexpr std::size_t kBoard = 0x10 + 0xf0;  // query_adapter_out: the name of the firmware's image
constexpr std::string_view kBoardName = "VNIC000000001";
constexpr Field kReservedKey{0x0c, 0, 32};
constexpr Field kEventQueueNumber{0x08, 0, 8};
constexpr Field kCounterSetMade{0x08, 0, 8};
constexpr Field kCounterSetAsked{0x1c, 0, 8};
constexpr Field kClear{0x18, 31, 1};
constexpr Field kOutOfBuffer{0x30, 0, 32};

// modify_rq_in, modify_sq_in
constexpr Field kNewState{0x20, 20, 4};
constexpr std::uint32_t kReady = 1;

zcrx::Status Unknown() { return zcrx::Fail("find the command", ENOSYS); }

zcrx::Status Numbered(Command& command, const zcrx::Result<std::uint32_t>& number) {
  if (!number) return std::unexpected(number.error());
  command.out.Set(kObject, *number);
  return {};
}

zcrx::Status Allocate(Command& command, ObjectTable<Token>& table) {
  const auto number = table.Reserve();
  if (number) table.Put(*number, std::make_shared<Token>());
  return Numbered(command, number);
}

}  // namespace

void Firmware::Reset() {
  senders_.Clear();
  receivers_.Clear();
  completions_.Clear();
  events_.Clear();
  keys_.Clear();
  flows_.Clear();
  spreading_.Clear();
  for (auto* tokens : {&uars_, &domains_, &transport_domains_, &transport_sends_, &counter_sets_}) {
    tokens->Clear();
  }
  out_of_buffer_ = {};
  vport_.Reset();
}

zcrx::Status Firmware::Execute(Command& command) {
  const std::uint32_t code = command.in[kOpcode];
  if (command.Code() == Opcode::kCreateCq) {
    receivers_.BeginChannel(CompletionQueue::EventQueueOf(command.in));
  }
  const bool at_restart = receivers_.InRestart();
  if (slot_.faults.BitesCommand(Fault::kCommandUnanswered, code, at_restart)) {
    return zcrx::Fail("answer", ETIMEDOUT);
  }
  if (slot_.faults.BitesCommand(Fault::kCommandRefused, code, at_restart)) {
    return zcrx::Fail("do as asked", EIO);
  }
  if (command.Code() == Opcode::kModifyRqt) {
    receivers_.LetIn(Spreading::FirstQueueOf(command.in));
  }
  return Obey(command);
}

zcrx::Status Firmware::Obey(Command& command) {
  const auto unknown = [](const zcrx::Status& done) {
    return !done && done.error().code == ENOSYS;
  };
  auto done = ExecuteOnFunction(command);
  if (unknown(done)) done = ExecuteOnTokens(command);
  if (unknown(done)) done = ExecuteOnMemoryAndEvents(command);
  if (unknown(done)) done = ExecuteOnQueues(command);
  if (unknown(done)) done = spreading_.Execute(command);
  if (unknown(done)) done = flows_.Execute(command);
  if (unknown(done)) done = vport_.Execute(command);
  return done;
}

zcrx::Status Firmware::ExecuteOnFunction(Command& command) {
  switch (command.Code()) {
    case Opcode::kQueryIssi:
      command.out.Set(kSupportedIssi, 1U << 1);
      return {};
    case Opcode::kQueryHcaCap:
      WriteCapabilities(command.in[kModifier] >> 1U, command.out.From(kCapabilities));
      return {};
    case Opcode::kQueryAdapter: {
      const auto board = command.out.From(kBoard).Bytes();
      std::ranges::copy(kBoardName.substr(0, board.size()), board.begin());
      return {};
    }
    case Opcode::kQuerySpecialContexts:
      command.out.Set(kReservedKey, 0);
      return {};
    case Opcode::kTeardownHca:
      Reset();
      return {};
    // Nothing to do: the driver is told once what there is, and no pages are asked of it.
    case Opcode::kInitHca:
    case Opcode::kEnableHca:
    case Opcode::kDisableHca:
    case Opcode::kQueryPages:
    case Opcode::kSetHcaCap:
    case Opcode::kSetIssi:
      return {};
    default:
      return Unknown();
  }
}

zcrx::Status Firmware::ExecuteOnTokens(Command& command) {
  const std::uint32_t number = command.in[kObject];
  switch (command.Code()) {
    case Opcode::kAllocUar:
      return Allocate(command, uars_);
    case Opcode::kDeallocUar:
      return uars_.Destroy(number);
    case Opcode::kAllocPd:
      return Allocate(command, domains_);
    case Opcode::kDeallocPd:
      return domains_.Destroy(number);
    case Opcode::kAllocTransportDomain:
      return Allocate(command, transport_domains_);
    case Opcode::kDeallocTransportDomain:
      return transport_domains_.Destroy(number);
    case Opcode::kCreateTis:
      return Allocate(command, transport_sends_);
    case Opcode::kModifyTis:
      return {};
    case Opcode::kDestroyTis:
      return transport_sends_.Destroy(number);
    case Opcode::kAllocQCounter:
      return Allocate(command, counter_sets_);
    case Opcode::kDeallocQCounter:
      return counter_sets_.Destroy(command.in[kCounterSetMade]);
    case Opcode::kQueryQCounter:
      return QueryCounters(command);
    default:
      return Unknown();
  }
}

zcrx::Status Firmware::QueryCounters(Command& command) {
  std::uint64_t& count = out_of_buffer_[command.in[kCounterSetAsked]];
  command.out.Set(kOutOfBuffer, static_cast<std::uint32_t>(count));
  if (command.in.Has(kClear)) count = 0;
  return {};
}

zcrx::Status Firmware::ExecuteOnMemoryAndEvents(Command& command) {
  switch (command.Code()) {
    case Opcode::kCreateMkey:
      return Numbered(command, keys_.Create(command.in));
    case Opcode::kDestroyMkey:
      return keys_.Destroy(command.in[kObject]);
    case Opcode::kCreateEq:
      return Numbered(command, events_.Create(slot_, command.in));
    case Opcode::kDestroyEq:
      return events_.Destroy(command.in[kEventQueueNumber]);
    case Opcode::kCreateCq:
      return CreateCompletions(command);
    case Opcode::kModifyCq:  // moderation, which this NIC does not need
      return {};
    case Opcode::kDestroyCq:
      return completions_.Destroy(command.in[kObject]);
    default:
      return Unknown();
  }
}

zcrx::Status Firmware::CreateCompletions(Command& command) {
  ZCRX_ASSIGN_OR_RETURN(const std::uint32_t number, completions_.Reserve());
  ZCRX_ASSIGN_OR_RETURN(CompletionQueue queue,
                        CompletionQueue::Make(slot_, events_, number, command.in));
  completions_.Put(number, std::make_shared<CompletionQueue>(std::move(queue)));
  command.out.Set(kObject, number);
  return {};
}

zcrx::Status Firmware::ExecuteOnQueues(Command& command) {
  const std::uint32_t number = command.in[kObject];
  const bool ready = command.in[kNewState] == kReady;
  switch (command.Code()) {
    case Opcode::kCreateSq:
      return CreateSender(command);
    case Opcode::kModifySq: {
      ZCRX_ASSIGN_OR_RETURN(const auto queue, senders_.Get(number));
      queue->SetReady(ready);
      return {};
    }
    case Opcode::kDestroySq:
      return senders_.Destroy(number);
    case Opcode::kCreateRq:
      return CreateReceiver(command);
    case Opcode::kModifyRq: {
      ZCRX_ASSIGN_OR_RETURN(const auto queue, receivers_.Get(number));
      queue->SetReady(ready);
      return {};
    }
    case Opcode::kDestroyRq:
      return receivers_.Destroy(slot_, number);
    // Their state, for a driver that looks for what went wrong: nothing did.
    case Opcode::kQuerySq:
    case Opcode::kQueryRq:
      return {};
    default:
      return Unknown();
  }
}

zcrx::Status Firmware::CreateSender(Command& command) {
  ZCRX_ASSIGN_OR_RETURN(const std::uint32_t number, senders_.Reserve());
  const SendQueue::Parts parts{
      .slot = slot_, .keys = keys_, .completions = completions_, .counters = sent_};
  ZCRX_ASSIGN_OR_RETURN(SendQueue queue, SendQueue::Make(parts, number, command.in));
  senders_.Put(number, std::make_shared<SendQueue>(std::move(queue)));
  command.out.Set(kObject, number);
  return {};
}

zcrx::Status Firmware::CreateReceiver(Command& command) {
  const RxQueue::Parts parts{.slot = slot_,
                             .keys = keys_,
                             .completions = completions_,
                             .vport = vport_,
                             .counters = received_,
                             .fails_device = fails_device_};
  return Numbered(command, receivers_.Create(parts, command.in));
}

Firmware::Destination Firmware::Steer(Frame frame, const Headers& headers) const {
  const MatchRecord record = RecordOf(frame, headers);
  const auto choose = [&](bool rules) {
    const auto way = flows_.Lookup(record, rules);
    const auto choice = way ? spreading_.Choose(way->receiver, headers) : std::nullopt;
    return std::pair(choice, way && way->by_rule);
  };
  auto [choice, by_rule] = choose(true);
  if (by_rule && (slot_.faults.Bites(Fault::kRuleIgnored) ||
                  (choice && choice->spread && slot_.faults.Bites(Fault::kRssContextIgnored)))) {
    std::tie(choice, by_rule) = choose(false);
  }
  if (!choice) return {};
  Destination to{.queue = receivers_.Find(choice->queue), .hash = choice->hash};
  if (to.queue != nullptr && !slot_.faults.None()) {
    if (auto wrong = WrongQueue(*to.queue, *choice, by_rule)) to.queue = std::move(wrong);
  }
  return to;
}

// None while the driver's channels are closed.
std::shared_ptr<RxQueue> Firmware::WrongQueue(const RxQueue& right, const Choice& choice,
                                              bool by_rule) const {
  const auto all = right.Takes() ? receivers_.Channels() : std::vector<std::shared_ptr<RxQueue>>{};
  const std::uint32_t number = slot_.faults.Number(Fault::kRuleWrongQueue);
  if (by_rule && number < all.size() && all[number].get() != &right &&
      slot_.faults.Bites(Fault::kRuleWrongQueue)) {
    return all[number];
  }
  if (!by_rule && !all.empty() && choice.spread && slot_.faults.Bites(Fault::kRssTableIgnored)) {
    return all[(choice.hash ? choice.hash->value : 0) % all.size()];
  }
  return nullptr;
}

}  // namespace vnic::mlx5
