// Over loopback.
#include "support/net/background_receiver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr auto kPatience = 20s;

class BackgroundReceiverTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto receiver = BackgroundReceiver::Listen(
        *SocketAddress::Parse("127.0.0.1", 0), [](uint64_t offset, auto bytes) -> Status {
          if (std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{7}; })) {
            return {};
          }
          return Fail(fmt::format("not a 7 from {} on", offset));
        });
    ASSERT_TRUE(receiver.has_value()) << receiver.error().Text();
    receiver_ = *std::move(receiver);
    socket_.Reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  }
  void Connect() {
    const SocketAddress& to = receiver_->Endpoint();
    ASSERT_EQ(connect(socket_.Get(), to.Get(), to.Length()), 0);
  }
  void Send(std::byte byte) {
    std::array<std::byte, 1000> bytes;
    bytes.fill(byte);
    ASSERT_EQ(send(socket_.Get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), bytes.size());
  }

  std::unique_ptr<BackgroundReceiver> receiver_;
  UniqueFd socket_;
};

TEST_F(BackgroundReceiverTest, TellsWhetherMoreComes) {
  Connect();
  const Status none = receiver_->MovesOn(1, Deadline::In(20ms));
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, ETIMEDOUT);
  EXPECT_THAT(none.error().operation, HasSubstr("receive 1 more bytes on 127.0.0.1:"));

  std::atomic<bool> there = false;
  std::thread sender([&] {
    while (!there) Send(std::byte{7});
  });
  const Status more = receiver_->MovesOn(100'000, Deadline::In(kPatience));
  there = true;
  sender.join();
  EXPECT_TRUE(more.has_value()) << more.error().Text();
}

TEST_F(BackgroundReceiverTest, PassesOnWhatTheCheckSays) {
  Connect();
  Send(std::byte{7});
  Send(std::byte{8});
  const Status wrong = receiver_->MovesOn(1'000'000, Deadline::In(kPatience));
  ASSERT_FALSE(wrong.has_value());
  EXPECT_THAT(wrong.error().Text(), HasSubstr("not a 7 from "));
}

TEST_F(BackgroundReceiverTest, SaysThatTheStreamEnded) {
  Connect();
  Send(std::byte{7});
  socket_.Reset();
  const Status ended = receiver_->MovesOn(1'000'000, Deadline::In(kPatience));
  ASSERT_FALSE(ended.has_value());
  EXPECT_THAT(ended.error().Text(), HasSubstr("the stream ended after 1000 bytes"));
}

// The thread waits in accept(), then in recv().
TEST_F(BackgroundReceiverTest, EndsWithoutAConnection) { receiver_.reset(); }
TEST_F(BackgroundReceiverTest, EndsInMidStream) {
  Connect();
  Send(std::byte{7});
  receiver_.reset();
}

}  // namespace
}  // namespace zcrx
