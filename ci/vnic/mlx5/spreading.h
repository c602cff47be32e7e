// From a flow table to a queue: receivers (TIR) with a hash, and tables of queues (RQT)
// (Linux core/en/rss.c, rqt.c, tir.c).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ci/vnic/mlx5/command.h"
#include "ci/vnic/mlx5/object_table.h"
#include "ci/vnic/net/headers.h"
#include "ci/vnic/net/rss.h"

namespace vnic::mlx5 {

struct Choice {
  std::uint32_t queue = 0;
  std::optional<RssHash> hash = std::nullopt;
  bool spread = false;  // by a table of several; the driver's direct TIRs have one of one queue
};

class Spreading {
 public:
  // The commands of receivers and tables. Fails with ENOSYS for any other.
  zcrx::Status Execute(Command& command);
  void Clear();

  // nullopt: there is no such receiver, or its table is empty.
  [[nodiscard]] std::optional<Choice> Choose(std::uint32_t receiver, const Headers& headers) const;
  // The first queue that a MODIFY_RQT names.
  static std::uint32_t FirstQueueOf(Bits request);

 private:
  enum class HashFunction : std::uint8_t { kNone = 0, kXor = 1, kToeplitz = 2 };
  struct Receiver {
    bool direct = true;
    std::uint32_t target = 0;  // a queue, or a table
    HashFunction function = HashFunction::kNone;
    bool symmetric = false;
    ToeplitzKey key{};
    std::uint32_t fields = 0;
  };
  struct Table {
    std::vector<std::uint32_t> queues;
  };

  // Reads what is hashed, and how, from the receiver's context.
  static void SetHash(Receiver& receiver, Bits context);
  static std::optional<RssHash> HashOf(const Receiver& receiver, const Headers& headers);
  static zcrx::Status SetQueues(Table& table, Bits context);
  zcrx::Status CreateReceiver(Command& command);
  zcrx::Status ModifyReceiver(Bits request);
  zcrx::Status CreateTable(Command& command);
  zcrx::Status ModifyTable(Bits request);

  ObjectTable<Receiver> receivers_{"TIR", 1, 1U << 24U, 4096};
  ObjectTable<Table> tables_{"RQT", 1, 1U << 24U, 1024};
};

}  // namespace vnic::mlx5
