#include "support/nic/huge_pages.h"
