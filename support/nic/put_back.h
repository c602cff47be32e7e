// Ways back that take more than to set what was read.
#pragma once

#include <cstdint>

#include "support/base/result.h"
#include "support/nic/nic.h"
#include "support/nic/rings.h"
#include "support/nic/rss.h"

namespace zcrx {

// bnxt enables header split when told to and disables it only on "auto" (bnxt_set_ringparam refuses
// "off" with EINVAL); gve disables it only on "off".
Status PutBackRings(Nic& nic, RingsChange back);

// A table may lead to queues that went when channels were taken away (gve keeps it as it was).
bool LeadsBeyond(const RssTable& table, uint32_t queues);
// The kernel takes no such table (EINVAL), and the driver's default is what is left of it.
RssTable SettableTable(const RssTable& table, uint32_t queues);

// By a reset where `was_default`, so that the kernel knows the table as the default again.
Status PutBackRssTable(Nic& nic, const RssTable& found, bool was_default);

}  // namespace zcrx
