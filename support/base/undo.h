// What has been changed and how to change it back.
//
// Each change is followed by its undo on the next line:
//   ZCRX_RETURN_IF_ERROR(SetRings(nic, wanted));
//   undo.Add("rings of eth1", [=] { return SetRings(nic, found); });
// Undos run last in, first out. One that fails does not keep the others from running; all errors
// come back together, each with its label.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "support/base/interruption.h"
#include "support/base/kill_point.h"
#include "support/base/result.h"

namespace zcrx {

class UndoStack {
 public:
  using Action = std::move_only_function<Status()>;
  using Report = std::move_only_function<void(const Error&)>;

  // `on_leftover` receives what fails when the stack is destroyed with undos still on it (a test
  // that returned early): a destructor cannot return it.
  explicit UndoStack(Report on_leftover) : on_leftover_(std::move(on_leftover)) {}
  UndoStack(const UndoStack&) = delete;
  UndoStack& operator=(const UndoStack&) = delete;
  ~UndoStack() {
    for (const Error& error : RunAll()) on_leftover_(error);
  }

  void Add(std::string label, Action action) {
    entries_.push_back({std::move(label), std::move(action)});
  }

  [[nodiscard]] bool Empty() const { return entries_.empty(); }

  // Runs and forgets every undo; the errors of those that failed, in the order they ran. An
  // interruption of the run does not keep them from their waits.
  [[nodiscard]] std::vector<Error> RunAll() {
    const Uninterrupted undoing;
    std::vector<Error> errors;
    while (!entries_.empty()) {
      Entry entry = std::move(entries_.back());
      entries_.pop_back();
      const KillPoints points("undo");
      if (Status status = entry.action(); !status.has_value()) {
        errors.push_back({"undo " + entry.label, status.error().code, status.error().Text()});
      }
    }
    return errors;
  }

 private:
  struct Entry {
    std::string label;
    Action action;
  };
  std::vector<Entry> entries_;
  Report on_leftover_;
};

}  // namespace zcrx
