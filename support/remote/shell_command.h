// Quotes arguments so that the peer's login shell passes on exactly these.
//
// An SSH "exec" request carries a single string, which sshd gives to the user's login shell with -c
// (RFC 4254, 6.5; sshd(8), LOGIN PROCESS). The shell cannot be avoided, so nothing may be left for
// it to interpret. Inside single quotes a POSIX shell takes every byte as it is, except the quote
// itself (POSIX.1-2017, XCU 2.2.2). csh and its relatives are not supported.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/base/result.h"

namespace zcrx {

// it's -> 'it'\''s'
std::string ShellQuote(std::string_view argument);

// Returns "exec 'program' 'argument'...". With exec the program replaces the shell, so that sshd
// reports its exit status or signal. Fails with EINVAL if there is no program, if its name is empty
// or starts with a dash (an option to exec), or on a NUL byte; with E2BIG if the string is longer
// than a Linux argument can be.
Result<std::string> ShellCommand(const std::vector<std::string>& argv);

}  // namespace zcrx
