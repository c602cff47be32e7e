// Changes of the NIC that undo themselves: each reads what is there, changes it where it differs,
// and puts the way back to what was read on the stack.
//
// Undos run last in, first out, so the order of calls is the dependency of the settings: channels,
// rings, RSS, contexts, rules. (A context is busy while a rule leads to it; channels cannot shrink
// below a queue in an RSS table; no ring can change under a memory provider.) The Nic is to outlive
// the stack.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "support/base/result.h"
#include "support/base/undo.h"
#include "support/nic/channels.h"
#include "support/nic/features.h"
#include "support/nic/flow_rule.h"
#include "support/nic/nic.h"
#include "support/nic/rings.h"
#include "support/nic/rss.h"

namespace zcrx {

// How long the undos of rings and channels wait for memory providers to leave the queues first.
inline constexpr std::chrono::seconds kProviderLeaves{10};

// hds-thresh 0 is left out where the device has no hds-thresh: its threshold is 0.
//
// tcp-data-split is configured on, off or automatic, and a memory provider wants it configured on
// (netif_mp_open_rxq: "tcp-data-split is disabled"); what is read is only the driver's state. So
// "on" is sent even where the driver reports it, and where that changed the configuration, the undo
// makes it automatic again. Where the driver reported "off", the undo is "off", or
// automatic for a driver that refuses "off" and has it off then.
//
// mlx5 refuses "on" with EINVAL while rx-gro-hw is off, which it is by default, and keeps rx-gro-hw
// on while header split is: then rx-gro-hw goes on first, and off again last.
Status ConfigureRings(Nic& nic, const RingsChange& wanted, UndoStack& undo);

// What ConfigureRings() asks of a driver: the place of one that a test brings along.
struct RingsDriver {
  std::string device;
  std::function<Result<Rings>()> get;
  std::function<Result<bool>(const RingsChange&)> set;  // as SetRingsAndTell()
  std::function<Status(const RingsChange&)> put_back;
  std::function<Result<Feature>()> hw_gro;
  std::function<Status(UndoStack&)> hw_gro_on;  // with its undo
};
Status ConfigureRings(const RingsDriver& driver, const RingsChange& wanted, UndoStack& undo);

Status ConfigureChannels(Nic& nic, const ChannelsChange& wanted, UndoStack& undo);

// A wish that the device does not follow is an error, and undone all the same.
Status ConfigureFeature(Nic& nic, std::string_view name, bool on, UndoStack& undo);

// No flow reaches the `count` queues from `first` on by RSS; only a rule or a further context leads
// there. EOPNOTSUPP where the device has no table. The undo is the driver's default where the table
// found was that one, so that the kernel knows it as default again, and the table found otherwise.
Status ConfigureRssExcluding(Nic& nic, uint32_t first, uint32_t count, UndoStack& undo);

// The context's number; all its traffic goes to `queue`.
Result<uint32_t> AddRssContext(Nic& nic, uint32_t queue, UndoStack& undo);

// The rule's location.
Result<uint32_t> AddFlowRule(Nic& nic, const FlowRule& rule, UndoStack& undo);

// At least `pages` huge pages of 2 MiB that are free: others' stay theirs, and so do those of an
// area that the kernel has not let go of yet.
Status ReserveHugePages(uint64_t pages, UndoStack& undo);

}  // namespace zcrx
