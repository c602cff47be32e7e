#include "support/nic/channels.h"
