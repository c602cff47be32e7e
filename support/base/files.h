// Whole files: read with a limit, and written whole or not at all.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "support/base/result.h"

namespace zcrx {

// `operation` is what an error says was tried.
Status WriteAll(int fd, std::string_view text, const std::string& operation);

// Reads to the end. EFBIG: there is more than `most` bytes.
Result<std::string> ReadAll(int fd, size_t most, const std::string& operation);
// Does not wait for the other end of a FIFO.
Result<std::string> ReadFile(const std::string& path, size_t most);

// Whole or not at all, and on the disk when it returns: written beside `path`, synced, renamed, and
// the folder, which holds the name, synced too. A failure leaves nothing beside it.
Status ReplaceFile(const std::string& path, std::string_view text, mode_t mode);

// Of this boot of the machine: /proc/sys/kernel/random/boot_id.
Result<std::string> BootId();

}  // namespace zcrx
