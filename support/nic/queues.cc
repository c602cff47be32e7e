#include "support/nic/queues.h"
