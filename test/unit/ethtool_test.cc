#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cerrno>
#include <string>
#include <vector>

#include "support/nic/channels.h"
#include "support/nic/features.h"
#include "support/nic/link.h"
#include "support/nic/queues.h"
#include "support/nic/rings.h"
#include "support/nic/rss.h"
#include "support/nic/state.h"
#include "test/unit/netlink_bytes.h"

namespace zcrx {
namespace {

using netlink::Attributes;
using netlink::FromHex;
using netlink::PayloadOf;
using netlink::Request;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

// --- rings ---

TEST(ParseRings, ReadsWhatBnxtReports) {
  const auto reply = FromHex(
      "08 00 02 00 ff 1f 00 00"    // RX_MAX 8191
      "08 00 05 00 ff 07 00 00"    // TX_MAX 2047
      "08 00 06 00 ff 01 00 00"    // RX 511
      "08 00 09 00 fe 01 00 00"    // TX 510
      "05 00 0b 00 02 00 00 00"    // TCP_DATA_SPLIT enabled
      "08 00 11 00 00 01 00 00"    // HDS_THRESH 256
      "08 00 12 00 ff 03 00 00");  // HDS_THRESH_MAX 1023
  EXPECT_EQ(ParseRings(Attributes(reply)), (Rings{.rx = 511,
                                                  .rx_max = 8191,
                                                  .tx = 510,
                                                  .tx_max = 2047,
                                                  .tcp_data_split = TcpDataSplit::kEnabled,
                                                  .hds_thresh = 256,
                                                  .hds_thresh_max = 1023}));
}

TEST(ParseRings, WhatTheDeviceDoesNotReportIsAbsent) {
  EXPECT_EQ(ParseRings(Attributes()), Rings{});
  const auto undefined = FromHex("05 00 0b 00 03 00 00 00");
  EXPECT_EQ(ParseRings(Attributes(undefined)).tcp_data_split, std::nullopt);
}

TEST(EncodeRings, SendsOnlyWhatIsGiven) {
  Request all("set", 0x15, NLM_F_REQUEST);
  EncodeRings({.rx = 64, .tx = 128, .tcp_data_split = TcpDataSplit::kEnabled, .hds_thresh = 0},
              all);
  EXPECT_EQ(PayloadOf(all), FromHex("08 00 06 00 40 00 00 00"
                                    "08 00 09 00 80 00 00 00"
                                    "05 00 0b 00 02 00 00 00"
                                    "08 00 11 00 00 00 00 00"));
  Request none("set", 0x15, NLM_F_REQUEST);
  EncodeRings({}, none);
  EXPECT_THAT(PayloadOf(none), IsEmpty());
}

TEST(RingsChange, SaysWhatItChanges) {
  const RingsChange change{.rx = 64, .tcp_data_split = TcpDataSplit::kEnabled, .hds_thresh = 0};
  EXPECT_EQ(TextOf(change), "rx 64, tcp-data-split on, hds-thresh 0");
  EXPECT_FALSE(change.Empty());
  EXPECT_TRUE(RingsChange{}.Empty());
  EXPECT_EQ(TextOf(RingsChange{.tcp_data_split = TcpDataSplit::kUnknown}), "tcp-data-split auto");
}

// --- channels ---

TEST(ParseChannels, ReadsSeparateOnes) {
  // Recorded from a Linux 6.18 kernel: a veth with two queues each way.
  const auto reply = FromHex(
      "18 00 01 80 08 00 01 00 03 00 00 00 0a 00 02 00 76 65 74 68 30 00 00 00"
      "08 00 02 00 02 00 00 00 08 00 06 00 02 00 00 00"
      "08 00 03 00 02 00 00 00 08 00 07 00 02 00 00 00");
  const Channels channels = ParseChannels(Attributes(reply));
  EXPECT_EQ(channels, (Channels{.rx = {{.count = 2, .max = 2}}, .tx = {{.count = 2, .max = 2}}}));
  EXPECT_EQ(channels.RxQueues(), 2U);
}

TEST(ParseChannels, ReadsCombinedOnes) {
  const auto reply = FromHex("08 00 05 00 4a 00 00 00 08 00 09 00 08 00 00 00");
  const Channels channels = ParseChannels(Attributes(reply));
  EXPECT_EQ(channels.combined, (Channels::Kind{.count = 8, .max = 74}));
  EXPECT_EQ(channels.rx, std::nullopt);
  EXPECT_EQ(channels.RxQueues(), 8U);
  EXPECT_EQ(channels.MaxRxQueues(), 74U);
}

TEST(EncodeChannels, SendsOnlyWhatIsGiven) {
  Request separate("set", 0x15, NLM_F_REQUEST);
  EncodeChannels({.rx = 4, .tx = 3}, separate);
  EXPECT_EQ(PayloadOf(separate), FromHex("08 00 06 00 04 00 00 00 08 00 07 00 03 00 00 00"));
  Request combined("set", 0x15, NLM_F_REQUEST);
  EncodeChannels({.combined = 8}, combined);
  EXPECT_EQ(PayloadOf(combined), FromHex("08 00 09 00 08 00 00 00"));
}

TEST(ChangeForRxQueues, GoesByTheKindOfChannel) {
  const Channels gve{.rx = {{.count = 1, .max = 16}}, .tx = {{.count = 1, .max = 16}}};
  EXPECT_EQ(ChangeForRxQueues(gve, 4), ChannelsChange{.rx = 4});
  const Channels bnxt{.rx = {{.count = 0, .max = 37}}, .combined = {{.count = 8, .max = 74}}};
  EXPECT_EQ(ChangeForRxQueues(bnxt, 4), ChannelsChange{.combined = 4});
}

TEST(ChangeForRxQueues, RefusesWhatTheDeviceCannotHave) {
  const Channels gve{.rx = {{.count = 1, .max = 16}}, .tx = {{.count = 1, .max = 16}}};
  for (const uint32_t queues : {0U, 17U}) {
    const auto change = ChangeForRxQueues(gve, queues);
    ASSERT_FALSE(change.has_value()) << queues;
    EXPECT_EQ(change.error().code, EINVAL);
    EXPECT_THAT(change.error().Text(), HasSubstr("now 1 rx queues of 16 at most"));
  }
}

// --- features ---

// A bitset with a mask: each bit that is listed is meant, and on where it has the VALUE flag.
Request FeaturesReply() {
  Request reply("reply", 0x15, 0);
  const auto bit = [&reply](const char* name, bool on) {
    reply.BeginNest(1).PutU32(1, 0).PutText(2, name);
    if (on) reply.PutFlag(3);
    reply.EndNest();
  };
  reply.BeginNest(2).BeginNest(3);  // HW: what can be changed, of all there is
  bit("rx-gro", true);
  bit("rx-ntuple-filter", true);
  bit("rx-gro-hw", false);
  bit("highdma", true);
  reply.EndNest().EndNest();
  reply.BeginNest(3).PutFlag(1).BeginNest(3);  // WANTED, without a mask
  bit("rx-gro", false);
  bit("rx-ntuple-filter", false);
  reply.EndNest().EndNest();
  reply.BeginNest(4).PutFlag(1).BeginNest(3);  // ACTIVE, without a mask
  bit("rx-gro", false);
  bit("highdma", false);
  reply.EndNest().EndNest();
  reply.BeginNest(5).PutFlag(1).BeginNest(3);  // NOCHANGE, without a mask
  bit("highdma", false);
  reply.EndNest().EndNest();
  return reply;
}

TEST(ParseFeatures, ReadsBitsetsWithAndWithoutAMask) {
  Request reply = FeaturesReply();
  const auto bytes = PayloadOf(reply);
  EXPECT_THAT(
      ParseFeatures(Attributes(bytes)),
      ElementsAre(Pair("highdma", Feature{.active = true, .wanted = false, .changeable = false}),
                  Pair("rx-gro", Feature{.active = true, .wanted = true, .changeable = true}),
                  Pair("rx-gro-hw", Feature{}),
                  Pair(kNtuple, Feature{.active = false, .wanted = true, .changeable = true})));
}

// Nobody could set them by it, and a state with one could not be read back.
TEST(ParseFeatures, LeavesOutBitsWithoutAName) {
  Request reply("reply", 0x15, 0);
  for (const int bitset : {2, 3, 4}) {  // HW, WANTED, ACTIVE
    reply.BeginNest(bitset).BeginNest(3);
    for (const char* name : {"", "rx-gro", ""}) {
      reply.BeginNest(1).PutU32(1, 0).PutText(2, name).PutFlag(3).EndNest();
    }
    reply.EndNest().EndNest();
  }
  const auto bytes = PayloadOf(reply);
  const auto features = ParseFeatures(Attributes(bytes));
  EXPECT_THAT(
      features,
      ElementsAre(Pair("rx-gro", Feature{.active = true, .wanted = true, .changeable = true})));
  NicState state = {.nic = {.interface = "eth1", .boot = "x"}};
  for (const auto& [name, feature] : features) state.features[name] = {};
  const auto read = ParseNicState(SerializeNicState(state));
  ASSERT_TRUE(read.has_value()) << read.error().Text();
  EXPECT_EQ(*read, state);
}

TEST(EncodeFeatures, NamesEachBitAndItsValue) {
  Request on("set", 0x15, NLM_F_REQUEST);
  EncodeFeatures({{"rx-gro", true}}, on);
  EXPECT_EQ(PayloadOf(on), FromHex("1c 00 03 80 18 00 03 80 14 00 01 80"
                                   "0b 00 02 00 72 78 2d 67 72 6f 00 00 04 00 03 00"));
  Request both("set", 0x15, NLM_F_REQUEST);
  EncodeFeatures({{"lro", true}, {"rx-gro", false}}, both);
  EXPECT_EQ(PayloadOf(both), FromHex("28 00 03 80 24 00 03 80"
                                     "10 00 01 80 08 00 02 00 6c 72 6f 00 04 00 03 00"
                                     "10 00 01 80 0b 00 02 00 72 78 2d 67 72 6f 00 00"));
}

// --- RSS ---

TEST(ParseRss, ReadsTableKeyAndFunction) {
  const auto reply = FromHex(
      "14 00 04 00 00 00 00 00 01 00 00 00 00 00 00 00 03 00 00 00"
      "08 00 03 00 01 00 00 00"
      "07 00 05 00 6d 5a 56 00");
  const auto rss = ParseRss(Attributes(reply));
  ASSERT_TRUE(rss.has_value());
  EXPECT_THAT(rss->table, ElementsAre(0, 1, 0, 3));
  EXPECT_EQ(rss->key, FromHex("6d 5a 56"));
  EXPECT_EQ(rss->hash_function, 1U);
}

TEST(ParseRss, RefusesATableOfPartEntries) {
  const auto reply = FromHex("0a 00 04 00 00 00 00 00 01 00 00 00");
  const auto rss = ParseRss(Attributes(reply));
  ASSERT_FALSE(rss.has_value());
  EXPECT_THAT(rss.error().Text(), HasSubstr("it has 6 bytes"));
}

TEST(DefaultRssTable, GoesRoundTheQueues) {
  EXPECT_THAT(DefaultRssTable(5, 2), ElementsAre(0, 1, 0, 1, 0));
  EXPECT_THAT(DefaultRssTable(2, 0), ElementsAre(0, 0));
  EXPECT_THAT(DefaultRssTable(0, 4), IsEmpty());
}

TEST(RssTableExcluding, LeavesOutOneQueue) {
  EXPECT_THAT(RssTableExcluding(5, 3, 2).value_or(RssTable{}), ElementsAre(0, 1, 0, 1, 0));
  EXPECT_THAT(RssTableExcluding(5, 3, 0).value_or(RssTable{}), ElementsAre(1, 2, 1, 2, 1));
  EXPECT_THAT(RssTableExcluding(5, 3, 1).value_or(RssTable{}), ElementsAre(0, 2, 0, 2, 0));
}

TEST(RssTableExcluding, LeavesOutSeveral) {
  EXPECT_THAT(RssTableExcluding(5, 4, 2, 2).value_or(RssTable{}), ElementsAre(0, 1, 0, 1, 0));
  EXPECT_THAT(RssTableExcluding(5, 4, 1, 2).value_or(RssTable{}), ElementsAre(0, 3, 0, 3, 0));
}

TEST(RssTableExcluding, NeedsTheQueuesAndAnotherOne) {
  EXPECT_FALSE(RssTableExcluding(4, 3, 2, 2).has_value());
  EXPECT_FALSE(RssTableExcluding(4, 3, 0, 3).has_value());
  EXPECT_FALSE(RssTableExcluding(4, 1, 0).has_value());
  EXPECT_FALSE(RssTableExcluding(4, 0, 0).has_value());
  EXPECT_FALSE(RssTableExcluding(4, 3, 3).has_value());
}

// --- queues ---

TEST(ParseRxQueue, ReadsARecordedQueue) {
  // Linux 6.18, a veth.
  const auto reply =
      FromHex("08 00 01 00 01 00 00 00 08 00 03 00 00 00 00 00 08 00 02 00 03 00 00 00");
  EXPECT_EQ(ParseRxQueue(Attributes(reply)), RxQueue{.id = 1});
}

TEST(ParseRxQueue, SeesProviders) {
  const auto io_uring = FromHex(
      "08 00 01 00 03 00 00 00 08 00 03 00 00 00 00 00 08 00 02 00 02 00 00 00"
      "08 00 04 00 07 02 00 00"  // NAPI 519
      "04 00 06 80");            // io-uring, an empty nest
  const auto queue = ParseRxQueue(Attributes(io_uring));
  EXPECT_EQ(queue, (RxQueue{.id = 3, .napi_id = 519, .io_uring = true}));
  EXPECT_TRUE(queue->HasProvider());
  const auto dmabuf =
      FromHex("08 00 01 00 03 00 00 00 08 00 03 00 00 00 00 00 08 00 05 00 09 00 00 00");
  EXPECT_EQ(ParseRxQueue(Attributes(dmabuf)), (RxQueue{.id = 3, .dmabuf = 9}));
}

TEST(ParseRxQueue, TxQueuesAndNonsenseAreNone) {
  const auto tx = FromHex("08 00 01 00 01 00 00 00 08 00 03 00 01 00 00 00");
  EXPECT_EQ(ParseRxQueue(Attributes(tx)), std::nullopt);
  const auto no_type = FromHex("08 00 01 00 01 00 00 00");
  EXPECT_EQ(ParseRxQueue(Attributes(no_type)), std::nullopt);
  EXPECT_EQ(ParseRxQueue(Attributes()), std::nullopt);
}

TEST(ParsePagePool, ReadsBothWidthsOfNumbers) {
  const auto reply = FromHex(
      "08 00 01 00 2a 00 00 00 08 00 02 00 03 00 00 00 08 00 03 00 07 02 00 00"
      "08 00 04 00 40 00 00 00"
      "0c 00 05 00 00 00 00 00 01 00 00 00"    // 4 GiB
      "0c 00 08 80 08 00 01 00 00 20 00 00");  // io-uring with rx-buf-len 8192
  EXPECT_EQ(ParsePagePool(Attributes(reply)), (PagePool{.id = 42,
                                                        .ifindex = 3,
                                                        .napi_id = 519,
                                                        .inflight = 64,
                                                        .inflight_bytes = 1ULL << 32,
                                                        .io_uring = true,
                                                        .io_uring_rx_buf_len = 8192}));
}

TEST(ParsePagePool, ReadsADetachedOneOfAnOlderKernel) {
  const auto reply = FromHex("08 00 01 00 2a 00 00 00 08 00 06 00 63 00 00 00 04 00 08 80");
  EXPECT_EQ(ParsePagePool(Attributes(reply)),
            (PagePool{.id = 42, .detach_time = 99, .io_uring = true}));
  EXPECT_EQ(ParsePagePool(Attributes()), std::nullopt);
}

TEST(ParseRxQueueStats, ReadsWhatTheDriverCounts) {
  const auto reply = FromHex(
      "08 00 01 00 03 00 00 00 08 00 02 00 00 00 00 00 08 00 03 00 01 00 00 00"
      "08 00 08 00 64 00 00 00 0c 00 09 00 00 00 00 00 02 00 00 00");
  EXPECT_EQ(ParseRxQueueStats(Attributes(reply)),
            (RxQueueStats{.queue = 1, .packets = 100, .bytes = 2ULL << 32}));
  const auto whole_device = FromHex("08 00 01 00 03 00 00 00 08 00 08 00 64 00 00 00");
  EXPECT_EQ(ParseRxQueueStats(Attributes(whole_device)), std::nullopt);
}

// --- link ---

TEST(ParseLink, ReadsNameFlagsAndMtu) {
  const netlink::Message message{
      .type = RTM_NEWLINK,
      .payload = FromHex("00 00 01 00 03 00 00 00 43 10 01 00 00 00 00 00 08 00 04 00 dc 05 00 00 "
                         "09 00 03 00 65 74 68 31 00 00 00 00")};
  const auto link = ParseLink(message);
  ASSERT_TRUE(link.has_value());
  EXPECT_EQ(*link,
            (Link{.index = 3, .name = "eth1", .admin_up = true, .running = true, .mtu = 1500}));
}

TEST(ParseLink, ReadsALinkWithoutCarrier) {
  const netlink::Message message{
      .type = RTM_NEWLINK, .payload = FromHex("00 00 01 00 03 00 00 00 03 10 00 00 00 00 00 00")};
  const auto link = ParseLink(message);
  ASSERT_TRUE(link.has_value());
  EXPECT_EQ(*link, (Link{.index = 3, .name = "", .admin_up = true, .running = false, .mtu = 0}));
}

TEST(ParseLink, RefusesOtherAndShortMessages) {
  EXPECT_FALSE(ParseLink({.type = RTM_NEWADDR, .payload = FromHex("00 00")}).has_value());
  EXPECT_FALSE(ParseLink({.type = RTM_NEWLINK, .payload = FromHex("00 00 01 00")}).has_value());
}

}  // namespace
}  // namespace zcrx
