// What the kernel complains of in its log: reports of itself (a WARNING, an oops, a hang, and what
// its debugging options find: KASAN, KCSAN, KFENCE, UBSAN, lockdep, slab and page debugging,
// DMA-API, ODEBUG), and errors of a device.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/kernel/call_trace.h"
#include "support/kernel/kernel_log.h"

namespace zcrx {

// One report, however many lines it has.
struct KernelReport {
  std::string head;  // what is reported: "BUG: KASAN: slab-use-after-free in f+0x1/0x2"
  std::string at;    // the function of a register dump: of an oops, the only place that names it
  CallTrace trace;   // that led there
  // What it reports names another device of the machine, and not the subject.
  bool of_another = false;

  // "BUG: KASAN: slab-use-after-free in f+0x1/0x2: called from g+0x3/0x4, h+0x5/0x6"
  [[nodiscard]] std::string Text() const;
};

class KernelReports {
 public:
  explicit KernelReports(LogSubject subject) : subject_(std::move(subject)) {}

  // Takes the next message of the log. Lines that two processors write at once are taken for one
  // report.
  void Take(const KernelMessage& message);
  [[nodiscard]] const std::vector<KernelReport>& All() const { return reports_; }

 private:
  enum class Part {
    kNone,  // of no report
    kHead,  // what is reported
    kBody,  // where: processor, registers, traces
  };

  bool TakeReport(const KernelMessage& message);
  void Begin(std::string_view head);
  void Continue(std::string_view line);
  void TakeTrace(std::string_view line);
  // Learns from a line of the head whose report it is.
  void Attribute(std::string_view line);

  LogSubject subject_;
  std::vector<KernelReport> reports_;
  size_t open_ = 0;  // the report that goes on; not if kNone
  Part part_ = Part::kNone;
  bool cut_ = false;          // it began with "cut here": all of its head tells something
  bool titled_ = false;       // "Call Trace:" has come
  bool trace_ended_ = false;  // further traces are others'
  bool ours_ = false;         // its head names the subject
  bool others_ = false;       // its head names another device
};

}  // namespace zcrx
