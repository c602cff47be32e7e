#include "support/kernel/kernel_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <system_error>

#include "support/base/numbers.h"

namespace zcrx {
namespace {

constexpr size_t kLongestRecord = 8192;  // PRINTK_MESSAGE_MAX (2048) plus the dictionary
constexpr int kError = 3;                // KERN_ERR

bool IsWordCharacter(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

}  // namespace

bool NamesWord(std::string_view text, std::string_view word) {
  if (word.empty()) return false;
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    const bool begins = at == 0 || !IsWordCharacter(text[at - 1]);
    if (begins && (end == text.size() || !IsWordCharacter(text[end]))) return true;
  }
  return false;
}

std::vector<std::string> OtherDevices(std::string_view interface,
                                      const std::filesystem::path& folder) {
  std::vector<std::string> others;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename();
    const auto device = std::filesystem::read_symlink(entry.path() / "device", ignored);
    if (name == interface || device.empty()) continue;
    others.push_back(device.filename());
    if (name.find_first_of("0123456789") != name.npos) others.push_back(name);
  }
  return others;
}

Result<KernelLog> KernelLog::Open() {
  UniqueFd fd(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd.Valid()) return FailErrno("open /dev/kmsg");
  // Start after the last record written.
  if (lseek(fd.Get(), 0, SEEK_END) < 0) return FailErrno("seek in /dev/kmsg");
  return KernelLog(std::move(fd));
}

Result<KernelMessages> KernelLog::Read() {
  KernelMessages all;
  std::array<char, kLongestRecord> record;
  while (true) {
    const ssize_t length = read(fd_.Get(), record.data(), record.size());
    if (length > 0) {
      auto message = ParseKernelMessage({record.data(), static_cast<size_t>(length)});
      if (message) all.messages.push_back(*std::move(message));
    } else if (length == 0 || errno == EAGAIN) {
      return all;
    } else if (errno == EPIPE) {
      all.lost = true;  // the next read continues with the oldest record
    } else if (errno != EINTR) {
      return FailErrno("read /dev/kmsg");
    }
  }
}

bool Complains(const KernelMessage& message, const LogSubject& subject) {
  if (!message.by_kernel || subject.errors_expected) return false;
  // bnxt reports a lost link as an error; the cause is the cable, and TCP survives it.
  if (message.level > kError || message.text.contains("Link is Down")) return false;
  if (NamesWord(message.text, subject.interface) || NamesWord(message.text, subject.bus) ||
      NamesWord(message.device, subject.bus)) {
    return true;
  }
  // dev_err() and netdev_err() put the device after the driver's name, and into the record.
  // pr_err() of a driver names no device: pr_fmt() puts a colon there.
  return message.device.empty() && !subject.driver.empty() &&
         message.text.starts_with(subject.driver + ": ");
}

// "3,812,5140900,-;text\n SUBSYSTEM=pci\n DEVICE=+pci:0000:00:05.0\n", where the first number is
// facility * 8 + level, and the facility 0 is the kernel's own.
std::optional<KernelMessage> ParseKernelMessage(std::string_view record) {
  const size_t comma = record.find(',');
  const auto priority = ParseNumber<unsigned>(record.substr(0, comma));
  const size_t header = record.find(';');
  if (!priority || comma == record.npos || header == record.npos) return std::nullopt;
  KernelMessage message = {
      .level = static_cast<int>(*priority % 8), .by_kernel = *priority / 8 == 0, .text = {}};
  const std::string_view rest = record.substr(header + 1);
  const size_t line = rest.find('\n');
  message.text = rest.substr(0, line);
  constexpr std::string_view kDevice = "\n DEVICE=";
  if (const size_t device = rest.find(kDevice); device != std::string_view::npos) {
    const std::string_view name = rest.substr(device + kDevice.size());
    message.device = name.substr(0, name.find('\n'));
  }
  return message;
}

}  // namespace zcrx
