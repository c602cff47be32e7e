// Memory keys: how addresses in work requests become the guest's
// (Linux include/linux/mlx5/mlx5_ifc.h, struct mlx5_ifc_mkc_bits; qp.h, struct mlx5_mtt, mlx5_ksm).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "ci/vnic/device/guest_memory.h"
#include "ci/vnic/mlx5/bits.h"
#include "ci/vnic/mlx5/object_table.h"

namespace vnic::mlx5 {

// Tables are counted in units of 16 bytes.
inline constexpr std::size_t kOctword = 16;

class MemoryKeys {
 public:
  explicit MemoryKeys(const GuestMemory& memory)
      : memory_(memory), table_("memory key", 1, 1U << 24U, 4096) {}

  // Returns the index, which is a key without its lowest 8 bits. EINVAL: a way of access that no
  // driver uses, or a table longer than its key; ENOSPC: too large.
  zcrx::Result<std::uint32_t> Create(Bits request);
  zcrx::Status Destroy(std::uint32_t index);
  void Clear();

  // Overwrites a part of the key's table, as a UMR request does. ENOENT, or EINVAL where the table
  // ends before.
  zcrx::Status Update(std::uint32_t key, std::size_t octword, std::span<const std::uint8_t> bytes);

  // Bytes of the guest's that follow one another, at least one; they need not be in its memory.
  struct Run {
    GuestAddress address = 0;
    std::uint64_t length = 0;
  };
  // Where `address` is; nullopt: the key does not exist, or does not lead anywhere.
  [[nodiscard]] std::optional<Run> Resolve(std::uint32_t key, std::uint64_t address) const {
    return Resolve(key, address, 1);
  }
  // False where that or the memory ends before `length`. `take` gets the bytes piece by piece.
  bool Read(std::uint32_t key, std::uint64_t address, std::uint64_t length,
            const std::function<void(std::span<const std::uint8_t>)>& take) const;

 private:
  // The ways of access (MLX5_MKC_ACCESS_MODE_*).
  enum class Mode : std::uint8_t { kPhysical = 0, kPages = 1, kKeys = 3 };
  struct Key {
    Mode mode = Mode::kPhysical;
    std::uint8_t variant = 0;  // the lowest 8 bits of the key
    bool unbounded = false;
    std::uint64_t start = 0;
    std::uint64_t length = 0;
    std::uint32_t log_page_size = 0;
    std::vector<std::uint8_t> table;
  };
  // `depth`: keys may still lead to keys so often.
  [[nodiscard]] std::optional<Run> Resolve(std::uint32_t key, std::uint64_t address,
                                           unsigned depth) const;

  const GuestMemory& memory_;
  ObjectTable<Key> table_;
  std::size_t table_bytes_ = 0;  // of all
};

}  // namespace vnic::mlx5
