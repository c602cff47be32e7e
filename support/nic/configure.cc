#include "support/nic/configure.h"
