// A NIC as the kernel and a driver keep it, with the rules by which they take and refuse changes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "support/nic/channels.h"
#include "support/nic/features.h"
#include "support/nic/flow_rule.h"
#include "support/nic/rings.h"
#include "support/nic/rss.h"

namespace zcrx {

// What drivers differ in.
struct FakeDriver {
  std::string name = "fake";
  bool combined = false;            // channels; else rx and tx
  bool has_rss = true;              // gve has one only on newer devices
  bool has_hds_thresh = true;       // since 6.14
  bool jumbo_ring = false;          // bnxt: four times as long as the rx ring
  bool refuses_split_off = false;   // bnxt_set_ringparam(): EINVAL
  bool split_wants_hw_gro = false;  // mlx5e_ethtool_set_tcp_data_split(): EINVAL while it is off;
                                    // mlx5e_fix_features(): it stays on while header split is
  bool split_forbids_hw_gro = false;
  bool hw_gro_needs_gro = false;      // bnxt_fix_features()
  bool split_follows_hw_gro = false;  // where it is left to the driver
  bool resets_drop_rules = false;     // bnxt: rings, channels and the RSS table reset the device
  bool keeps_useless_table = false;   // gve: an RSS table that leads to queues which went
  bool numbers_rules = false;         // RX_CLS_LOC_SPECIAL
  bool loses_notifications = false;   // ENOBUFS
};

// Each change returns an errno, 0 where it was taken.
class FakeNic {
 public:
  explicit FakeNic(const FakeDriver& driver);

  int SetUp(bool up);
  int SetMtu(uint32_t bytes);
  int AskForFeatures(const std::map<std::string, bool>& wanted);
  int SetChannels(const ChannelsChange& change);
  // `told`: whether the configuration changed, of which ethtool's listeners hear.
  int SetRings(const RingsChange& change, bool& told);
  int SetRss(uint32_t context, const RssChange& change);
  int ResetRssTable();
  int CreateContext(std::optional<uint32_t> wish, const RssChange& wanted, uint32_t& number);
  int DeleteContext(uint32_t number);
  int InsertRule(RawFlowRule rule, uint32_t& location);
  int DeleteRule(uint32_t location);
  int SetHugePages(uint64_t pages);
  int SetKeepAddrOnDown(uint32_t value);

  [[nodiscard]] uint32_t RxQueues() const { return channels.RxQueues(); }
  // As `ethtool -g` shows it.
  [[nodiscard]] Rings ShownRings() const;

  FakeDriver driver;
  bool up = true;
  uint32_t mtu = 1500;
  std::map<std::string, Feature> features;
  Channels channels;
  Rings rings;                                  // but for tcp_data_split
  TcpDataSplit split = TcpDataSplit::kUnknown;  // configured
  std::optional<Rss> rss;
  bool rss_configured = false;  // netif_is_rxfh_configured()
  std::map<uint32_t, Rss> contexts;
  std::vector<RawFlowRule> rules;  // by location
  uint64_t huge_pages = 0;
  // Of these, pages in use that are free after the next change, and of which it gets none.
  uint64_t huge_pages_leaving = 0;
  bool others_have_huge_pages = false;
  uint32_t keep_addr_on_down = 0;
  std::set<uint32_t> providers;  // queues with one; seen once more, they have left
  bool providers_stay = false;
  // How often each thing was really changed: "rings", "rule" ...
  std::map<std::string, int> changes;

 private:
  [[nodiscard]] bool SplitIsOn() const;
  [[nodiscard]] bool Leads(const RssTable& table, uint32_t queues) const;
  int Changed(const std::string& what) {
    ++changes[what];
    return 0;
  }
  void FixFeatures();
  void Reset();
};

}  // namespace zcrx
