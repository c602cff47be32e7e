// Flow tables of the receive side: chains of tables with masks, values and destinations
// (Linux core/fs_cmd.c, fs_core.c).
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "ci/vnic/fault/steering_faults.h"
#include "ci/vnic/mlx5/command.h"
#include "ci/vnic/mlx5/match_record.h"
#include "ci/vnic/mlx5/object_table.h"
#include "support/base/result.h"

namespace vnic::mlx5 {

class FlowTables {
 public:
  explicit FlowTables(Faults& faults) : faults_(faults), deleted_(faults) {}

  // The commands of tables, groups and entries. Fails with ENOSYS for any other.
  zcrx::Status Execute(Command& command);
  void Clear();

  // Where a packet goes.
  struct Way {
    std::uint32_t receiver = 0;  // the number of a TIR
    bool by_rule = false;
  };
  // nullopt: it is dropped. `rules`: whether there are any.
  [[nodiscard]] std::optional<Way> Lookup(const MatchRecord& record, bool rules = true) const;

 private:
  struct Group {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    MatchRecord mask{};
  };
  enum class Target : std::uint8_t { kNone, kTable, kReceiver };
  struct Entry {
    MatchRecord value{};
    MatchRecord mask{};
    Target target = Target::kNone;  // kNone: dropped
    std::uint32_t id = 0;

    // One of `ethtool -N` or of aRFS: it names IP addresses or ports, and what the driver makes of
    // its own accord does not (core/en_fs.c, lib/fs_ttc.c).
    [[nodiscard]] bool IsRule() const;
  };
  struct Table {
    std::uint32_t log_size = 0;
    std::optional<std::uint32_t> miss;  // the table that goes on where no entry matches
    std::map<std::uint32_t, Group> groups;
    std::map<std::uint32_t, Entry> entries;
  };

  zcrx::Status SetRoot(Bits request);
  zcrx::Status CreateTable(Command& command);
  zcrx::Status ModifyTable(Bits request);
  zcrx::Status DestroyTable(Bits request);
  zcrx::Status CreateGroup(Command& command);
  zcrx::Status DestroyGroup(Bits request);
  zcrx::Status SetEntry(Bits request);
  zcrx::Status DeleteEntry(Bits request);
  [[nodiscard]] zcrx::Result<std::shared_ptr<Table>> TableOf(Bits request) const;
  // nullptr: none.
  [[nodiscard]] const Entry* Find(const MatchRecord& record, bool rules) const;
  // A rule that matches by a fault.
  [[nodiscard]] const Entry* FindWrong(const MatchRecord& record) const;

  Faults& faults_;
  ObjectTable<Table> tables_{"flow table", 1, 1U << 24U, 1024};
  std::optional<std::uint32_t> root_;
  std::uint32_t next_group_ = 1;
  std::size_t entries_ = 0;  // of all tables
  Revenants<Entry> deleted_;
};

}  // namespace vnic::mlx5
