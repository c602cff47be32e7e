// Strings that run something, end something or become something else where a shell, an option
// parser or a format gets hold of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace zcrx {

// A command in them makes a file of this name in the folder it is run in.
inline constexpr std::string_view kMarkerFile = "HOSTILE";

inline std::vector<std::string> HostileStrings() {
  return {
      "two words",
      " leading and trailing ",
      "  ",
      "tab\there",
      "line\nbreak",
      "\n",
      "carriage\rreturn",
      "it's",
      "'",
      "''; touch HOSTILE; '",
      "\"double\"",
      "\"; touch HOSTILE; \"",
      "; touch HOSTILE",
      "&& touch HOSTILE",
      "& touch HOSTILE &",
      "| touch HOSTILE",
      "$(touch HOSTILE)",
      "`touch HOSTILE`",
      "${IFS}touch${IFS}HOSTILE",
      "$HOME",
      "a\ntouch HOSTILE\n",
      "> HOSTILE",
      "*",
      "~root",
      "\\",
      "back\\slash\\n",
      "#comment",
      "!!",
      "-n",
      "--help",
      "-oProxyCommand=touch HOSTILE",
      "%s%n%h%d%%",
      "{a,b}",
      "\xff\xfe\x80",
      "caf\xe9 latin-1",
      "\x1b[2J\a",
      "\xe2\x80\xae right to left",
      "=equals=",
  };
}

}  // namespace zcrx
