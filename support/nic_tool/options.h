// The command line of zcrx_nic.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "support/base/result.h"
#include "support/config/config.h"

namespace zcrx {

enum class NicCommand : uint8_t {
  kHelp,
  kVersion,
  kShow,
  kSnapshot,
  kDiff,
  kRestore,
  kCtestResources
};

struct NicToolOptions {
  NicCommand command = NicCommand::kHelp;
  std::string file = {};         // for snapshot, diff and restore
  bool all = false;              // --all, for restore
  std::chrono::seconds wait{0};  // --wait, for restore
  KeyValues config = {};         // --netif=eth1 as {"NETIF", "eth1"}
  std::string config_file = {};  // --config
};

// Parses the command line; flags may be anywhere. Fails with one sentence.
Result<NicToolOptions> ParseNicToolOptions(std::span<const char* const> arguments);

extern const char* const kNicToolHelp;

}  // namespace zcrx
