// The driver's side of the mlx5 model, for its tests: commands, objects and doorbells.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>

#include "ci/vnic/mlx5/completion_queue.h"
#include "ci/vnic/mlx5/device.h"
#include "test/unit/net_frames.h"
#include "test/unit/vnic_fakes.h"

namespace vnic::mlx5 {

// A request, field by field; as long as mlx5_ifc.h has it, or longer for a list at its end.
class Request {
 public:
  explicit Request(std::size_t size) : bytes_(size) {}

  Request& Set(std::size_t word, unsigned shift, unsigned width, std::uint32_t value) {
    BitWriter(bytes_).Set({static_cast<std::uint16_t>(word), static_cast<std::uint8_t>(shift),
                           static_cast<std::uint8_t>(width)},
                          value);
    return *this;
  }
  Request& SetWord(std::size_t at, std::uint32_t value) {
    BitWriter(bytes_).SetWord(at, value);
    return *this;
  }
  Request& SetLong(std::size_t at, std::uint64_t value) {
    StoreAt(bytes_, at, Be64(value));
    return *this;
  }
  Request& SetBytes(std::size_t at, Frame bytes) {
    std::ranges::copy(bytes, std::span(bytes_).subspan(at).begin());
    return *this;
  }
  [[nodiscard]] const Bytes& Data() const { return bytes_; }

 private:
  Bytes bytes_;
};

class Mlx5Driver {
 public:
  explicit Mlx5Driver(
      std::shared_ptr<FakeGuest> shared = std::make_shared<FakeGuest>(Device::kModel.faults))
      : shared_(std::move(shared)) {
    WriteRegister(kCommandsHigh, static_cast<std::uint32_t>(commands_ >> 32U));
    WriteRegister(kCommandsLow, static_cast<std::uint32_t>(commands_));
  }

  struct Answer {
    bool answered = false;
    std::uint8_t delivery = 0;
    Bytes reply;

    [[nodiscard]] std::uint32_t Status() const { return Bits(reply)[kStatus]; }
    [[nodiscard]] std::uint32_t Object() const { return Bits(reply)[kObject]; }
    [[nodiscard]] bool Ok() const { return answered && delivery == 0 && Status() == 0; }
  };

  // `slot`: of the queue.
  Answer Execute(Opcode opcode, Request request = Request(16), std::size_t reply_size = 16,
                 std::uint32_t modifier = 0, std::uint32_t slot = 0) {
    request.Set(0, 16, 16, static_cast<std::uint32_t>(opcode)).Set(4, 0, 16, modifier);
    PutCommand(request.Data(), reply_size, slot);
    WriteRegister(kCommandDoorbell, 1U << slot);
    return Answered(reply_size, slot);
  }
  // An object that a test needs; one that is refused fails it.
  std::uint32_t Make(Opcode opcode, const Request& request = Request(16)) {
    const Answer answer = Execute(opcode, request);
    EXPECT_TRUE(answer.Ok()) << "command " << static_cast<unsigned>(opcode) << ": status "
                             << answer.Status();
    return answer.Object();
  }

  void PutCommand(const Bytes& request, std::size_t reply_size, std::uint32_t slot) {
    const GuestAddress entry = Entry(slot);
    Request image(64);
    const std::size_t here = std::min<std::size_t>(request.size(), 16);
    image.Set(0, 24, 8, 7)
        .SetWord(0x04, static_cast<std::uint32_t>(request.size()))
        .SetLong(0x08, requests_)
        .SetBytes(0x10, Frame(request).first(here))
        .SetLong(0x30, replies_)
        .SetWord(0x38, static_cast<std::uint32_t>(reply_size))
        .SetWord(0x3c, 1);
    TryWrite(entry, image.Data());
    Frame rest = Frame(request).subspan(here);
    for (std::size_t i = 0; i < kMailboxes; ++i) {
      const std::size_t part = std::min<std::size_t>(rest.size(), 512);
      Request mailbox(576);
      mailbox.SetBytes(0, rest.first(part)).SetLong(0x230, Mailbox(requests_, i + 1));
      if (part > 0) TryWrite(Mailbox(requests_, i), mailbox.Data());
      rest = rest.subspan(part);
      if (16 + i * 512 < reply_size) {
        TryWrite(Mailbox(replies_, i),
                 Request(576).SetLong(0x230, Mailbox(replies_, i + 1)).Data());
      }
    }
  }
  Answer Answered(std::size_t reply_size, std::uint32_t slot) {
    const Bits entry(guest.memory.Readable(Entry(slot), 64));
    const std::uint32_t last = entry.Word(0x3c) & 0xffU;
    Answer answer{.answered = (last & 1U) == 0,
                  .delivery = static_cast<std::uint8_t>(last >> 1U),
                  .reply = Bytes(reply_size)};
    if (entry.Size() == 0) return {};
    const std::size_t here = std::min<std::size_t>(reply_size, 16);
    std::ranges::copy(entry.Bytes().subspan(0x20, here), answer.reply.begin());
    auto rest = std::span(answer.reply).subspan(here);
    for (std::size_t i = 0; !rest.empty() && i < kMailboxes; ++i) {
      const std::size_t part = std::min<std::size_t>(rest.size(), 512);
      std::ranges::copy(guest.memory.Readable(Mailbox(replies_, i), part), rest.begin());
      rest = rest.subspan(part);
    }
    return answer;
  }

