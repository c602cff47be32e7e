// The NICs that can be plugged in.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "ci/vnic/device/nic.h"

namespace vnic {

std::span<const Model* const> Models();
// nullptr: there is none of that name.
const Model* FindModel(std::string_view name);

// All faults and the NICs that have them: entries "NAME[=DEFAULT] NIC...", then each NIC's commands
// as "commands NIC NAME[*]...", a star for those that restart a queue; "; " between entries.
std::string FaultList();

}  // namespace vnic
