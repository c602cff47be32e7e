// The firmware: what the driver's commands make, change and destroy.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "ci/vnic/device/nic.h"
#include "ci/vnic/mlx5/command.h"
#include "ci/vnic/mlx5/completion_queue.h"
#include "ci/vnic/mlx5/event_queue.h"
#include "ci/vnic/mlx5/flow_tables.h"
#include "ci/vnic/mlx5/memory_keys.h"
#include "ci/vnic/mlx5/rx_queues.h"
#include "ci/vnic/mlx5/send_queue.h"
#include "ci/vnic/mlx5/spreading.h"
#include "ci/vnic/mlx5/vport.h"

namespace vnic::mlx5 {

class Firmware {
 public:
  explicit Firmware(const NicSlot& slot)
      : slot_(slot), keys_(slot.memory), flows_(slot.faults), vport_(slot) {}
  Firmware(const Firmware&) = delete;
  Firmware& operator=(const Firmware&) = delete;

  zcrx::Status Execute(Command& command);
  // As after power-on; only the counters go on.
  void Reset();

  // The queue of a packet that an address or a rule lets in; nullptr: it is dropped.
  struct Destination {
    std::shared_ptr<RxQueue> queue;
    std::optional<RssHash> hash;
  };
  [[nodiscard]] Destination Steer(Frame frame, const Headers& headers) const;
  // Whether a packet has made the device fail since this was last asked.
  bool TakeFailure() { return std::exchange(fails_device_, false); }
  void CountNoBuffers(const RxQueue& queue, std::uint64_t packets) {
    out_of_buffer_[queue.CounterSet()] += packets;
  }

  [[nodiscard]] const EventQueues& Events() const { return events_; }
  [[nodiscard]] std::shared_ptr<CompletionQueue> Completions(std::uint32_t number) const {
    return completions_.Find(number);
  }
  [[nodiscard]] std::shared_ptr<SendQueue> Sender(std::uint32_t number) const {
    return senders_.Find(number);
  }
  [[nodiscard]] const SendCounters& Sent() const { return sent_; }
  [[nodiscard]] const RxCounters& Received() const { return received_; }

 private:
  // The queue that a packet goes to by a fault; nullptr: by none.
  [[nodiscard]] std::shared_ptr<RxQueue> WrongQueue(const RxQueue& right, const Choice& choice,
                                                    bool by_rule) const;
  zcrx::Status Obey(Command& command);
  // Each fails with ENOSYS for the commands of the others.
  zcrx::Status ExecuteOnFunction(Command& command);
  zcrx::Status ExecuteOnTokens(Command& command);
  zcrx::Status ExecuteOnMemoryAndEvents(Command& command);
  zcrx::Status ExecuteOnQueues(Command& command);

  zcrx::Status CreateCompletions(Command& command);
  zcrx::Status CreateSender(Command& command);
  zcrx::Status CreateReceiver(Command& command);
  zcrx::Status QueryCounters(Command& command);

  const NicSlot& slot_;
  EventQueues events_;
  MemoryKeys keys_;
  ObjectTable<CompletionQueue> completions_{"completion queue", 1, 1U << 24U, 1024};
  ObjectTable<SendQueue> senders_{"send queue", 1, 1U << 24U, 1024};
  RxQueues receivers_;
  ObjectTable<Token> uars_{"UAR", kFirstUar, kFirstUar + kUars, kUars};
  ObjectTable<Token> domains_{"protection domain", 1, 1U << 24U, 4096};
  ObjectTable<Token> transport_domains_{"transport domain", 1, 1U << 24U, 4096};
  ObjectTable<Token> transport_sends_{"TIS", 1, 1U << 24U, 4096};
  ObjectTable<Token> counter_sets_{"counter set", 1, 256, 255};
  FlowTables flows_;
  Spreading spreading_;
  Vport vport_;
  SendCounters sent_;
  RxCounters received_;
  bool fails_device_ = false;
  std::array<std::uint64_t, 256> out_of_buffer_{};  // of each counter set
};

}  // namespace vnic::mlx5
