// What SerializeNicState() and ParseNicState() agree on.
//
//   zcrx-nic-state 1                  the version
//   interface nic0                    names: bytes that are not printable, blanks and % as %20
//   driver bnxt_en                    left out where empty; so bus and address
//   bus 0000:00:04.0
//   address 02:00:00:00:00:01
//   index 3
//   boot 0b0e...
//   link up
//   mtu 1500
//   feature rx-gro on on              active, wanted; a line for each
//   channels-combined 4               left out where there is none; so all up to huge-pages
//   rings-rx 511
//   rings-tx 511
//   tcp-data-split off
//   hds-thresh 0
//   rss 0,1,2,3 1f2e... 1 0           table, key, hash function, transform; - is an empty one
//   context 1 0,1,0,1 - 0 0           its number, then as rss; a line for each
//   rules driver                      who numbers the rules: driver or caller
//   rule 0600... 0                    the bytes of ethtool_rx_flow_spec, the RSS context
//   huge-pages 0
//   end 21                            lines before this one
#pragma once

#include <array>
#include <string_view>

namespace zcrx::state_text {

// In the order of the lines.
enum class Key : unsigned char {
  kVersion,
  kInterface,
  kDriver,
  kBus,
  kAddress,
  kIndex,
  kBoot,
  kLink,
  kMtu,
  kFeature,
  kChannelsRx,
  kChannelsTx,
  kChannelsCombined,
  kRingsRx,
  kRingsTx,
  kTcpDataSplit,
  kHdsThresh,
  kRss,
  kContext,
  kRules,
  kRule,
  kHugePages,
  kEnd,
};

struct KeyInfo {
  std::string_view word;
  bool required = false;
  bool repeated = false;
};
inline constexpr std::array<KeyInfo, 23> kKeys = {{
    {"zcrx-nic-state", true},
    {"interface", true},
    {"driver"},
    {"bus"},
    {"address"},
    {"index", true},
    {"boot", true},
    {"link", true},
    {"mtu", true},
    {"feature", false, true},
    {"channels-rx"},
    {"channels-tx"},
    {"channels-combined"},
    {"rings-rx"},
    {"rings-tx"},
    {"tcp-data-split"},
    {"hds-thresh"},
    {"rss"},
    {"context", false, true},
    {"rules"},
    {"rule", false, true},
    {"huge-pages"},
    {"end", true},
}};
static_assert(static_cast<size_t>(Key::kEnd) + 1 == kKeys.size());

constexpr std::string_view Word(Key key) { return kKeys.at(static_cast<size_t>(key)).word; }

inline constexpr std::string_view kVersion = "1";
inline constexpr std::string_view kNothing = "-";  // an empty table or key
inline constexpr std::array<std::string_view, 3> kSplitWords = {"unknown", "off", "on"};

}  // namespace zcrx::state_text
