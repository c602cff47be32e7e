#include "ci/vnic/models.h"

#include <algorithm>
#include <array>

#include "ci/vnic/bnxt/device.h"
#include "ci/vnic/gve/device.h"

namespace vnic {
namespace {

constexpr std::array<const Model*, 2> kModels{&bnxt::Device::kModel, &gve::Device::kModel};

}  // namespace

std::span<const Model* const> Models() { return kModels; }

const Model* FindModel(std::string_view name) {
  const auto found =
      std::ranges::find(kModels, name, [](const Model* model) { return model->name; });
  return found == kModels.end() ? nullptr : *found;
}

}  // namespace vnic
