// Our own receive loop, Receiver, on a real ring and real sockets: without a device the kernel
// copies all data, and the rest is as with one.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include "fixtures/nodev_test.h"
#include "support/payload/payload.h"
#include "support/zcrx/receiver.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

constexpr uint64_t kSeed = 7;
constexpr auto kPatience = 20s;

StreamCheck IsPayload() {
  return [payload = Payload(kSeed)](uint64_t offset, std::span<const std::byte> bytes) {
    return payload.Check(offset, bytes);
  };
}

// Sends in a thread of its own: the receiver's loop blocks.
class LocalSender {
 public:
  enum class Ending { kFin, kReset, kOpen };

  LocalSender(const SocketAddress& to, size_t bytes, Ending ending = Ending::kFin) {
    socket_.Reset(socket(to.Family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    thread_ = std::thread([this, to, bytes, ending] {
      if (connect(socket_.Get(), to.Get(), to.Length()) != 0) return;
      std::vector<std::byte> data(bytes);
      Payload(kSeed).Fill(0, data);
      for (size_t sent = 0; sent < bytes;) {
        const ssize_t taken = send(socket_.Get(), &data[sent], bytes - sent, MSG_NOSIGNAL);
        if (taken <= 0) return;
        sent += static_cast<size_t>(taken);
      }
      if (ending == Ending::kFin) shutdown(socket_.Get(), SHUT_WR);
      if (ending == Ending::kReset) {
        // The receiver has read all by then, or the reset would throw away what it has not.
        const linger now = {.l_onoff = 1, .l_linger = 0};
        setsockopt(socket_.Get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        socket_.Reset();
      }
    });
  }
  LocalSender(const LocalSender&) = delete;
  LocalSender& operator=(const LocalSender&) = delete;
  ~LocalSender() {
    // Wakes a send() that nobody reads from.
    if (socket_.Valid()) shutdown(socket_.Get(), SHUT_RDWR);
    thread_.join();
  }

 private:
  UniqueFd socket_;
  std::thread thread_;
};

class ZcrxNodevReceiver : public NodevTest {
 protected:
  static ReceiverOptions Options() {
    ReceiverOptions options = {.ifq = {}, .listen = *SocketAddress::Parse("127.0.0.1", 0)};
    options.ifq.nodev = true;
    return options;
  }

  // Ten times what the area holds. Without a device nothing takes from the refill ring by itself,
  // so the check has it flushed; and a request is limited, or the kernel would copy more than the
  // area before the first buffer is back.
  static Result<Received> ReceiveTenAreas(ReceiverOptions options) {
    options.ifq.area.bytes = 64 * PageBytes();
    options.ifq.rq_entries = 64;
    options.request_bytes = static_cast<uint32_t>(8 * PageBytes());
    ZCRX_ASSIGN_OR_RETURN(Receiver receiver, Receiver::Start(options));
    const size_t bytes = 10 * options.ifq.area.bytes;
    const LocalSender sender(receiver.Endpoint(), bytes);
    const auto check = [&receiver, payload = Payload(kSeed)](uint64_t offset, auto data) -> Status {
      ZCRX_RETURN_IF_ERROR(receiver.FlushRefillRing());
      return payload.Check(offset, data);
    };
    return receiver.Collect(bytes, check, Deadline::In(kPatience));
  }
};

TEST_F(ZcrxNodevReceiver, DeliversEveryByteInOrder) {
  constexpr size_t kBytes = 2 << 20;
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(Options()));
  const auto begin = Deadline::Clock::now();
  const LocalSender sender(receiver.Endpoint(), kBytes);
  ASSERT_OK_AND_ASSIGN(const Received received,
                       receiver.Collect(kBytes, IsPayload(), Deadline::In(kPatience)));
  EXPECT_GT(received.seconds, 0s);
  EXPECT_LE(received.seconds, Deadline::Clock::now() - begin);
  EXPECT_EQ(received.bytes, kBytes);
  EXPECT_EQ(received.requests, 1);
  EXPECT_GE(received.completions, kBytes / PageBytes());
  EXPECT_EQ(received.longest, PageBytes());
  EXPECT_EQ(std::accumulate(received.lengths.begin(), received.lengths.end(), uint64_t{0}),
            received.completions);
}

TEST_F(ZcrxNodevReceiver, ReceivesOneConnectionAfterAnother) {
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(Options()));
  for (const size_t bytes : {size_t{1}, size_t{100'000}, size_t{12'840}}) {
    const LocalSender sender(receiver.Endpoint(), bytes);
    ASSERT_OK_AND_ASSIGN(const Received received,
                         receiver.Collect(bytes, IsPayload(), Deadline::In(kPatience)));
    EXPECT_EQ(received.bytes, bytes);
  }
}

TEST_F(ZcrxNodevReceiver, SendsLimitedRequestsAgain) {
  ReceiverOptions options = Options();
  options.request_bytes = 4096;
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(options));
  const LocalSender sender(receiver.Endpoint(), 16384);
  ASSERT_OK_AND_ASSIGN(const Received received,
                       receiver.Collect(16384, IsPayload(), Deadline::In(kPatience)));
  EXPECT_EQ(received.requests, 5) << "four for the data, one for the end";
  EXPECT_LE(received.longest, 4096);
}

