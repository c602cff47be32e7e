#include "support/nic/rings.h"
