// What --version prints.
#pragma once

namespace zcrx {

// "0.1.0 (7a4a28505fd1)", with "-dirty" after the revision if the tree was modified. Without the
// parentheses if the sources are not a git checkout.
extern const char* const kVersion;

}  // namespace zcrx
