#include "support/nic/rss.h"
