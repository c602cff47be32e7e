// Commands of the bnxt model, in any order.
#include "test/fuzz/hostile_bnxt.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vnic::fuzz::Input input({data, size});
  vnic::bnxt::HostileBnxt guest;
  for (int step = 0; step < vnic::fuzz::kMostSteps && !input.Empty(); ++step) {
    if (input.Below(8) == 7) {
      guest.AnyStep(input);
    } else {
      guest.Command(input);
    }
    guest.EndStep();
  }
  return 0;
}
