#include "support/kernel/call_trace.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace zcrx {
namespace {

constexpr size_t kFrames = 5;  // one of them may be in the report's first line

// How the functions begin that report, allocate for everybody or wait: the innermost of a trace,
// and the same in each.
constexpr std::array<std::string_view, 42> kReporters = {
    // lib/dump_stack.c, kernel/panic.c, lib/bug.c, arch/x86/kernel/traps.c
    "dump_stack", "show_stack", "__warn", "warn_slowpath", "report_bug", "handle_bug",
    "exc_invalid_op", "asm_exc_invalid_op",
    // mm/kasan, mm/kfence, kernel/kcsan, lib/ubsan.c
    "print_report", "print_address_description", "kasan_", "__kasan_", "__asan_", "end_report",
    "kcsan_", "__tsan_", "kfence_", "ubsan_epilogue", "__ubsan_",
    // kernel/locking/lockdep.c, kernel/sched/core.c
    "print_", "check_noncircular", "check_prev", "validate_chain", "__lock_acquire", "lock_acquire",
    "__lock_release", "lock_release", "lockdep_", "mark_", "register_lock_class", "__might_",
    "__schedule", "schedule",
    // mm/page_alloc.c, mm/slub.c, mm/kmemleak.c
    "bad_page", "object_err", "slab_err", "check_", "kmemleak_", "slab_post_alloc_hook",
    "__kmalloc", "kmem_cache_alloc", "__kvmalloc"};

bool IsReporter(std::string_view function) {
  return std::ranges::any_of(kReporters,
                             [&](std::string_view begins) { return function.starts_with(begins); });
}

}  // namespace

std::string_view Trimmed(std::string_view line) {
  constexpr std::string_view kBlanks = " \t";
  const size_t begin = line.find_first_not_of(kBlanks);
  if (begin == line.npos) return {};
  return line.substr(begin, line.find_last_not_of(kBlanks) - begin + 1);
}

std::string_view FunctionIn(std::string_view text) {
  const std::string_view word = text.substr(0, text.find(' '));
  const size_t offset = word.find("+0x");
  if (offset == word.npos || offset == 0 || !word.substr(offset).contains("/0x")) return {};
  return word;
}

bool CallTrace::Take(std::string_view line) {
  line = Trimmed(line);
  const bool stack = line.starts_with('<') && line.ends_with('>');  // <TASK>, </IRQ>
  if (stack || !FunctionIn(line.starts_with("? ") ? line.substr(2) : line).empty()) {
    began_ = true;
  } else {
    return false;
  }
  const std::string_view function = FunctionIn(line);
  if (function.empty() || frames_.size() == kFrames) return true;
  if (frames_.empty() && IsReporter(function)) return true;
  const size_t module = line.find(" [");
  frames_.emplace_back(module == function.size() ? line.substr(0, line.find(']') + 1) : function);
  return true;
}

std::string CallTrace::Text(std::string_view told) const {
  const auto news = [&](const std::string& frame) { return !told.contains(frame); };
  std::vector<std::string> frames;
  std::ranges::copy_if(frames_, std::back_inserter(frames), news);
  frames.resize(std::min(frames.size(), kFrames - 1));
  return fmt::format("{}", fmt::join(frames, ", "));
}

}  // namespace zcrx
