#include "support/nic/netlink/socket.h"