  void WriteRegister(std::uint64_t offset, std::uint32_t value) {
    device.WriteBar(kRegisterBar, offset, BytesOf(Be32(value)));
  }
  [[nodiscard]] std::uint32_t ReadRegister(std::uint64_t offset) {
    std::array<std::uint8_t, 4> bytes{};
    device.ReadBar(kRegisterBar, offset, bytes);
    return LoadAt<Be32>(bytes);
  }
  // It answers nothing until the driver has begun anew.
  [[nodiscard]] bool HasFailed() { return (ReadRegister(kCommandsLow) & kInterfaceDisabled) != 0; }
  // In the page of doorbells that the driver has first.
  void Doorbell(std::uint64_t in_page, std::uint64_t value) {
    device.WriteBar(kRegisterBar, kFirstUar * kDoorbellPage + in_page, BytesOf(Be64(value)));
  }
  void EventDoorbell(std::uint64_t in_page, std::uint32_t value) {
    WriteRegister(kFirstUar * kDoorbellPage + in_page, value);
  }

  // A ring of one page, or of several.
  struct Ring {
    std::uint32_t number = 0;
    GuestAddress memory = 0;
    GuestAddress doorbell_record = 0;
  };
  static constexpr std::uint32_t kLogRecords = 6;  // of events and completions: one page

  Ring MakeEventQueue(std::uint32_t vector, std::uint64_t types = 0,
                      std::uint32_t log_size = kLogRecords) {
    Ring ring{.number = 0, .memory = guest.Allocate(4096), .doorbell_record = 0};
    ring.number = Make(Opcode::kCreateEq, Request(0x118)
                                              .Set(0x1c, 24, 5, log_size)
                                              .Set(0x24, 0, 12, vector)
                                              .SetLong(0x58, types)
                                              .SetLong(0x110, ring.memory));
    return ring;
  }
  Ring MakeCompletionQueue(std::uint32_t events, std::uint32_t log_size = kLogRecords) {
    Ring ring{.number = 0, .memory = guest.Allocate(4096), .doorbell_record = guest.Allocate(64)};
    ring.number = Make(Opcode::kCreateCq, Request(0x118)
                                              .Set(0x1c, 24, 5, log_size)
                                              .Set(0x24, 0, 32, events)
                                              .SetLong(0x48, ring.doorbell_record)
                                              .SetLong(0x110, ring.memory));
    return ring;
  }
  // The key of all memory.
  std::uint32_t MakePhysicalKey() {
    return Make(Opcode::kCreateMkey, Request(0x110).Set(0x1c, 31, 1, 1).Set(0x14, 0, 8, 0x5a))
               << 8U |
           0x5aU;
  }

  // A key of pages of 4 KiB.
  std::uint32_t MakePagesKey(std::initializer_list<GuestAddress> pages) {
    Request request(0x110 + 16 * ((pages.size() + 1) / 2));
    request.Set(0x10, 8, 2, 1)
        .SetLong(0x28, 4096 * pages.size())
        .SetWord(0x44, static_cast<std::uint32_t>((pages.size() + 1) / 2))
        .Set(0x48, 0, 6, 12);
    std::size_t at = 0x110;
    for (const GuestAddress page : pages) {
      request.SetLong(at, page);
      at += 8;
    }
    return Make(Opcode::kCreateMkey, request) << 8U;
  }

  [[nodiscard]] Completion Completed(const Ring& ring, std::uint32_t index) const {
    return guest.Get<Completion>(ring.memory + std::uint64_t{index} * kRecord);
  }
  [[nodiscard]] Bytes Memory(GuestAddress address, std::size_t length) const {
    const auto bytes = guest.memory.Readable(address, length);
    return {bytes.begin(), bytes.end()};
  }
  [[nodiscard]] std::uint64_t Counter(std::string_view name) const {
    for (const auto& [found, value] : device.Stats()) {
      if (found == name) return value;
    }
    ADD_FAILURE() << "no counter " << name;
    return 0;
  }
  // The guest may have lost its memory.
  void TryWrite(GuestAddress address, std::span<const std::uint8_t> bytes) const {
    const auto target = guest.memory.Writable(address, bytes.size());
    if (!target.empty()) std::ranges::copy(bytes, target.begin());
  }

 private:
  static constexpr std::size_t kMailboxes = 16;
  const std::shared_ptr<FakeGuest> shared_;

 public:
  FakeGuest& guest = *shared_;
  Device device{guest.Slot()};

 protected:
  [[nodiscard]] GuestAddress Entry(std::uint32_t slot) const { return commands_ + 64 * slot; }
  static GuestAddress Mailbox(GuestAddress first, std::size_t index) {
    return first + 1024 * index;
  }

  const GuestAddress commands_ = guest.Allocate(4096);
  const GuestAddress requests_ = guest.Allocate(1024 * (kMailboxes + 1));
  const GuestAddress replies_ = guest.Allocate(1024 * (kMailboxes + 1));
};

}  // namespace vnic::mlx5
