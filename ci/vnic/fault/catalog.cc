#include "ci/vnic/fault/catalog.h"

#include <array>

namespace vnic {
namespace {

constexpr std::uint32_t kAnyNumber = 1'000'000;
constexpr std::uint32_t kMostQueues = 64;
constexpr std::uint32_t kMostBytes = 1024;

constexpr FaultSpec Always(Fault fault, std::string_view name) {
  return {.fault = fault, .name = name};
}
constexpr FaultSpec Every(Fault fault, std::string_view name, std::uint32_t usual) {
  return {.fault = fault,
          .name = name,
          .turn = FaultTurn::kEvery,
          .argument = FaultArgument::kNumber,
          .usual = usual,
          .least = 1,
          .most = kAnyNumber};
}
constexpr FaultSpec Once(Fault fault, std::string_view name, std::uint32_t usual) {
  FaultSpec spec = Every(fault, name, usual);
  spec.turn = FaultTurn::kOnce;
  return spec;
}

// Bites always; the argument says how.
constexpr FaultSpec With(Fault fault, std::string_view name, std::uint32_t usual,
                         std::uint32_t least, std::uint32_t most) {
  FaultSpec spec = Every(fault, name, usual);
  spec.turn = FaultTurn::kAlways;
  spec.least = least;
  spec.most = most;
  return spec;
}
// Bites once a period; the argument says how.
constexpr FaultSpec NowAndThen(Fault fault, std::string_view name, std::uint32_t usual) {
  FaultSpec spec = With(fault, name, usual, 1, kPeriod);
  spec.turn = FaultTurn::kPeriod;
  return spec;
}
constexpr FaultSpec OfCommand(Fault fault, std::string_view name,
                              FaultTurn turn = FaultTurn::kAlways) {
  return {.fault = fault, .name = name, .turn = turn, .argument = FaultArgument::kCommand};
}

constexpr std::array kSpecs{
    Always(Fault::kRuleIgnored, "rule-ignored"),
    With(Fault::kRuleWrongQueue, "rule-wrong-queue", 0, 0, kMostQueues - 1),
    Always(Fault::kRuleTooWide, "rule-too-wide"),
    Always(Fault::kRuleDeleteIgnored, "rule-delete-ignored"),
    Always(Fault::kRssTableIgnored, "rss-table-ignored"),
    Always(Fault::kRssContextIgnored, "rss-context-ignored"),
    Always(Fault::kRssUnsupported, "rss-unsupported"),
    Always(Fault::kNoSplit, "no-split"),
    Every(Fault::kSplitSometimes, "split-sometimes", 32),
    With(Fault::kSplitLate, "split-late", 16, 1, kMostBytes),
    Always(Fault::kSplitLostAfterReset, "split-lost-after-reset"),
    Always(Fault::kHeaderInPayload, "header-in-payload"),
    Always(Fault::kShortBuffers, "short-buffers"),
    Every(Fault::kBufferReused, "buffer-reused", 8),
    Every(Fault::kCompletionLost, "completion-lost", 100),
    Every(Fault::kCompletionEarly, "completion-early", 8),
    With(Fault::kPayloadShifted, "payload-shifted", 1, 1, kMostBytes),
    Every(Fault::kChecksumUnvouched, "checksum-unvouched", 32),
    Every(Fault::kStrideTooMany, "stride-too-many", 8),
    Every(Fault::kClosedCompletion, "closed-completion", 1),
    Every(Fault::kHeaderSkipped, "header-skipped", 16),
    Always(Fault::kSessionUnflushed, "session-unflushed"),
    Once(Fault::kByteFlip, "byte-flip", 5),
    Every(Fault::kSegmentTwice, "segment-twice", 16),
    Every(Fault::kSegmentsSwapped, "segments-swapped", 16),
    Every(Fault::kDrop, "drop", 100),
    NowAndThen(Fault::kDropBurst, "drop-burst", 10),
    Once(Fault::kLinkFlap, "link-flap", 200),
    Always(Fault::kRestartStopsNeighbour, "restart-stops-neighbour"),
    Always(Fault::kStatsFrozen, "stats-frozen"),
    Once(Fault::kDeviceReset, "device-reset", 200),
    OfCommand(Fault::kCommandRefused, "command-refused"),
    OfCommand(Fault::kCommandUnanswered, "command-unanswered", FaultTurn::kFirst),
};

constexpr bool InOrder() {
  for (std::size_t i = 0; i < kSpecs.size(); ++i) {
    if (static_cast<std::size_t>(kSpecs[i].fault) != i) return false;
  }
  return true;
}
static_assert(InOrder());
static_assert(kSpecs.size() <= FaultSet::kMost);

}  // namespace

std::span<const FaultSpec> FaultSpecs() { return kSpecs; }

}  // namespace vnic