TEST_F(ZcrxNodevReceiver, GoesOnAfterAFullCompletionQueue) {
  ReceiverOptions options = Options();
  options.cq_entries = 8;
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(options));
  const LocalSender sender(receiver.Endpoint(), 2 << 20);
  ASSERT_OK_AND_ASSIGN(const Received received,
                       receiver.Collect(2 << 20, IsPayload(), Deadline::In(kPatience)));
  EXPECT_GT(received.queue_full, 0);
  EXPECT_EQ(received.requests, received.queue_full + 1);
}

TEST_F(ZcrxNodevReceiver, ReceivesManyTimesItsArea) { EXPECT_OK(ReceiveTenAreas(Options())); }

TEST_F(ZcrxNodevReceiver, TellsOfCopiesOnceUntilArmedAgain) {
  ZCRX_REQUIRE(Capability::kEvents);
  ReceiverOptions options = Options();
  options.ifq.event_mask = uapi::EventBit(uapi::ZCRX_EVENT_COPY);
  options.ifq.stats = true;
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(options));
  EXPECT_THAT(receiver.ArmEvent(uapi::ZCRX_EVENT_COPY), FailsWith(EINVAL)) << "it has not fired";
  for (uint64_t round = 1; round <= 2; ++round) {
    const LocalSender sender(receiver.Endpoint(), 100'000);
    ASSERT_OK(receiver.Collect(100'000, IsPayload(), Deadline::In(kPatience)));
    ASSERT_OK_AND_ASSIGN(
        const Received told,
        receiver.WaitForEvent(uapi::ZCRX_EVENT_COPY, IsPayload(), Deadline::In(kPatience), round));
    EXPECT_EQ(told.events[uapi::ZCRX_EVENT_COPY], round);
    EXPECT_EQ(told.stats->copy_bytes, round * 100'000);
    EXPECT_OK(receiver.ArmEvent(uapi::ZCRX_EVENT_COPY));
  }
}

// Puts another file in the place of the process's io_uring: whatever is asked of it fails.
void SpoilTheRing() {
  const UniqueFd other(open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    if (std::filesystem::read_symlink(entry, error) == "anon_inode:[io_uring]") {
      ASSERT_GE(dup2(other.Get(), std::stoi(entry.path().filename())), 0);
    }
  }
}

TEST_F(ZcrxNodevReceiver, AnErrorOfTheRingClosesTheConnections) {
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(Options()));
  const LocalSender sender(receiver.Endpoint(), 1000, LocalSender::Ending::kOpen);
  ASSERT_OK(receiver.Accept(2000, IsPayload(), Deadline::In(kPatience)));
  ASSERT_OK(receiver.Reach(1000, Deadline::In(kPatience)));
  SpoilTheRing();
  const auto received = receiver.CollectAll(Deadline::In(kPatience));
  ASSERT_FALSE(received.has_value());
  EXPECT_THAT(received.error().detail, EndsWith("1000 of 2000 bytes had arrived"));
  const auto none = receiver.CollectAll(Deadline::In(kPatience));
  EXPECT_TRUE(none.has_value() && none->empty()) << "a connection is left";
}

TEST_F(ZcrxNodevReceiver, SaysThatTheAreaRanDry) {
  ReceiverOptions options = Options();
  options.ifq.area.bytes = 16 * PageBytes();
  options.return_buffers = false;
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(options));
  const LocalSender sender(receiver.Endpoint(), 1 << 20);
  const auto received = receiver.Collect(1 << 20, IsPayload(), Deadline::In(kPatience));
  ASSERT_FALSE(received.has_value());
  EXPECT_EQ(received.error().code, ENOMEM);
  EXPECT_THAT(received.error().detail,
              AllOf(HasSubstr("no free buffer; "), EndsWith(" of 1048576 bytes had arrived")));
}

TEST_F(ZcrxNodevReceiver, CountsAStreamThatEndsEarly) {
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(Options()));
  const LocalSender sender(receiver.Endpoint(), 1000);
  const auto received = receiver.Collect(2 << 20, IsPayload(), Deadline::In(kPatience));
  ASSERT_FALSE(received.has_value());
  EXPECT_EQ(received.error().Text(), "receive: the stream ended after 1000 of 2097152 bytes");
}

