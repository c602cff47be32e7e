// What holds for every NIC in models.cc: each fault that it claims bites while its driver does what
// drivers do, and no other can be set.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "ci/vnic/fault/frame_faults.h"
#include "ci/vnic/models.h"
#include "test/unit/bnxt_queues.h"
#include "test/unit/gve_queues.h"
#include "test/unit/mlx5_queues.h"

namespace vnic {
namespace {

using ::testing::EndsWith;
using ::testing::Not;

constexpr int kSegments = 600;  // more than kPeriod
constexpr std::size_t kPayload = 1000;

// One NIC with a receive queue that splits, and its driver.
class Exercise {
 public:
  virtual ~Exercise() = default;
  // Everything that a fault can concern, in an order in which each of them gets its turn: segments
  // by RSS, by a rule and by none, a rule that goes, a restart of a second queue.
  virtual void Run() = 0;

 protected:
  static void Send(FakeGuest& guest, Nic& nic, Packet packet) {
    FrameFaults cable(guest.faults, [] {});
    for (Packet& arrived : cable.Pass(std::move(packet))) nic.Receive(std::move(arrived));
  }
};

class GveExercise : public Exercise, private gve::GveQueueDriver {
 public:
  explicit GveExercise(std::shared_ptr<FakeGuest> guest) : GveQueueDriver(std::move(guest)) {
    MakeRxQueue(gve::kHeaderBufferSize, false);
    MakeEmptyQueue(1);
    Issue(gve::Opcode::kConfigureRss,  // all to queue 0: memory is zero
          gve::ConfigureRss{.hash_types = gve::kHashTcpv4,
                            .key_size = 0,
                            .table_size = gve::kRssTableSize,
                            .key = 0,
                            .table = scratch_});
  }
  void Run() override {
    const auto segment = [&] { Send(guest_, nic_, {.bytes = gve::TcpFrame(Pattern(kPayload))}); };
    for (int i = 0; i < kSegments; ++i) segment();
    ChangeFlowRule(RuleToPort(1, 1, 0));
    segment();
    gve::ConfigureFlowRule rule = RuleToPort(9999, 1, 1);
    ChangeFlowRule(rule);
    segment();
    rule.opcode = static_cast<std::uint16_t>(gve::FlowRuleChange::kDelete);
    ChangeFlowRule(rule);
    Issue(gve::Opcode::kConfigureRss, gve::ConfigureRss{});
    Issue(gve::Opcode::kDestroyRxQueue, gve::DestroyQueue{.queue_id = 1});
    gve::CreateRxQueue request = RxQueueRequest(1);
    request.completion_ring = completions_;
    Post(gve::Opcode::kCreateRxQueue, request);
  }
};

class BnxtExercise : public Exercise, private bnxt::BnxtQueueDriver {
 public:
  explicit BnxtExercise(std::shared_ptr<FakeGuest> guest) : BnxtQueueDriver(std::move(guest)) {
    BringUp(bnxt::kPlacementSplitIpv4, 63);
    PostBuffers(queue.rx, 32, 256);
    PostBuffers(queue.aggregation, 32, 8192);
  }
  void Run() override {
    const auto segment = [&] { Send(guest, device, bnxt::TcpPacket(kPayload)); };
    Packet burst = bnxt::TcpPacket(6 * kPayload);
    burst.segment_size = kPayload;
    Send(guest, device, std::move(burst));
    for (int i = 0; i < kSegments; ++i) segment();
    bnxt::BnxtQueue second(*this);
    SteerToAnother(second, false, 1);
    segment();
    bnxt::FilterFreeRequest gone{};
    gone.filter = SteerToAnother(second).rule;
    segment();
    Send(bnxt::CommandType::kFlowFilterFree, gone);
    SteerToAnother(second, true);
    segment();
    SetMruAtRestart(0, 0);
    const bnxt::BnxtQueue restarted(*this);
    SetMruAtRestart(0, 1518);
  }

