#include "support/guard/journal.h"

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <utility>

#include "support/base/files.h"
#include "support/guard/crc64.h"
#include "support/nic/identity.h"
#include "support/nic/state_json.h"

namespace zcrx {
namespace {

constexpr const char* kVersionKey = "zcrx-hwtest-journal";
constexpr int kVersion = 3;
constexpr const char* kChecksum = "crc64";
constexpr std::string_view kSuffix = ".journal";

Result<uint64_t> NetNamespace() {
  struct stat info = {};
  if (::stat("/proc/self/ns/net", &info) != 0) return FailErrno("stat /proc/self/ns/net");
  return info.st_ino;
}

std::string Now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc = {};
  ::gmtime_r(&now, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

Json Unsealed(const Journal& journal) {
  return {{kVersionKey, kVersion},
          {"namespace", journal.net_namespace},
          {"written", journal.written},
          {"state", ToJson(journal.state)}};
}

Json Sealed(const Journal& journal) {
  Json json = Unsealed(journal);
  json[kChecksum] = fmt::format("{:016x}", Crc64(DocumentText(json)));
  return json;
}

}  // namespace

Result<Journal> MakeJournal(NicState state) {
  ZCRX_ASSIGN_OR_RETURN(const uint64_t net_namespace, NetNamespace());
  return Journal{.net_namespace = net_namespace,
                 .written = fmt::format("{} by process {}", Now(), ::getpid()),
                 .state = std::move(state)};
}

std::string SealJournal(const Journal& journal) { return DocumentText(Sealed(journal)); }

Result<Journal> UnsealJournal(std::string_view text) {
  Journal journal;
  std::string version;
  const Status read = ParseDocument("read a journal", text, [&](const Json& json) {
    version = json.at(kVersionKey).dump();
    json.at("namespace").get_to(journal.net_namespace);
    json.at("written").get_to(journal.written);
    journal.state = NicStateFrom(json.at("state"));
    return Sealed(journal);
  });
  if (read) return journal;
  if (!version.empty() && version != std::to_string(kVersion)) {
    return Fail("read a journal", 0, "version " + version + " is unknown");
  }
  return Fail("read a journal", 0, "it is truncated or corrupted: " + read.error().detail);
}

std::string Journals::PathOf(const std::string& interface) const {
  return folder_.PathOf(interface + std::string(kSuffix));
}

Status Journals::Write(const Journal& journal) const {
  return folder_.Write(journal.state.nic.interface + std::string(kSuffix), SealJournal(journal));
}

Status Journals::Remove(const std::string& interface) const {
  return folder_.Remove(interface + std::string(kSuffix));
}

Result<Journals::Leftover> Journals::Find(const std::string& interface) const {
  const std::string path = PathOf(interface);
  const auto refuse = [&](std::string_view why) {
    return Fail("use the journal " + path, 0,
                fmt::format("{0}; check the state of {1} (zcrx_nic --netif={1} show), "
                            "then remove the file",
                            why, interface));
  };
  ZCRX_ASSIGN_OR_RETURN(const std::optional<std::string> text,
                        folder_.Read(interface + std::string(kSuffix)));
  if (!text) return Leftover{};
  Result<Journal> journal = UnsealJournal(*text);
  if (!journal) return refuse(journal.error().detail);
  if (journal->state.nic.interface != interface) {
    return refuse(fmt::format("it is a journal of {}", journal->state.nic.interface));
  }
  ZCRX_ASSIGN_OR_RETURN(const std::string boot, BootId());
  if (journal->state.nic.boot != boot) {
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
