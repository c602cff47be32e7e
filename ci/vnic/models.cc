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

std::string FaultList() {
  std::string list;
  for (const FaultSpec& spec : FaultSpecs()) {
    list += spec.name;
    if (spec.argument == FaultArgument::kNumber) list += fmt::format("={}", spec.usual);
    if (spec.argument == FaultArgument::kCommand) list += "=COMMAND";
    for (const Model* model : kModels) {
      if (model->faults.has.Has(spec.fault)) list += fmt::format(" {}", model->name);
    }
    list += "; ";
  }
  for (const Model* model : kModels) {
    list += fmt::format("commands {}", model->name);
    for (const NamedCommand& command : model->faults.commands) {
      list += fmt::format(" {}{}", command.name, command.in_restart ? "*" : "");
    }
    list += model == kModels.back() ? "" : "; ";
  }
  return list;
}

}  // namespace vnic