 private:
  using BnxtDriver::Send;
  using Exercise::Send;
};

class Mlx5Exercise : public Exercise, private mlx5::Mlx5QueueDriver {
 public:
  using Mlx5QueueDriver::Mlx5QueueDriver;
  void Run() override {
    const auto segment = [&] {
      Send(guest, device, mlx5::TcpPacket(kPayload));
      const auto taken = Counter("rx_packets") + Counter("rx_fillers");
      SetTaken(queue_.completed, static_cast<std::uint32_t>(taken));
    };
    SetPosted(queue_.ring, 2 * kSegments);
    Packet burst = mlx5::TcpPacket(6 * kPayload);
    burst.segment_size = kPayload;
    Send(guest, device, std::move(burst));
    for (int i = 0; i < kSegments; ++i) segment();
    if (HasFailed()) return;
    SetFlow(rules_, 0, 1, MakeReceiver({second_.ring.number}));
    segment();
    SetFlow(rules_, 0, 9999, MakeReceiver({second_.ring.number}));
    segment();
    DeleteFlow(rules_, 0);
    segment();
    SetFlow(rules_, 0, 9999, MakeReceiver({second_.ring.number, second_.ring.number}));
    segment();
    Make(mlx5::Opcode::kCreateRq, restarted_);
    DestroyReceiveQueue(second_.ring.number);
    // Those that come at a restart, while the queue is there.
    for (const NamedCommand& command : mlx5::Device::kModel.faults.commands) {
      const auto opcode = static_cast<mlx5::Opcode>(command.number);
      if (command.in_restart) Execute(opcode, mlx5::Request(16));
    }
  }

 private:
  using Exercise::Send;
  const SplitQueue queue_ = MakeSplitQueue(events);
  const SplitQueue second_ = MakeSplitQueue(MakeEventQueue(2));
  const mlx5::Request restarted_ = SplittingQueueRequest(MakeCompletionQueue(second_.events.number),
                                                         MakeRing(), second_.header_key);
  const Flows rules_ = SteerToReceiver(MakeReceiver({queue_.ring.number, queue_.ring.number}));
};

template <typename T>
std::unique_ptr<Exercise> Make(std::shared_ptr<FakeGuest> guest) {
  return std::make_unique<T>(std::move(guest));
}

std::unique_ptr<Exercise> ExerciseOf(std::string_view model, std::shared_ptr<FakeGuest> guest) {
  if (model == "gve") return Make<GveExercise>(std::move(guest));
  if (model == "bnxt") return Make<BnxtExercise>(std::move(guest));
  if (model == "mlx5") return Make<Mlx5Exercise>(std::move(guest));
  return nullptr;
}

// With the least argument that there is.
std::string SettingOf(const FaultSpec& spec, const FaultScope& scope) {
  switch (spec.argument) {
    case FaultArgument::kNumber:
      return fmt::format("{}={}", spec.name, spec.least);
    case FaultArgument::kCommand: {
      const auto first = std::ranges::find(scope.commands, true, &NamedCommand::in_restart);
      return fmt::format("{}={}", spec.name,
                         first == scope.commands.end() ? "" : std::string(first->name));
    }
    case FaultArgument::kNone:
      break;
  }
  return std::string(spec.name);
}

TEST(EveryModel, HasTheFaultsThatItClaimsAndNoOther) {
  for (const Model* model : Models()) {
    for (const FaultSpec& spec : FaultSpecs()) {
      SCOPED_TRACE(fmt::format("{} {}", model->name, spec.name));
      const auto guest = std::make_shared<FakeGuest>(model->faults);
      const auto exercise = ExerciseOf(model->name, guest);
      ASSERT_NE(exercise, nullptr) << "this test needs its driver";
      const bool claimed = model->faults.has.Has(spec.fault);
      ASSERT_EQ(guest->faults.Set(SettingOf(spec, model->faults)).has_value(), claimed);
      if (!claimed) continue;
      exercise->Run();
      EXPECT_THAT(guest->faults.Text(), Not(EndsWith(" 0"))) << "it did not bite";
    }
  }
}

TEST(EveryModel, HasACommandThatRestartsAQueue) {
  for (const Model* model : Models()) {
    const auto& commands = model->faults.commands;
    EXPECT_TRUE(std::ranges::any_of(commands, &NamedCommand::in_restart)) << model->name;
  }
}

// PciConfig leaves out what does not fit.
TEST(EveryModel, HasRoomForItsCapabilities) {
  for (const Model* model : Models()) {
    const PciConfig config(model->identity);
    std::size_t found = 0;
    std::array<std::uint8_t, 1> at{0x34};
    for (config.Read(at[0], at); at[0] != 0; config.Read(at[0] + 1U, at)) ++found;
    EXPECT_EQ(found, 2 + model->identity.capabilities.size()) << model->name;
  }
}

}  // namespace
}  // namespace vnic
