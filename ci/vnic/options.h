// The command line of `vnic`.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ci/vnic/device/nic.h"
#include "support/base/result.h"

namespace vnic {

struct PortOptions {
  std::string name;
  std::string socket;  // path of the vfio-user socket
  const Model* model = nullptr;
  MacAddress mac{};
};

struct Options {
  std::vector<PortOptions> ports;  // one or two
  std::string control;             // path of the control socket; empty: none
  std::string log;                 // path; empty: standard error
  bool describe = false;
  bool help = false;
  bool version = false;
};

// `arguments` without the program's name. The error says which argument is wrong and why.
zcrx::Result<Options> ParseOptions(std::span<const char* const> arguments);

// "02:00:00:00:00:01"; unicast addresses only.
zcrx::Result<MacAddress> ParseMac(std::string_view text);

std::string Usage();

}  // namespace vnic
