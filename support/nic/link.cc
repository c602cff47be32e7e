#include "support/nic/link.h"
