#include "support/config/several_nics.h"

#include <algorithm>
#include <cstdlib>
#include <ranges>

#include "support/config/config.h"
#include "support/config/config_file.h"

namespace zcrx {
namespace {

constexpr const char* kNics = "ZCRX_NICS";
constexpr const char* kResource = "CTEST_RESOURCE_GROUP_0_ZCRX";

std::string FromEnvironment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Result<NicFile> ReadNicFile(const std::string& path) {
  const std::string operation = fmt::format("read {} of {}", Quoted(path), kNics);
  // Each test may be started in another folder.
  if (!path.starts_with('/')) return Fail(operation, 0, "not an absolute path");
  ZCRX_ASSIGN_OR_RETURN(const std::string text, ReadConfigFile(path));
  const ConfigFileContent content = ParseConfigFile(text);
  if (!content.problems.empty()) return Fail(operation, 0, content.problems.front());
  NicFile file = {.path = path, .netif = {}};
  for (const ConfigLine& line : content.lines) {
    if (line.key != "NETIF" || line.value.empty() || line.value == file.netif) continue;
    if (!file.netif.empty()) {
      return Fail(
          operation, 0,
          fmt::format("it names two NICs, {} and {}: one file is for one", file.netif, line.value));
    }
    file.netif = line.value;
  }
  // Says what is wrong with it.
  const Result<std::string> netif =
      LoadNetif({.flags = {}, .environment = {}, .file = path, .needs_nic = true});
  if (!netif) return Fail(operation, 0, netif.error().detail);
  return file;
}

}  // namespace

Result<std::vector<NicFile>> ReadNicFiles(std::string_view list) {
  std::vector<NicFile> files;
  for (const auto part : std::views::split(list, ':')) {
    ZCRX_ASSIGN_OR_RETURN(NicFile file, ReadNicFile(std::string(std::string_view(part))));
    const auto other = std::ranges::find(files, file.netif, &NicFile::netif);
    if (other != files.end()) {
      return Fail(fmt::format("read {}", kNics), 0,
                  fmt::format("{} is the NIC of {} and of {}", file.netif, other->path, file.path));
    }
    files.push_back(std::move(file));
  }
  return files;
}

std::string ResourceId(std::string_view netif) {
  std::string id;
  for (const char c : netif) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      id += c;
    } else {
      id += fmt::format("_{:02x}", static_cast<unsigned char>(c));
    }
  }
  return id;
}

std::string ResourceSpec(const std::vector<NicFile>& files) {
  std::string resources;
  for (const NicFile& file : files) {
    resources += resources.empty() ? "" : ",\n";
    resources += fmt::format(R"(      {{"id": "{}", "slots": 1}})", ResourceId(file.netif));
  }
  return fmt::format(
      "{{\n  \"version\": {{\"major\": 1, \"minor\": 0}},\n  \"local\": [\n    {{\"zcrx\": [\n{}\n"
      "    ]}}\n  ]\n}}\n",
      resources);
}

Allotment AllotmentFromEnvironment() {
  return {.nics = FromEnvironment(kNics),
          .resource = FromEnvironment(kResource),
          .netif = FromEnvironment("NETIF")};
}

Result<std::string> AllottedFile(const Allotment& allotment) {
  const std::string operation = "find the NIC of this test";
  if (!allotment.netif.empty()) {
    return Fail(operation, 0,
                fmt::format("{} and NETIF are both in the environment: unset one", kNics));
  }
  if (allotment.resource.empty()) {
    return Fail(operation, 0,
                fmt::format("{} names several, and ctest has allotted none: start it with "
                            "--resource-spec-file (zcrx_nic ctest-resources), or name one with "
                            "--config",
                            kNics));
  }
  constexpr std::string_view kId = "id:";
  constexpr std::string_view kOneSlot = ",slots:1";
  std::string_view id = allotment.resource;
  if (!id.starts_with(kId) || !id.ends_with(kOneSlot) || id.contains(';')) {
    return Fail(operation, 0,
                fmt::format("{} = {}: a test takes one NIC, as zcrx_nic ctest-resources lists them",
                            kResource, Quoted(allotment.resource)));
  }
  id.remove_prefix(kId.size());
  id.remove_suffix(kOneSlot.size());
  ZCRX_ASSIGN_OR_RETURN(const std::vector<NicFile> files, ReadNicFiles(allotment.nics));
  const auto found =
      std::ranges::find(files, id, [](const NicFile& file) { return ResourceId(file.netif); });
  if (found != files.end()) return found->path;
  return Fail(
      operation, 0,
      fmt::format("ctest has allotted \"{}\", which is not the NIC of any file of {}: write "
                  "its resources anew (zcrx_nic ctest-resources)",
                  id, kNics));
}

}  // namespace zcrx
