#include "support/remote/shell_command.h"

namespace zcrx {
namespace {

constexpr size_t kMaxCommand = 128UL * 1024 - 1;  // MAX_ARG_STRLEN, include/uapi/linux/binfmts.h

}  // namespace

std::string ShellQuote(std::string_view argument) {
  std::string quoted = "'";
  for (const char c : argument) {
    if (c == '\'') {
      quoted += R"('\'')";
    } else {
      quoted += c;
    }
  }
  return quoted + '\'';
}

Result<std::string> ShellCommand(const std::vector<std::string>& argv) {
  constexpr std::string_view kOperation = "build the command for the peer";
  const auto refuse = [&](int code, const char* reason) {
    return Fail(std::string(kOperation), code, reason);
  };
  if (argv.empty() || argv.front().empty()) return refuse(EINVAL, "there is no program");
  if (argv.front().starts_with('-')) {
    return refuse(EINVAL, "a program whose name starts with a dash is an option to the shell");
  }
  std::string command = "exec";
  for (const std::string& argument : argv) {
    if (argument.contains('\0')) return refuse(EINVAL, "an argument cannot hold a NUL byte");
    command += ' ' + ShellQuote(argument);
  }
  if (command.size() > kMaxCommand) return refuse(E2BIG, "it is too long");
  return command;
}

}  // namespace zcrx
