// The selftests' net.config: KEY=VALUE lines, # comments, values bare or in quotes.
// Source: Linux tools/testing/selftests/drivers/net/README.rst; its readers are lib/py/env.py,
// which strips comments only, and net/forwarding/lib.sh, a shell that sources the file: what both
// understand is a bare or double-quoted value with no blank around the =.
//
// Ours also takes blanks around the =, single quotes, and a # inside quotes. Keys we do not know
// belong to other tests and stay unjudged.
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

// EFBIG: longer than 64 KiB, so no net.config.
Result<std::string> ReadConfigFile(const std::string& path);

// `text` in double quotes for a message: escaped where it is not printable, cut where it is long.
std::string Quoted(std::string_view text);

}  // namespace zcrx
