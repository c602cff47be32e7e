#include "support/kernel/kernel_report.h"

#include <algorithm>
#include <array>

namespace zcrx {
namespace {

// How the kernel's reports begin, at whatever level. Of lockdep, most begin with WARNING (kernel/
// locking/lockdep.c); of DMA-API, ODEBUG and damaged lists, all are a WARNING or BUG with a text.
constexpr std::array<std::string_view, 19> kReports = {
    "WARNING: ",       // kernel/panic.c
    "BUG: ",           // KASAN, KCSAN, KFENCE, "sleeping function" ...
    "kernel BUG at ",  // lib/bug.c
    "Oops: ",
    "general protection fault",
    "Kernel panic",
    "UBSAN: ",                                  // lib/ubsan.c
    "INFO: trying to register non-static key",  // kernel/locking/lockdep.c
    "DEBUG_LOCKS_WARN_ON(",                     // include/linux/debug_locks.h
    "list_add corruption",                      // lib/list_debug.c, before its BUG
    "list_del corruption",
    "page_owner tracks the page as allocated",  // mm/page_owner.c: one that should be free
    "blocked for more than",                    // kernel/hung_task.c
    "blocked in I/O wait for more than",
    "soft lockup",  // kernel/watchdog.c
    "hard LOCKUP",
    "detected stall",         // kernel/rcu/tree_stall.h
    "refcount_t: ",           // lib/refcount.c
    "stalled pool shutdown",  // net/core/page_pool.c
};
// Of these, a line is all.
constexpr std::array<std::string_view, 1> kOneLine = {"stalled pool shutdown"};
// Lines behind the first that tell something.
constexpr std::array<std::string_view, 3> kTelling = {"Oops: ", "KASAN: ", "page dumped because: "};
constexpr std::string_view kCutHere = "------------[ cut here ]------------";

template <size_t N>
bool HasOneOf(std::string_view text, const std::array<std::string_view, N>& marks) {
  return std::ranges::any_of(marks, [&](std::string_view mark) { return text.contains(mark); });
}

// "BUG kmalloc-64 (Not tainted): Poison overwritten": __slab_bug() in mm/slub.c.
bool IsOfSlab(std::string_view text) { return text.starts_with("BUG ") && text.contains("): "); }

}  // namespace

std::string KernelReport::Text() const {
  std::string text = head.empty() ? std::string(kCutHere) : head;
  if (!at.empty() && !text.contains(at)) text += " in " + at;
  if (const std::string callers = trace.Text(text); !callers.empty()) {
    text += ": called from " + callers;
  }
  return text;
}

void KernelReports::Take(const KernelMessage& message) {
  if (!message.by_kernel) return;
  if (TakeReport(message)) {
    if (part_ == Part::kHead) Attribute(message.text);
  } else if (Complains(message, subject_)) {
    reports_.push_back({.head = message.text, .at = {}, .trace = {}});
  }
}

// A line with a slash names a task ("by task napi/eth0-8193/812") or a file: in whose NAPI it
// happened does not say that it is the other's fault.
void KernelReports::Attribute(std::string_view line) {
  const auto names = [line](const std::string& name) { return NamesWord(line, name); };
  ours_ = ours_ || names(subject_.interface) || names(subject_.bus);
  others_ = others_ || (!line.contains('/') && std::ranges::any_of(subject_.others, names));
  reports_[open_].of_another = others_ && !ours_;
}

bool KernelReports::TakeReport(const KernelMessage& message) {
  const std::string_view text = message.text;
  if (text.starts_with(kCutHere)) {
    // BUG() of a damaged list or page comes behind the text that says so.
    if (part_ != Part::kHead) Begin({});
    cut_ = true;
    return true;
  }
  if (HasOneOf(text, kReports) || IsOfSlab(text)) {
    // An oops has two such lines, a WARNING with a text too; of a page, any report may tell.
    const bool goes_on = (part_ == Part::kHead && (cut_ || text.contains("Oops: "))) ||
                         (part_ != Part::kNone && text.starts_with("page_owner"));
    if (goes_on) {
      Continue(text);
    } else {
      Begin(text);
    }
    if (HasOneOf(text, kOneLine)) part_ = Part::kNone;
    return true;
  }
  // What a driver says of its device in between is no part: dev_err() leaves the device's name.
  if (part_ == Part::kNone || !message.device.empty()) return false;
  Continue(text);
  return true;
}

void KernelReports::Begin(std::string_view head) {
  open_ = reports_.size();
  reports_.push_back({.head = std::string(head), .at = {}, .trace = {}});
  part_ = Part::kHead;
  cut_ = titled_ = trace_ended_ = ours_ = others_ = false;
}

void KernelReports::Continue(std::string_view line) {
  KernelReport& report = reports_[open_];
  const bool bar = line.starts_with("========");
  if (line.starts_with("---[ end trace") || (bar && report.trace.Began())) {
    part_ = Part::kNone;
    return;
  }
  if (line.starts_with("CPU: ") || line.starts_with("Modules linked in:")) part_ = Part::kBody;
  if (part_ == Part::kHead && (cut_ || HasOneOf(line, kTelling))) {
    if (!report.head.empty()) report.head += "; ";
    report.head += Trimmed(line);
    return;
  }
  TakeTrace(line);
}

// KCSAN and KFENCE print a trace without a title; lockdep and page_owner print others, without one,
// before the one that counts, and KASAN after it.
void KernelReports::TakeTrace(std::string_view line) {
  constexpr std::string_view kRip = "RIP: 0010:";  // x86, in the kernel
  constexpr std::string_view kPc = "pc : ";        // arm64
  KernelReport& report = reports_[open_];
  line = Trimmed(line);
  if (line.starts_with("Call Trace:") || line.starts_with("Call trace:")) {  // x86, arm64
    part_ = Part::kBody;
    trace_ended_ = titled_;
    if (!titled_) report.trace.Clear();
    titled_ = true;
  } else if (!trace_ended_ && report.trace.Take(line)) {
    return;
  } else if (report.trace.Began()) {
    trace_ended_ = true;
  } else if (line.starts_with(kRip) || line.starts_with(kPc)) {
    report.at = FunctionIn(line.substr(line.starts_with(kRip) ? kRip.size() : kPc.size()));
  }
}

}  // namespace zcrx
