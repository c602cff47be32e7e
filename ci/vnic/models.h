// The NICs that can be plugged in.
#pragma once

#include <span>
#include <string_view>

#include "ci/vnic/device/nic.h"

namespace vnic {

std::span<const Model* const> Models();
// nullptr: there is none of that name.
const Model* FindModel(std::string_view name);

}  // namespace vnic
