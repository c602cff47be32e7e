#include <iostream>

#include "fixtures/bed/needed_privileges.h"
#include "fixtures/bed/no_nic.h"
#include "fixtures/bed/testbed.h"
#include "fixtures/check.h"
#include "fixtures/program/program.h"

int main(int argc, char** argv) {
  // First of all: threads and programs have what their parent has.
  if (const zcrx::Status status = zcrx::KeepOnly(zcrx::NeededPrivileges()); !status.has_value()) {
    std::cerr << status.error().Text() << '\n';
    return static_cast<int>(zcrx::ExitStatus::kBadUsage);
  }
  return static_cast<int>(zcrx::RunProgram(
      argc, argv,
      {.open = [](const zcrx::Config& config) { return zcrx::Testbed::Open(config); },
       .check = zcrx::Check,
       .no_nic_suites = "ZcrxNodev",
       .open_without_nic = zcrx::OpenWithoutNic}));
}
