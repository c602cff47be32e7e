// Whole files: reads with a size limit, atomic writes.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "support/base/result.h"

namespace zcrx {

// Writes all of `text`. `operation` describes the operation in errors.
Status WriteAll(int fd, std::string_view text, const std::string& operation);

// Reads to the end of the file. Fails with EFBIG if there are more than `most` bytes.
Result<std::string> ReadAll(int fd, size_t most, const std::string& operation);
// As ReadAll(). Does not wait for the other end of a FIFO.
Result<std::string> ReadFile(const std::string& path, size_t most);

// Writes a setting of the kernel, in one write(2): sysfs, debugfs and tracefs parse each by itself.
Status WriteSetting(const std::string& path, std::string_view value);

// Replaces a file atomically and syncs it to disk: writes a temporary file beside `path`, syncs and
// renames it, and syncs the folder, which holds the name. A failure leaves no temporary file.
Status ReplaceFile(const std::string& path, std::string_view text, mode_t mode);

// Returns the ID of this boot of the machine: /proc/sys/kernel/random/boot_id.
Result<std::string> BootId();

// Returns an ID that no other call returns, on any machine: /proc/sys/kernel/random/uuid.
Result<std::string> RandomId();

}  // namespace zcrx
