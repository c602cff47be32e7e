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

// JSON for whoever drives this program: each fault with its argument (a number, the usual one;
// "COMMAND"; null), and of each model the faults and commands that it has. `restart`: the commands
// that restart a queue.
std::string Describe();

}  // namespace vnic
