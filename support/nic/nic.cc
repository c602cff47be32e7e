#include "support/nic/nic.h"
