// The order in which settings are changed and put back, on drivers that mind it.
#include "support/nic/configure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "fixtures/result_matchers.h"

namespace zcrx {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr RingsChange kSplit = {.tcp_data_split = TcpDataSplit::kEnabled, .hds_thresh = 0};

// What mlx5 makes of header split and hardware GRO: mlx5e_ethtool_set_tcp_data_split() in
// en_ethtool.c, mlx5e_fix_features() in en_main.c (Linux 7.3).
class Mlx5 {
 public:
  RingsDriver Driver() {
    return {.device = "eth1",
            .get = [this] { return Result<Rings>(rings); },
            .set = [this](const RingsChange& change) { return Set(change); },
            .put_back = [this](const RingsChange& change) -> Status {
              ZCRX_RETURN_IF_ERROR(Set(change));
              return {};
            },
            .hw_gro = [this] { return Result<Feature>(hw_gro); },
            .hw_gro_on = [this](UndoStack& undo) -> Status {
              ZCRX_RETURN_IF_ERROR(SetHwGro(true));
              undo.Add("feature rx-gro-hw of eth1", [this] { return SetHwGro(false); });
              return {};
            }};
  }

  Rings rings = {.rx = 1024, .rx_max = 8192};
  Feature hw_gro = {.active = false, .wanted = false, .changeable = true};
  std::vector<std::string> log;

 private:
  Result<bool> Set(const RingsChange& change) {
    const bool split = change.tcp_data_split == TcpDataSplit::kEnabled;
    log.push_back(change.Text() + (split && !hw_gro.active ? ": EINVAL" : ""));
    if (split && !hw_gro.active) {
      return Fail("set rings", EINVAL, "TCP-data-split is not supported when GRO HW is disabled");
    }
    if (change.tcp_data_split) {
      rings.tcp_data_split.reset();
      if (change.tcp_data_split != TcpDataSplit::kUnknown) {
        rings.tcp_data_split = change.tcp_data_split;
      }
    }
    if (change.rx) rings.rx = change.rx;
    return true;
  }

  Status SetHwGro(bool on) {
    const bool kept = !on && rings.tcp_data_split == TcpDataSplit::kEnabled;
    log.push_back(std::string("rx-gro-hw ") + (on ? "on" : "off") + (kept ? ": kept on" : ""));
    if (!hw_gro.changeable) return Fail("set feature rx-gro-hw", 0, "the device has it fixed");
    if (kept) return Fail("set feature rx-gro-hw", 0, "it is still on");
    hw_gro.active = on;
    return {};
  }
};

class ConfigureRingsTest : public ::testing::Test {
 protected:
  Mlx5 nic_;
  UndoStack undo_{[](const Error&) {}};
};

TEST_F(ConfigureRingsTest, HardwareGroGoesOnBeforeHeaderSplitThatNeedsItAndOffAfterIt) {
  const Rings found = nic_.rings;
  EXPECT_OK(ConfigureRings(nic_.Driver(), kSplit, undo_));
  EXPECT_EQ(nic_.rings.tcp_data_split, TcpDataSplit::kEnabled);
  EXPECT_THAT(undo_.RunAll(), IsEmpty());
  EXPECT_THAT(nic_.log, ElementsAre("tcp-data-split on: EINVAL", "rx-gro-hw on",
                                    "tcp-data-split on", "tcp-data-split auto", "rx-gro-hw off"));
  EXPECT_EQ(nic_.rings, found);
  EXPECT_FALSE(nic_.hw_gro.active);
}

TEST_F(ConfigureRingsTest, HardwareGroThatIsOnStaysSo) {
  nic_.hw_gro.active = true;
  EXPECT_OK(ConfigureRings(nic_.Driver(), kSplit, undo_));
  EXPECT_THAT(undo_.RunAll(), IsEmpty());
  EXPECT_THAT(nic_.log, ElementsAre("tcp-data-split on", "tcp-data-split auto"));
  EXPECT_TRUE(nic_.hw_gro.active);
}

TEST_F(ConfigureRingsTest, HardwareGroIsLeftAloneWhereItIsFixed) {
  nic_.hw_gro.changeable = false;
  EXPECT_THAT(ConfigureRings(nic_.Driver(), kSplit, undo_), FailsWith(EINVAL));
  EXPECT_THAT(nic_.log, ElementsAre("tcp-data-split on: EINVAL"));
  EXPECT_TRUE(undo_.Empty());
}

TEST_F(ConfigureRingsTest, HardwareGroIsLeftAloneWhereNoHeaderSplitIsWanted) {
  EXPECT_OK(ConfigureRings(nic_.Driver(), {.rx = 256}, undo_));
  EXPECT_THAT(undo_.RunAll(), IsEmpty());
  EXPECT_THAT(nic_.log, ElementsAre("rx 256", "rx 1024"));
}

}  // namespace
}  // namespace zcrx
