// A hostile guest of one model. CMakeLists.txt says of which, by FUZZ_HEADER and FUZZ_GUEST, and
// what it does most: FUZZ_SCRIPT.
#include <cstddef>
#include <cstdint>

#include FUZZ_HEADER

namespace vnic::fuzz {
namespace {

// Commands, in any order.
template <typename Guest>
[[maybe_unused]] void Commands(Input input) {
  Guest guest;
  for (int step = 0; step < kMostSteps && !input.Empty(); ++step) {
    if (input.Below(8) == 7) {
      guest.AnyStep(input);
    } else {
      guest.Command(input);
    }
    guest.EndStep();
  }
}

// Descriptors, buffers and doorbells, with traffic both ways.
template <typename Guest>
[[maybe_unused]] void Rings(Input input) {
  Guest guest;
  guest.MakeQueues(input);
  for (int step = 0; step < kMostSteps && !input.Empty(); ++step) {
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
}

}  // namespace
}  // namespace vnic::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vnic::fuzz::FUZZ_SCRIPT<FUZZ_GUEST>(vnic::fuzz::Input({data, size}));
  return 0;
}
