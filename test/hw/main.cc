#include "fixtures/program.h"
#include "fixtures/testbed.h"

int main(int argc, char** argv) {
  return static_cast<int>(zcrx::RunProgram(argc, argv, zcrx::Testbed::Open));
}