TEST_F(ZcrxNodevReceiver, CollectsSeveralConnectionsInTheirOrder) {
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(Options()));
  std::vector<std::unique_ptr<LocalSender>> senders;
  // More than the ring takes requests at a time.
  const std::vector<size_t> lengths = {300'000, 1, 100'000, 0, 12'840, 70'000};
  for (const size_t bytes : lengths) {
    senders.push_back(std::make_unique<LocalSender>(receiver.Endpoint(), bytes));
    const auto accepted = receiver.Accept(bytes, IsPayload(), Deadline::In(kPatience));
    ASSERT_OK(accepted);
  }
  const auto received = receiver.CollectAll(Deadline::In(kPatience));
  ASSERT_OK(received);
  std::vector<size_t> arrived;
  for (const Received& stream : *received) arrived.push_back(stream.bytes);
  EXPECT_EQ(arrived, lengths);
}

TEST_F(ZcrxNodevReceiver, StopsInMidStreamAndGoesOn) {
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(Options()));
  const LocalSender sender(receiver.Endpoint(), 1 << 20);
  ASSERT_OK(receiver.Accept(1 << 20, IsPayload(), Deadline::In(kPatience)));
  const auto reached = receiver.Reach(100'000, Deadline::In(kPatience));
  ASSERT_OK(reached);
  const auto received = receiver.CollectAll(Deadline::In(kPatience));
  ASSERT_OK(received);
  EXPECT_EQ(received->front().bytes, 1 << 20);
}

TEST_F(ZcrxNodevReceiver, SaysThatAStreamEndsBeforeWhatItWasToReach) {
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(Options()));
  const LocalSender sender(receiver.Endpoint(), 1000);
  ASSERT_OK(receiver.Accept(1000, IsPayload(), Deadline::In(kPatience)));
  const auto reached = receiver.Reach(1001, Deadline::In(kPatience));
  ASSERT_FALSE(reached.has_value());
  EXPECT_EQ(reached.error().Text(), "receive: a stream has ended: 1000 of 1000 bytes had arrived");
}

// Nothing of the first connection is left over for the second.
TEST_F(ZcrxNodevReceiver, ReceivesAgainAfterAFailure) {
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(Options()));
  for (const bool good : {false, true}) {
    const LocalSender sender(receiver.Endpoint(), 1 << 20);
    auto check = [good, payload = Payload(kSeed)](uint64_t offset, auto data) -> Status {
      if (!good && offset > 100'000) return Fail("not what was expected");
      return payload.Check(offset, data);
    };
    const auto received = receiver.Collect(1 << 20, std::move(check), Deadline::In(kPatience));
    if (good) {
      EXPECT_OK(received);
    } else {
      EXPECT_THAT(received, FailsWithText(HasSubstr("not what was expected")));
    }
  }
}

// What is kept is a part of what comes back, as more than the area arrives.
TEST_F(ZcrxNodevReceiver, GivesBuffersBackOutOfOrder) {
  ReceiverOptions options = Options();
  options.shuffle = 16;
  EXPECT_OK(ReceiveTenAreas(options));
}

TEST_F(ZcrxNodevReceiver, ChecksAgainWhatItKept) {
  ReceiverOptions options = Options();
  options.shuffle = 16;
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(options));
  const LocalSender sender(receiver.Endpoint(), 1 << 20);
  StreamCheck check = [arrived = uint64_t{0}](uint64_t offset, auto bytes) mutable -> Status {
    if (offset < arrived) return Fail("look again", 0, "not what was expected");
    arrived += bytes.size();
    return {};
  };
  EXPECT_THAT(receiver.Collect(1 << 20, std::move(check), Deadline::In(kPatience)),
              FailsWithText(HasSubstr("written over since")));
}

TEST_F(ZcrxNodevReceiver, KeepsBuffersUntilToldToReturnThem) {
  ReceiverOptions options = Options();
  options.ifq.area.bytes = 64 * PageBytes();
  options.return_buffers = false;
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(options));
  for (int round = 0; round < 4; ++round) {
    const size_t bytes = 40 * PageBytes();
    const LocalSender sender(receiver.Endpoint(), bytes);
    ASSERT_OK(receiver.Collect(bytes, IsPayload(), Deadline::In(kPatience)));
    receiver.ReturnBuffers();
    ASSERT_OK(receiver.FlushRefillRing());
  }
}

