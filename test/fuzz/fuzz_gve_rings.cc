// Descriptors, buffers and doorbells of the gVNIC model, with traffic both ways.
#include "test/fuzz/hostile_gve.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vnic::fuzz::Input input({data, size});
  vnic::gve::HostileGve guest;
  guest.MakeQueues(input);
  for (int step = 0; step < vnic::fuzz::kMostSteps && !input.Empty(); ++step) {
    switch (input.Below(8)) {
      case 0:
      case 1:
        guest.Transmit(input);
        break;
      case 2:
        guest.PostBuffer(input);
        break;
      case 3:
        guest.AnyDoorbell(input);
        break;
      case 4:
        guest.Command(input);
        break;
      default:
        guest.AnyStep(input);
    }
    guest.EndStep();
  }
  return 0;
}
