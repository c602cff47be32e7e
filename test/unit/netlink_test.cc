#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "fixtures/result_matchers.h"
#include "support/base/unique_fd.h"
#include "support/nic/netlink/message.h"
#include "support/nic/netlink/reply.h"
#include "support/nic/netlink/socket.h"
#include "test/unit/netlink_bytes.h"

namespace zcrx::netlink {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Recorded from a Linux 6.18 kernel: the refusal of 9999 rx channels on a veth.
constexpr uint32_t kRecordedSequence = 0x6b032437;
constexpr const char* kRecordedRefusal =
    "58 00 00 00 02 00 00 03 37 24 03 6b 6f 34 40 1e ea ff ff ff 28 00 00 00"
    "15 00 05 00 37 24 03 6b 6f 34 40 1e 2c 00 01 00 72 65 71 75 65 73 74 65"
    "64 20 63 68 61 6e 6e 65 6c 20 63 6f 75 6e 74 20 65 78 63 65 65 64 73 20"
    "6d 61 78 69 6d 75 6d 00 08 00 02 00 20 00 00 00";
// The same kernel: a dump of the statistics of a device that has none ends in NLMSG_DONE.
constexpr const char* kRecordedDumpRefusal =
    "1c 00 00 00 03 00 02 02 2d 24 03 6b 6f 34 00 41 a1 ff ff ff 08 00 02 00 14 00 00 00";
// The same kernel: the rx queues 0 and 1 of a veth, the tx queue 0, and the end of the dump.
constexpr uint32_t kRecordedDumpSequence = 0x6b032429;
constexpr const char* kRecordedDump =
    "2c 00 00 00 14 00 00 00 29 24 03 6b 6f 34 00 41 0a 01 00 00 08 00 01 00 00 00 00 00"
    "08 00 03 00 00 00 00 00 08 00 02 00 03 00 00 00"
    "2c 00 00 00 14 00 00 00 29 24 03 6b 6f 34 00 41 0a 01 00 00 08 00 01 00 01 00 00 00"
    "08 00 03 00 00 00 00 00 08 00 02 00 03 00 00 00"
    "2c 00 00 00 14 00 00 00 29 24 03 6b 6f 34 00 41 0a 01 00 00 08 00 01 00 00 00 00 00"
    "08 00 03 00 01 00 00 00 08 00 02 00 03 00 00 00"
    "14 00 00 00 03 00 02 00 29 24 03 6b 6f 34 00 41 00 00 00 00";

TEST(Attributes, ReadsEachKindOfValue) {
  const auto bytes = FromHex(
      "05 00 01 00 2a 00 00 00"              // u8 42, padded
      "06 00 02 00 34 12 00 00"              // u16
      "08 00 03 80 78 56 34 12"              // u32, with the NESTED flag in its type
      "0c 00 04 00 08 07 06 05 04 03 02 01"  // 64-bit uint
      "09 00 05 00 76 65 74 68 00 00 00 00"  // "veth"
      "04 00 06 00");                        // a flag
  const Attributes attributes(bytes);
  EXPECT_EQ(attributes.U8(1), 42);
  EXPECT_EQ(attributes.U16(2), 0x1234);
  EXPECT_EQ(attributes.U32(3), 0x12345678U);
  EXPECT_EQ(attributes.Uint(3), 0x12345678U);
  EXPECT_EQ(attributes.Uint(4), 0x0102030405060708U);
  EXPECT_EQ(attributes.Text(5), "veth");
  EXPECT_TRUE(attributes.Has(6));
  EXPECT_FALSE(attributes.Has(7));
  EXPECT_EQ(attributes.U32(7), std::nullopt);
}

TEST(Attributes, ReadsNests) {
  const auto bytes = FromHex("0c 00 02 80 08 00 01 00 07 00 00 00");
  EXPECT_EQ(Attributes(bytes).Nested(2).U32(1), 7U);
  EXPECT_EQ(Attributes(bytes).Nested(3).U32(1), std::nullopt);
}

TEST(Attributes, AValueShorterThanAskedForIsAbsent) {
  const auto bytes = FromHex("06 00 01 00 34 12 00 00");
  EXPECT_EQ(Attributes(bytes).U32(1), std::nullopt);
  EXPECT_EQ(Attributes(bytes).Uint(1), std::nullopt);
  EXPECT_EQ(Attributes(bytes).U16(1), 0x1234);
}

TEST(Attributes, TextEndsWithItsBytesWhereTheNulIsMissing) {
  const auto bytes = FromHex("08 00 01 00 61 62 63 64");
  EXPECT_EQ(Attributes(bytes).Text(1), "abcd");
}

TEST(Attributes, ALengthBeyondTheBytesEndsTheList) {
  const auto bytes = FromHex("08 00 01 00 01 00 00 00 ff ff 02 00 02 00 00 00");
  EXPECT_EQ(Attributes(bytes).U32(1), 1U);
  EXPECT_FALSE(Attributes(bytes).Has(2));
}

TEST(Attributes, ALengthBelowTheHeaderEndsTheList) {
  for (const char* length : {"00", "03"}) {
    const auto bytes = FromHex(std::string(length) + " 00 01 00 08 00 02 00 02 00 00 00");
    int visited = 0;
    Attributes(bytes).ForEach([&](int, Bytes) { ++visited; });
    EXPECT_EQ(visited, 0) << length;
  }
}

TEST(Attributes, AnyPrefixOfAMessageIsSafeToRead) {
  const auto whole = FromHex(kRecordedDump);
  for (size_t size = 0; size <= whole.size(); ++size) {
    // Of its own allocation, so that AddressSanitizer sees a read past its end.
    const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    Reply reply(kRecordedDumpSequence);
    const Status taken = reply.Take(cut);
    EXPECT_EQ(reply.Whole(), size == whole.size()) << size;
    const bool between_messages = size == 0 || size == 44 || size == 88 || size == 132;
    EXPECT_EQ(taken.has_value(), between_messages || size == whole.size()) << size;
  }
}

TEST(Request, HasTheBytesThatTheKernelReads) {
  Request request("set", 0x15, NLM_F_REQUEST);
  request.GenericHeader(0x12)
      .BeginNest(1)
      .PutU32(1, 3)
      .EndNest()
      .PutU8(11, 2)
      .PutText(2, "ab")
      .PutFlag(3);
  EXPECT_EQ(PayloadOf(request), FromHex("12 01 00 00"
                                        "0c 00 01 80 08 00 01 00 03 00 00 00"
                                        "05 00 0b 00 02 00 00 00"
                                        "07 00 02 00 61 62 00 00"
                                        "04 00 03 00"));
}

TEST(Request, HoldsTheLargestAttribute) {
  Request request("set", 0x15, NLM_F_REQUEST);
  request.PutBytes(4, std::vector<std::byte>(65528));
  EXPECT_EQ(PayloadOf(request).size(), 65532U);
}

TEST(Request, ReportsAnAttributeThatDoesNotFit) {
  Request request("set RSS table of eth1", 0x15, NLM_F_REQUEST);
  request.PutBytes(4, std::vector<std::byte>(65536)).PutU32(1, 1);
  const auto finished = request.Finish();
  ASSERT_FALSE(finished.has_value());
  EXPECT_THAT(finished.error().Text(),
              HasSubstr("set RSS table of eth1: building the netlink request"));
}

TEST(Request, ReportsANestThatIsLeftOpenOrClosedTwice) {
  Request open("open", 0x15, NLM_F_REQUEST);
  open.BeginNest(1);
  EXPECT_FALSE(open.Finish().has_value());
  Request twice("twice", 0x15, NLM_F_REQUEST);
  twice.BeginNest(1).EndNest().EndNest();
  EXPECT_FALSE(twice.Finish().has_value());
}

TEST(ParseAnswer, HasTheKernelsOwnSentence) {
  EXPECT_EQ(ParseAnswer(FromHex(kRecordedRefusal)),
            (Answer{.code = EINVAL,
                    .detail = "requested channel count exceeds maximum "
                              "(attribute at byte 32 of the request)"}));
}

TEST(ParseAnswer, FindsTheSentenceBehindACopyOfTheRequest) {
  // As without NETLINK_CAP_ACK: the flag is off, and 24 bytes of request follow its header.
  auto bytes = FromHex(kRecordedRefusal);
  bytes[7] = std::byte{NLM_F_ACK_TLVS >> 8};
  bytes.insert(bytes.begin() + 36, 24, std::byte{0xff});
  const auto answer = ParseAnswer(bytes);
  ASSERT_TRUE(answer.has_value());
  EXPECT_THAT(answer->detail, HasSubstr("requested channel count exceeds maximum"));
}

TEST(ParseAnswer, ReadsTheEndOfADump) {
  EXPECT_EQ(ParseAnswer(FromHex(kRecordedDumpRefusal)),
            (Answer{.code = EOPNOTSUPP, .detail = "(attribute at byte 20 of the request)"}));
}

TEST(ParseAnswer, RefusesWhatIsCutOffOrNoErrno) {
  const auto whole = FromHex(kRecordedRefusal);
  EXPECT_EQ(ParseAnswer(Bytes(whole).first(35)), std::nullopt);
  EXPECT_NE(ParseAnswer(Bytes(whole).first(36)), std::nullopt);
  auto positive = whole;
  positive[19] = std::byte{0x7f};
  EXPECT_EQ(ParseAnswer(positive), std::nullopt);
}

TEST(ParseAnswer, RefusesACopyOfTheRequestThatIsNotThere) {
  auto bytes = FromHex(kRecordedRefusal);
  bytes[7] = std::byte{NLM_F_ACK_TLVS >> 8};
  bytes[20] = bytes[21] = bytes[22] = bytes[23] = std::byte{0xff};
  EXPECT_EQ(ParseAnswer(bytes), std::nullopt);
}

TEST(Reply, CollectsADumpUntilItsEnd) {
  Reply reply(kRecordedDumpSequence);
  ASSERT_TRUE(reply.Take(FromHex(kRecordedDump)).has_value());
  ASSERT_TRUE(reply.Whole());
  EXPECT_EQ(reply.Verdict(), Answer{});
  EXPECT_FALSE(reply.Interrupted());
  std::vector<uint32_t> ids;
  for (const Message& message : reply.TakeMessages()) {
    EXPECT_EQ(message.type, 0x14);
    EXPECT_EQ(message.Command(), 10);
    ids.push_back(message.Attrs().U32(1).value_or(99));
  }
  EXPECT_THAT(ids, ElementsAre(0, 1, 0));
}

TEST(Reply, PassesOverAnswersToEarlierRequests) {
  Reply reply(kRecordedSequence + 1);
  ASSERT_TRUE(reply.Take(FromHex(kRecordedRefusal)).has_value());
  EXPECT_FALSE(reply.Whole());
}

TEST(Reply, NoticesADumpThatChangedUnderway) {
  auto bytes = FromHex(kRecordedDump);
  bytes[6] = std::byte{NLM_F_DUMP_INTR};
  Reply reply(kRecordedDumpSequence);
  ASSERT_TRUE(reply.Take(bytes).has_value());
  EXPECT_TRUE(reply.Interrupted());
}

TEST(Reply, RefusesLengthsThatAreNotThere) {
  for (const char* length : {"00 00 00 00", "0f 00 00 00", "ff ff ff ff", "fe ff ff ff"}) {
    auto bytes = FromHex(length);
    const auto rest = FromHex(kRecordedRefusal);
    bytes.insert(bytes.end(), rest.begin() + 4, rest.end());
    Reply reply(kRecordedSequence);
    const Status taken = reply.Take(bytes);
    ASSERT_FALSE(taken.has_value()) << length;
    EXPECT_THAT(taken.error().Text(), HasSubstr("of 88 bytes left")) << length;
  }
}

TEST(ParseNotifications, TakesMessagesOfAnySequenceAndNoControlMessages) {
  const auto messages = ParseNotifications(FromHex(kRecordedDump));
  ASSERT_TRUE(messages.has_value());
  EXPECT_EQ(messages->size(), 3U);
  const auto none = ParseNotifications(FromHex(kRecordedRefusal));
  ASSERT_TRUE(none.has_value());
  EXPECT_THAT(*none, IsEmpty());
}

TEST(Message, AShortPayloadHasNoCommandAndNoAttributes) {
  const Message message{.type = 0x15, .payload = FromHex("12 01 00")};
  EXPECT_EQ(message.Command(), 0);
  EXPECT_FALSE(message.Attrs().Has(1));
}

// The RSS table of a large NIC is one message of more than 8 KiB.
TEST(Socket, ItsFirstAnswerMakesRoomForLargeMessagesOfDumps) {
  const int fd = UniqueFd(::dup(STDERR_FILENO)).Get();  // the next descriptor
  ASSERT_OK_AND_ASSIGN(Socket socket, Socket::Open(NETLINK_GENERIC));
  Request one("get family nlctrl", GENL_ID_CTRL, NLM_F_REQUEST);
  one.GenericHeader(CTRL_CMD_GETFAMILY).PutText(CTRL_ATTR_FAMILY_NAME, "nlctrl");
  ASSERT_OK(socket.Call(one));
  Request dump("get the policy of ethtool", GENL_ID_CTRL, NLM_F_REQUEST | NLM_F_DUMP);
  dump.GenericHeader(CTRL_CMD_GETPOLICY).PutText(CTRL_ATTR_FAMILY_NAME, "ethtool");
  ASSERT_OK_AND_ASSIGN(nl_msg * message, dump.Finish());
  const nlmsghdr* header = nlmsg_hdr(message);
  ASSERT_EQ(::send(fd, header, header->nlmsg_len, 0), header->nlmsg_len);
  std::vector<std::byte> datagram(65536);
  // The kernel fills as much as it can send at once.
  EXPECT_GT(::recv(fd, datagram.data(), datagram.size(), 0), 8192);
}

}  // namespace
}  // namespace zcrx::netlink