TEST_F(ZcrxNodevReceiver, ReceivesTheRestAfterASilence) {
  constexpr size_t kBytes = 2 << 20;
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(Options()));
  const LocalSender sender(receiver.Endpoint(), kBytes);
  const auto accepted = receiver.Accept(kBytes, IsPayload(), Deadline::In(kPatience));
  ASSERT_OK(accepted);
  const auto silent = receiver.WaitForSilence(10ms, Deadline::In(kPatience));
  ASSERT_OK(silent);
  const auto received = receiver.CollectAll(Deadline::In(kPatience));
  ASSERT_OK(received);
  EXPECT_EQ(received->front().bytes, kBytes);
}

TEST_F(ZcrxNodevReceiver, EndsAtTheDeadlineWithoutASilence) {
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(Options()));
  const auto silent = receiver.WaitForSilence(kPatience, Deadline::In(20ms));
  ASSERT_FALSE(silent.has_value());
  EXPECT_EQ(silent.error().code, ETIMEDOUT);
}

TEST_F(ZcrxNodevReceiver, NoticesAStreamThatGoesOn) {
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(Options()));
  const LocalSender sender(receiver.Endpoint(), 1001);
  const auto received = receiver.Collect(1000, IsPayload(), Deadline::In(kPatience));
  ASSERT_FALSE(received.has_value());
  EXPECT_EQ(received.error().Text(),
            "receive: the stream continues beyond its end; 1001 of 1000 bytes had arrived");
}

TEST_F(ZcrxNodevReceiver, SaysThatThePeerBrokeOff) {
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(Options()));
  const LocalSender sender(receiver.Endpoint(), 1000, LocalSender::Ending::kReset);
  const auto received = receiver.Collect(2000, IsPayload(), Deadline::In(kPatience));
  ASSERT_FALSE(received.has_value());
  EXPECT_EQ(received.error().code, ECONNRESET) << received.error().Text();
  EXPECT_THAT(received.error().detail, HasSubstr("the peer reset the connection; "));
}

TEST_F(ZcrxNodevReceiver, PassesOnWhatTheCheckSays) {
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(Options()));
  const LocalSender sender(receiver.Endpoint(), 100'000);
  const auto received = receiver.Collect(
      100'000,
      [](uint64_t offset, auto) -> Status {
        if (offset < 50'000) return {};
        return Fail("not what was expected");
      },
      Deadline::In(kPatience));
  ASSERT_FALSE(received.has_value());
  EXPECT_EQ(received.error().operation, "not what was expected");
  EXPECT_THAT(received.error().detail, EndsWith(" of 100000 bytes had arrived"));
}

TEST_F(ZcrxNodevReceiver, EndsAtTheDeadlineWithoutAConnection) {
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(Options()));
  const auto received = receiver.Collect(1, IsPayload(), Deadline::In(20ms));
  ASSERT_FALSE(received.has_value());
  EXPECT_EQ(received.error().Text(),
            "receive: Connection timed out (ETIMEDOUT): nobody connected to " +
                receiver.Endpoint().Text());
}

TEST_F(ZcrxNodevReceiver, EndsAtTheDeadlineInMidStream) {
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(Options()));
  const LocalSender sender(receiver.Endpoint(), 1000, LocalSender::Ending::kOpen);
  const auto received = receiver.Collect(2000, IsPayload(), Deadline::In(500ms));
  ASSERT_FALSE(received.has_value());
  EXPECT_EQ(received.error().Text(),
            "receive: Connection timed out (ETIMEDOUT): 1000 of 2000 bytes had arrived");
}

TEST_F(ZcrxNodevReceiver, WaitsForQueuedBytesWhileTheyCome) {
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(Options()));
  const LocalSender sender(receiver.Endpoint(), 1000, LocalSender::Ending::kOpen);
  ASSERT_OK(receiver.Accept(2000, IsPayload(), Deadline::In(kPatience)));
  ASSERT_OK(receiver.WaitUntilQueued(1000, Deadline::In(kPatience)));
  EXPECT_THAT(receiver.WaitUntilQueued(1001, Deadline::In(kPatience)),
              FailsWithText(AllOf(HasSubstr("wait until 1001 bytes are queued"),
                                  HasSubstr("nothing has moved for"))));
}

TEST_F(ZcrxNodevReceiver, EndsAtTheDeadlineWithoutAnEvent) {
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(Options()));
  const auto told =
      receiver.WaitForEvent(uapi::ZCRX_EVENT_ALLOC_FAIL, IsPayload(), Deadline::In(20ms));
  ASSERT_FALSE(told.has_value());
  EXPECT_EQ(told.error().code, ETIMEDOUT);
}

}  // namespace
}  // namespace zcrx
