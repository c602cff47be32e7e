#include "support/nic/netlink/message.h"
