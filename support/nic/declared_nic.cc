#include "support/nic/declared_nic.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "support/base/interruption.h"
#include "support/base/wait.h"
#include "support/nic/queues.h"

namespace zcrx {
namespace {

constexpr std::chrono::seconds kMemoryReturns{3};

}  // namespace

Status DeclaredNic::Declare(const NicState& wanted) {
  Applied applied = Apply(*nic_, wanted, Deadline::In(kProviderLeaves));
  // A foreign change since the last check must be reported before it is overwritten.
  if (const auto strayed = Strayed(applied); !strayed.empty()) {
    applied.errors.insert(applied.errors.begin(), {nic_->Name() + " was not as declared", 0,
                                                   fmt::format("{}", fmt::join(strayed, "; "))});
  }
  if (applied.errors.empty()) {
    standing_ = std::move(applied.now);
    return {};
  }
  const Uninterrupted undoing;
  Error& first = applied.errors.front();
  for (const Error& error : Apply(*nic_, standing_, Deadline::In(kProviderLeaves)).errors) {
    first.detail += "; and then: " + error.Text();
  }
  return std::unexpected(std::move(first));
}

Result<uint32_t> DeclaredNic::AddRule(const FlowRule& rule) {
  ZCRX_ASSIGN_OR_RETURN(const uint32_t location, InsertFlowRule(*nic_, rule));
  FlowRules& rules = standing_.rules ? *standing_.rules : standing_.rules.emplace();
  // Record the rule as the driver shows it, which is not byte for byte what was requested. A rule
  // that the driver does not show is later found missing by its location.
  ZCRX_ASSIGN_OR_RETURN(const RawFlowRule shown, GetRawFlowRule(*nic_, location, rule));
  // This replaces the previous rule at this location.
  std::erase_if(rules.rules, [&](const auto& one) { return one.Location() == location; });
  rules.rules.insert(std::ranges::upper_bound(rules.rules, location, {}, &RawFlowRule::Location),
                     shown);
  return location;
}

Status DeclaredNic::RemoveRule(uint32_t location) {
  ZCRX_RETURN_IF_ERROR(DeleteFlowRule(*nic_, location));
  if (standing_.rules) {
    std::erase_if(standing_.rules->rules,
                  [&](const RawFlowRule& rule) { return rule.Location() == location; });
  }
  return {};
}

Result<uint32_t> DeclaredNic::AddContext(uint32_t queue) {
  // A context's table has the size of the main one.
  ZCRX_ASSIGN_OR_RETURN(const Rss main, GetRss(*nic_));
  ZCRX_ASSIGN_OR_RETURN(const uint32_t context,
                        CreateRssContext(*nic_, RssTable(main.table.size(), queue)));
  ZCRX_ASSIGN_OR_RETURN(standing_.contexts[context], GetRss(*nic_, context));
  return context;
}

Status DeclaredNic::RemoveContext(uint32_t context) {
  ZCRX_RETURN_IF_ERROR(DeleteRssContext(*nic_, context));
  standing_.contexts.erase(context);
  return {};
}

Status DeclaredNic::ReserveHugePages(uint64_t pages) {
  Kernel& kernel = nic_->GetKernel();
  ZCRX_RETURN_IF_ERROR(kernel.TakeHugePages(Deadline::In(kOthersReturnHugePages)));
  ZCRX_ASSIGN_OR_RETURN(HugePages now, kernel.GetHugePages());
  // The kernel allocates what it has memory for at the moment, and the pages of an area that was
  // just released come back in a kworker.
  Status set;
  const Status enough = Becomes(
      "there is memory for huge pages",
      [&]() -> Result<bool> {
        ZCRX_ASSIGN_OR_RETURN(now, kernel.GetHugePages());
        set = now.free >= pages ? Status() : kernel.SetHugePages(now.used + pages);
        if (!set && set.error().code != ENOMEM) return std::unexpected(set.error());
        return set.has_value();
      },
      Deadline::In(kMemoryReturns));
  // Even if the kernel allocated only some of them.
  ZCRX_ASSIGN_OR_RETURN(now, kernel.GetHugePages());
  standing_.huge_pages = now.set_to;
  return set ? enough : set;
}

DeclaredNic::Restored DeclaredNic::PutRight() {
  const Uninterrupted undoing;
  const Result<NicState> now = ReadNicState(*nic_);
  Restored restored;
  if (now) {
    restored.differences = Differences(standing_, *now);
  } else {
    restored.errors.push_back(now.error());
  }
  if (!restored.differences.empty()) {
    restored.errors = Apply(*nic_, standing_, Deadline::In(kProviderLeaves)).errors;
  }
  ReturnHugePages(restored.errors);
  return restored;
}

void DeclaredNic::ReturnHugePages(std::vector<Error>& errors) {
  Kernel& kernel = nic_->GetKernel();
  if (!kernel.HasHugePages()) return;
  if (found_.huge_pages && standing_.huge_pages != found_.huge_pages) {
    if (Status set = kernel.SetHugePages(*found_.huge_pages); !set) errors.push_back(set.error());
    standing_.huge_pages = found_.huge_pages;
  }
  kernel.ReleaseHugePages();
}

DeclaredNic::Restored DeclaredNic::PutBack() {
  const Uninterrupted undoing;
  Applied applied = Apply(*nic_, found_, Deadline::In(kProviderLeaves));
  Restored restored = {.differences = Strayed(applied), .errors = std::move(applied.errors)};
  standing_ = std::move(applied.now);
  ReturnHugePages(restored.errors);
  return restored;
}

std::vector<std::string> DeclaredNic::Strayed(const Applied& applied) const {
  return applied.before ? Differences(standing_, *applied.before) : std::vector<std::string>();
}

}  // namespace zcrx
