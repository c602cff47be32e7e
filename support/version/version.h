// What --version prints.
#pragma once

namespace zcrx {

// "0.1.0 (7a4a28505fd1)"; "-dirty" behind the revision of a tree that was changed since. Without
// the parentheses where the sources are not a git checkout.
extern const char* const kVersion;

}  // namespace zcrx
