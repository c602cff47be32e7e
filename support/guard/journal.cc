#include "support/guard/journal.h"

#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <ctime>
#include <fstream>
#include <utility>

#include "support/guard/crc64.h"

namespace zcrx {
namespace {

constexpr std::string_view kMagic = "zcrx-hwtest journal 2";
constexpr std::string_view kChecksum = "crc64 ";
constexpr std::string_view kSuffix = ".journal";

std::unexpected<Error> Refuse(std::string_view why) {
  return Fail("read a journal", 0, std::string(why));
}

Result<std::string> BootId() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  if (!(file >> id)) return Fail("read /proc/sys/kernel/random/boot_id", EIO);
  return id;
}

Result<uint64_t> NetNamespace() {
  struct stat info = {};
  if (::stat("/proc/self/ns/net", &info) != 0) return FailErrno("look at /proc/self/ns/net");
  return info.st_ino;
}

std::string Now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc = {};
  ::gmtime_r(&now, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

std::string ChecksumLine(std::string_view sealed) {
  return fmt::format("{}{:016x}\n", kChecksum, Crc64(sealed));
}

// Takes "name value\n" off the front of `text`.
Result<std::string> TakeLine(std::string_view& text, std::string_view name) {
  const size_t end = text.find('\n');
  if (end == text.npos || !text.starts_with(name) || end <= name.size() ||
      text[name.size()] != ' ') {
    return Refuse(fmt::format("it has no line \"{}\" where one belongs", name));
  }
  std::string value(text.substr(name.size() + 1, end - name.size() - 1));
  text.remove_prefix(end + 1);
  return value;
}

Result<uint64_t> TakeNumber(std::string_view& text, std::string_view name) {
  ZCRX_ASSIGN_OR_RETURN(const std::string value, TakeLine(text, name));
  uint64_t number = 0;
  const char* const end = value.data() + value.size();
  const auto [rest, error] = std::from_chars(value.data(), end, number);
  if (error != std::errc() || rest != end) {
    return Refuse(fmt::format("its line \"{}\" holds no number", name));
  }
  return number;
}

}  // namespace

Result<Journal> MakeJournal(const std::string& interface, std::string state) {
  ZCRX_ASSIGN_OR_RETURN(std::string boot, BootId());
  ZCRX_ASSIGN_OR_RETURN(const uint64_t net_namespace, NetNamespace());
  return Journal{.interface = interface,
                 .boot = std::move(boot),
                 .net_namespace = net_namespace,
                 .written = fmt::format("{} by process {}", Now(), ::getpid()),
                 .state = std::move(state),
                 .split_automatic = false};
}

std::string SealJournal(const Journal& journal) {
  const std::string sealed = fmt::format(
      "{}\ninterface {}\nboot {}\nnamespace {}\nwritten {}\nsplit_automatic {:d}\n"
      "bytes {}\n{}\n",
      kMagic, journal.interface, journal.boot, journal.net_namespace, journal.written,
      journal.split_automatic, journal.state.size(), journal.state);
  return sealed + ChecksumLine(sealed);
}

Result<Journal> UnsealJournal(std::string_view text) {
  // The checksum first: what does not match it is not worth a look.
  const size_t checksum_bytes = ChecksumLine({}).size();
  if (text.size() < checksum_bytes) return Refuse("it is cut short");
  std::string_view rest = text.substr(0, text.size() - checksum_bytes);
  if (text.substr(rest.size()) != ChecksumLine(rest)) {
    return Refuse("it is cut short or corrupted: its checksum is another");
  }
  // What follows are journals of another version.
  if (!rest.starts_with(std::string(kMagic) + '\n')) {
    return Refuse(fmt::format("it does not begin with \"{}\"", kMagic));
  }
  rest.remove_prefix(kMagic.size() + 1);
  Journal journal;
  ZCRX_ASSIGN_OR_RETURN(journal.interface, TakeLine(rest, "interface"));
  ZCRX_ASSIGN_OR_RETURN(journal.boot, TakeLine(rest, "boot"));
  ZCRX_ASSIGN_OR_RETURN(journal.net_namespace, TakeNumber(rest, "namespace"));
  ZCRX_ASSIGN_OR_RETURN(journal.written, TakeLine(rest, "written"));
  ZCRX_ASSIGN_OR_RETURN(const uint64_t split_automatic, TakeNumber(rest, "split_automatic"));
  journal.split_automatic = split_automatic != 0;
  ZCRX_ASSIGN_OR_RETURN(const uint64_t bytes, TakeNumber(rest, "bytes"));
  if (rest.size() != bytes + 1) return Refuse("its state has another length than it says");
  journal.state = rest.substr(0, bytes);
  return journal;
}

std::string Journals::PathOf(const std::string& interface) const {
  return folder_.PathOf(interface + std::string(kSuffix));
}

Status Journals::Write(const Journal& journal) const {
  return folder_.Write(journal.interface + std::string(kSuffix), SealJournal(journal));
}

Status Journals::Remove(const std::string& interface) const {
  return folder_.Remove(interface + std::string(kSuffix));
}

Result<Journals::Leftover> Journals::Find(const std::string& interface) const {
  const std::string path = PathOf(interface);
  const auto refuse = [&](std::string_view why) {
    return Fail("obey the journal " + path, 0,
                fmt::format("{0}; see whether {1} is as it should be (zcrx_nic --netif={1} show), "
                            "then remove the file",
                            why, interface));
  };
  ZCRX_ASSIGN_OR_RETURN(const std::optional<std::string> text,
                        folder_.Read(interface + std::string(kSuffix)));
  if (!text) return Leftover{};
  Result<Journal> journal = UnsealJournal(*text);
  if (!journal) return refuse(journal.error().detail);
  if (journal->interface != interface) {
    return refuse(fmt::format("it is one of {}", journal->interface));
  }
  ZCRX_ASSIGN_OR_RETURN(const std::string boot, BootId());
  if (journal->boot != boot) {
    ZCRX_RETURN_IF_ERROR(Remove(interface));
    return Leftover{.journal = {},
                    .said = fmt::format("removed the journal {} (written {}): the machine has "
                                        "booted since, and {} with it",
                                        path, journal->written, interface)};
  }
  ZCRX_ASSIGN_OR_RETURN(const uint64_t net_namespace, NetNamespace());
  if (journal->net_namespace != net_namespace) {
    return refuse("it was written in another network namespace");
  }
  return Leftover{.journal = *std::move(journal), .said = {}};
}

Result<std::vector<std::string>> Journals::Interfaces() const {
  ZCRX_ASSIGN_OR_RETURN(std::vector<std::string> names, folder_.NamesEndingIn(kSuffix));
  for (std::string& name : names) name.resize(name.size() - kSuffix.size());
  return names;
}

}  // namespace zcrx
