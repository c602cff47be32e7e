// Sender and DeployedSender on a peer that does what it is told: what the real one seldom does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "fixtures/bed/deployed_sender.h"
#include "fixtures/bed/sender.h"
#include "fixtures/result_matchers.h"
#include "test/unit/fake_peer.h"

namespace zcrx {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;

Deadline Soon() { return Deadline::In(std::chrono::seconds(1)); }

SocketAddress Endpoint() { return *SocketAddress::Parse("2001:db8::1", 5201); }

Result<Sender> Start(FakePeer& peer) { return Sender::Start(peer, "/tmp/sender", Endpoint(), {}); }

TEST(SenderTest, IsToldWhereAndWhatToSend) {
  FakePeer peer({.lines = {"READY"}, .exit = PeerExit{}});
  ASSERT_OK_AND_ASSIGN(Sender sender, Sender::Start(peer, "/tmp/sender", Endpoint(),
                                                    {.bytes = 7, .seed = 9, .reset = true}));
  EXPECT_EQ(peer.asked.front(), "/tmp/sender");
  for (const char* word : {"--address=2001:db8::1", "--port=5201", "--bytes=7", "--seed=9",
                           "--reset", "--lease-ms=2500"}) {
    EXPECT_THAT(peer.asked, Contains(word));
  }
  EXPECT_OK(sender.Finish(Soon()));
}

TEST(SenderTest, HoldsOutLongerForASlowMachine) {
  FakePeer peer({.lines = {"READY"}, .exit = PeerExit{}});
  Deadline::Stretch(3);
  const Result<Sender> sender = Start(peer);
  Deadline::Stretch(1);
  ASSERT_OK(sender);
  EXPECT_THAT(peer.asked, Contains("--lease-ms=7500"));
}

TEST(SenderTest, ThatDoesNotConnectIsAnErrorOfTheConnection) {
  FakePeer peer({.exit = PeerExit{.status = 1}, .said = "connect: No route to host"});
  EXPECT_THAT(Start(peer),
              FailsWithText(AllOf(HasSubstr("connect from the peer to [2001:db8::1]:5201"),
                                  HasSubstr("No route to host"))));
  FakePeer silent(FakeProgram{});
  EXPECT_THAT(Start(silent), FailsWith(ETIMEDOUT));
}

TEST(SenderTest, WhatThePeerCannotStartIsItsOwnError) {
  FakePeer peer({.cannot_start = Error{"run /tmp/sender", ECONNRESET, "the connection is lost"}});
  EXPECT_THAT(Start(peer),
              AllOf(FailsWith(ECONNRESET), FailsWithText(HasSubstr("the connection is lost"))));
}

TEST(SenderTest, ThatFailsHasItsOwnWords) {
  FakePeer peer({.lines = {"READY"}, .exit = PeerExit{.status = 1}, .said = "send: EPIPE"});
  ASSERT_OK_AND_ASSIGN(Sender sender, Start(peer));
  EXPECT_THAT(sender.Finish(Soon()), FailsWithText(HasSubstr("send: EPIPE")));
  EXPECT_EQ(sender.End(Soon()), "program on fake ended with status 1: send: EPIPE");
}

TEST(SenderTest, ThatGoesOnEndsWithItsStdin) {
  FakePeer peer({.lines = {"READY"}});
  ASSERT_OK_AND_ASSIGN(Sender sender, Start(peer));
  EXPECT_THAT(sender.Finish(Soon()), FailsWith(ETIMEDOUT));
  EXPECT_EQ(sender.End(Soon()), "program on fake was killed by SIGTERM");
}

Result<DeployedSender> Put(FakePeer& peer) {
  return DeployedSender::Put(peer, "build/zcrx_sender", Soon());
}

TEST(DeployedSenderTest, IsThereUntilItsCaretakerEnds) {
  FakePeer peer({.lines = {"READY"}});
  ASSERT_OK_AND_ASSIGN(DeployedSender sender, Put(peer));
  EXPECT_EQ(peer.asked.front(), "build/zcrx_sender");
  EXPECT_THAT(peer.asked, Contains("caretaker"));
  EXPECT_TRUE(sender.IsThere());
  EXPECT_OK(sender.Remove(Soon()));

  FakePeer stopped({.lines = {"READY"}, .exit = PeerExit{}});
  ASSERT_OK_AND_ASSIGN(DeployedSender gone, Put(stopped));
  EXPECT_FALSE(gone.IsThere());
}

TEST(DeployedSenderTest, AFolderWhereNothingCanRunIsSaid) {
  FakePeer peer({.exit = PeerExit{.status = 126}, .said = "Permission denied"});
  EXPECT_THAT(Put(peer), FailsWithText(AllOf(HasSubstr("is it mounted noexec"),
                                             HasSubstr("--remote-dir names another folder"))));
  FakePeer other({.exit = PeerExit{.status = 1}});
  EXPECT_THAT(Put(other), Not(FailsWithText(HasSubstr("noexec"))));
}

TEST(DeployedSenderTest, WhatStaysOnThePeerIsAnError) {
  FakePeer peer({.lines = {"READY"}});
  peer.removed = Fail("remove /tmp/zcrx-fake from fake", EBUSY);
  ASSERT_OK_AND_ASSIGN(DeployedSender sender, Put(peer));
  EXPECT_THAT(sender.Remove(Soon()), FailsWith(EBUSY));
}

}  // namespace
}  // namespace zcrx
