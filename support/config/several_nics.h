// Several NICs of one machine under ctest(1), which allots one of them to each test: "Resource
// Allocation" in ctest(1), with a resource of the type `zcrx` for each NIC.
//
// ZCRX_NICS names a net.config for each of them: /etc/zcrx/eth1.config:/etc/zcrx/eth2.config. Both
// sides read it: zcrx_nic ctest-resources, which writes ctest's list of resources, and a test,
// which finds its configuration by the id of the resource that it was given.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/base/result.h"

namespace zcrx {

struct NicFile {
  std::string path;
  std::string netif;  // its NETIF
  bool operator==(const NicFile&) const = default;
};

// Reads the files that `list` (ZCRX_NICS) names. Fails with a sentence if one cannot be read, names
// no NIC or two, or the NIC of another one.
Result<std::vector<NicFile>> ReadNicFiles(std::string_view list);

// Returns the id of a NIC's resource. ctest takes a-z, 0-9 and _ : others become _ and two digits.
std::string ResourceId(std::string_view netif);
// Returns ctest's list of resources, as JSON.
std::string ResourceSpec(const std::vector<NicFile>& files);

// What ctest and its user tell a test, in the environment.
struct Allotment {
  std::string nics;      // ZCRX_NICS; empty: ctest allots nothing
  std::string resource;  // CTEST_RESOURCE_GROUP_0_ZCRX: "id:eth1,slots:1"
  std::string netif;     // NETIF
};
Allotment AllotmentFromEnvironment();

// Returns the configuration of the NIC that is this test's. Fails with a sentence.
Result<std::string> AllottedFile(const Allotment& allotment);

}  // namespace zcrx
