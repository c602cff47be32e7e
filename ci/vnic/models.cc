#include "ci/vnic/models.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "ci/vnic/bnxt/device.h"
#include "ci/vnic/gve/device.h"
#include "ci/vnic/mlx5/device.h"

namespace vnic {
namespace {

constexpr std::array<const Model*, 3> kModels{&bnxt::Device::kModel, &gve::Device::kModel,
                                              &mlx5::Device::kModel};

}  // namespace

std::span<const Model* const> Models() { return kModels; }

const Model* FindModel(std::string_view name) {
  const auto found =
      std::ranges::find(kModels, name, [](const Model* model) { return model->name; });
  return found == kModels.end() ? nullptr : *found;
}

std::string Describe() {
  const auto quoted = [](std::string_view name) { return fmt::format("\"{}\"", name); };
  std::vector<std::string> faults;
  for (const FaultSpec& spec : FaultSpecs()) {
    const std::string argument = spec.argument == FaultArgument::kNumber
                                     ? fmt::format("{}", spec.usual)
                                 : spec.argument == FaultArgument::kCommand ? quoted("COMMAND")
                                                                            : "null";
    faults.push_back(fmt::format("{}: {}", quoted(spec.name), argument));
  }
  std::vector<std::string> models;
  for (const Model* model : kModels) {
    std::vector<std::string> has;
    for (const FaultSpec& spec : FaultSpecs()) {
      if (model->faults.has.Has(spec.fault)) has.push_back(quoted(spec.name));
    }
    std::vector<std::string> commands;
    std::vector<std::string> restart;
    for (const NamedCommand& command : model->faults.commands) {
      commands.push_back(quoted(command.name));
      if (command.in_restart) restart.push_back(quoted(command.name));
    }
    models.push_back(fmt::format(R"({}: {{"faults": [{}], "commands": [{}], "restart": [{}]}})",
                                 quoted(model->name), fmt::join(has, ", "),
                                 fmt::join(commands, ", "), fmt::join(restart, ", ")));
  }
  return fmt::format("{{\"faults\": {{{}}},\n\"models\": {{{}}}}}\n", fmt::join(faults, ", "),
                     fmt::join(models, ",\n"));
}

}  // namespace vnic
