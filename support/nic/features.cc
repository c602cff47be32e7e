#include "support/nic/features.h"
