// zcrx_nic: shows, saves, compares and restores the state of the NIC under test. See --help.
#include <span>
#include <string_view>

#include "support/guard/guardian.h"
#include "support/nic_tool/commands.h"
#include "support/nic_tool/options.h"

// NOLINTNEXTLINE(bugprone-exception-escape): bad_alloc may end it, there is nothing to save
int main(int argc, char** argv) {
  const std::span<const char* const> arguments(argv, static_cast<size_t>(argc));
  // Not a user's command: the suite starts it and passes two descriptors.
  if (arguments.size() == 4 && std::string_view(arguments[1]) == "guard") {
    return zcrx::GuardNic(arguments[2], arguments[3]);
  }
  const auto options = zcrx::ParseNicToolOptions(arguments.subspan(1));
  if (!options.has_value()) {
    return static_cast<int>(zcrx::Complain(options.error(), zcrx::NicToolStatus::kBadUsage));
  }
  return static_cast<int>(zcrx::RunNicTool(*options));
}
