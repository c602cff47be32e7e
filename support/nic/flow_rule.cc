#include "support/nic/flow_rule.h"
