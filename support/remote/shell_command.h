// One string that the peer's login shell turns back into exactly the arguments we mean.
//
// An SSH "exec" request carries a single string, and sshd gives it to the user's login shell with
// -c (RFC 4254, 6.5; sshd(8), LOGIN PROCESS): there is no way around a shell, so nothing may be
// left for it to interpret. Inside single quotes a POSIX shell takes every byte as it is, except
// the quote itself (POSIX.1-2017, XCU 2.2.2). csh and its kin are not supported.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/base/result.h"

namespace zcrx {

// it's -> 'it'\''s'
std::string ShellQuote(std::string_view argument);

// "exec 'program' 'argument'...": exec, so that the program replaces the shell and its exit status
// or signal is what sshd reports. EINVAL: no program, an empty name or one that starts with a dash
// (an option to exec), a NUL byte. E2BIG: longer than a Linux argument can be.
Result<std::string> ShellCommand(const std::vector<std::string>& argv);

}  // namespace zcrx
