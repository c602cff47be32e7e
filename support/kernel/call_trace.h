// A call trace as the kernel prints it, a function a line, the innermost first: in its log (x86's
// show_trace_log_lvl(), stack_trace_print()) and in kmemleak's list.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace zcrx {

// Returns the line without blanks around it.
std::string_view Trimmed(std::string_view line);

// Returns the "f+0x12/0x40" of a text: of a whole line ("f+0x12/0x40 [module]"), or where one
// begins (a register dump: "0010:f+0x12/0x40"). Empty: the text does not begin with a function.
std::string_view FunctionIn(std::string_view text);

class CallTrace {
 public:
  // Returns whether the line belongs to a trace, and keeps its function if it is one of the first
  // that the unwinder is certain of, those of the reporter itself not counted.
  bool Take(std::string_view line);
  void Clear() { *this = {}; }
  [[nodiscard]] bool Began() const { return began_; }
  // Returns the functions without those that `told` names already: "f+0x12/0x40 [gve], g+0x5/0x60".
  [[nodiscard]] std::string Text(std::string_view told) const;

 private:
  std::vector<std::string> frames_;
  bool began_ = false;
};

}  // namespace zcrx
