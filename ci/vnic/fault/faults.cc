#include "ci/vnic/fault/faults.h"

#include <fmt/format.h>

#include <algorithm>

#include "support/base/numbers.h"

namespace vnic {
zcrx::Status Faults::Set(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  const auto spec = std::ranges::find(FaultSpecs(), name, &FaultSpec::name);
  if (spec == FaultSpecs().end()) {
    return zcrx::Fail(fmt::format("no fault '{}'; see vnic --describe", name));
  }
  if (!scope_.has.Has(spec->fault)) {
    return zcrx::Fail(fmt::format("this NIC has no fault {}", name));
  }
  const bool given = equals != std::string_view::npos;
  ZCRX_ASSIGN_OR_RETURN(const std::uint32_t argument,
                        given || spec->argument == FaultArgument::kCommand
                            ? Argument(*spec, given ? text.substr(equals + 1) : "")
                            : zcrx::Result<std::uint32_t>(spec->usual));
  std::erase_if(entries_, [&](const Entry& entry) {
    return entry.spec == &*spec &&
           (spec->argument != FaultArgument::kCommand || entry.argument == argument);
  });
  entries_.push_back({.spec = &*spec, .argument = argument});
  set_.Add(spec->fault);
  return {};
}

zcrx::Result<std::uint32_t> Faults::Argument(const FaultSpec& spec, std::string_view text) const {
  switch (spec.argument) {
    case FaultArgument::kNone:
      return zcrx::Fail(fmt::format("{} takes no argument", spec.name));
    case FaultArgument::kNumber: {
      const auto number = zcrx::ParseNumber<std::uint32_t>(text);
      if (!number || *number < spec.least || *number > spec.most) {
        return zcrx::Fail(fmt::format("{}: '{}' is not a number from {} to {}", spec.name, text,
                                      spec.least, spec.most));
      }
      return *number;
    }
    case FaultArgument::kCommand: {
      const auto command = std::ranges::find(scope_.commands, text, &NamedCommand::name);
      if (command == scope_.commands.end()) {
        return zcrx::Fail(
            fmt::format("{}: this NIC has no command '{}'; see vnic --describe", spec.name, text));
      }
      return command->number;
    }
  }
  return zcrx::Fail(fmt::format("{}: unknown kind of argument", spec.name));
}

void Faults::Clear() {
  set_ = {};
  ++round_;
  entries_.clear();
}

const NamedCommand* Faults::Find(std::uint32_t command) const {
  const auto found = std::ranges::find(scope_.commands, command, &NamedCommand::number);
  return found == scope_.commands.end() ? nullptr : &*found;
}

bool Faults::RestartsQueues(std::uint32_t command) const {
  const NamedCommand* found = Find(command);
  return found != nullptr && found->in_restart;
}

std::string Faults::Text() const {
  std::string text;
  for (const Entry& entry : entries_) {
    if (!text.empty()) text += "; ";
    text += entry.spec->name;
    if (entry.spec->argument == FaultArgument::kNumber) text += fmt::format("={}", entry.argument);
    if (entry.spec->argument == FaultArgument::kCommand) {
      text += fmt::format("={}", Find(entry.argument)->name);
    }
    text += fmt::format(" {}", entry.bites);
  }
  return text;
}

std::uint32_t Faults::Number(Fault fault) const {
  const auto entry = std::ranges::find_if(
      entries_, [&](const Entry& candidate) { return candidate.spec->fault == fault; });
  return entry == entries_.end() ? 0 : entry->argument;
}

void Faults::BeginConnection() {
  for (Entry& entry : entries_) {
    if (entry.spec->turn == FaultTurn::kOnce) entry.occasions = 0;
  }
}

bool Faults::Entry::IsDue(std::uint64_t before) const {
  switch (spec->turn) {
    case FaultTurn::kAlways:
      return true;
    case FaultTurn::kEvery:
      return occasions / argument != before / argument;
    case FaultTurn::kOnce:
      return before < argument && occasions >= argument;
    case FaultTurn::kFirst:
      return before == 0;
    case FaultTurn::kPeriod:
      return occasions / kPeriod != before / kPeriod;
  }
  return false;
}

bool Faults::Count(Fault fault, std::optional<std::uint32_t> command, std::uint32_t occasions) {
  for (Entry& entry : entries_) {
    if (entry.spec->fault != fault) continue;
    if (command && entry.argument != *command) continue;
    const std::uint64_t before = entry.occasions;
    entry.occasions += occasions;
    const bool bites = entry.IsDue(before);
    entry.bites += bites ? 1 : 0;
    return bites;
  }
  return false;
}

}  // namespace vnic
