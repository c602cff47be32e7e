// Parser of the kernel selftests' net.config: KEY=VALUE lines, # comments, bare or quoted values.
//
// Source: Linux tools/testing/selftests/drivers/net/README.rst. The kernel has two readers of the
// file: lib/py/env.py, which only strips comments, and net/forwarding/lib.sh, which sources it in a
// shell. Both understand a bare or double-quoted value without blanks around the =.
//
// This parser also accepts blanks around the =, single quotes, and a # inside quotes. It does not
// judge unknown keys: they belong to other tests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/base/result.h"

namespace zcrx {

struct ConfigLine {
  std::string key;
  std::string value;
  int line = 0;  // from 1
};

struct ConfigFileContent {
  std::vector<ConfigLine> lines;
  std::vector<std::string> problems;  // "line 3: ..."
};

ConfigFileContent ParseConfigFile(std::string_view text);

// Reads the file. Fails with EFBIG if it is longer than 64 KiB, so not a net.config.
Result<std::string> ReadConfigFile(const std::string& path);

// Returns `text` in double quotes for a message, with unprintable bytes escaped and long text cut.
std::string Quoted(std::string_view text);

}  // namespace zcrx
