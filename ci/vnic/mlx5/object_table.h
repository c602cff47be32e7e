// Objects that the driver makes, finds by number and destroys.
#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "support/base/result.h"

namespace vnic::mlx5 {

// Numbers go up and come again only after all others: a doorbell for an object that has just been
// destroyed must not reach the next one. Objects are shared, so that one that is destroyed while
// it works stays until it has done.
template <typename T>
class ObjectTable {
 public:
  // Numbers from `first` on, below `end`; at most `most` at once. `what` names one in refusals and
  // lives as long as the program.
  ObjectTable(std::string_view what, std::uint32_t first, std::uint32_t end, std::size_t most)
      : what_(what), first_(first), end_(end), most_(most), next_(first) {}

  // The number of the next object. ENOSPC: there are as many as may be.
  zcrx::Result<std::uint32_t> Reserve() {
    if (objects_.size() >= most_) {
      return zcrx::Fail(fmt::format("make a {}", what_), ENOSPC, fmt::format("all {}", most_));
    }
    while (objects_.contains(next_)) Advance();
    const std::uint32_t number = next_;
    Advance();
    return number;
  }
  void Put(std::uint32_t number, std::shared_ptr<T> object) {
    objects_.insert_or_assign(number, std::move(object));
  }
  // ENOENT: there is none.
  zcrx::Status Destroy(std::uint32_t number) {
    if (objects_.erase(number) == 0) return Missing(number);
    return {};
  }
  // nullptr: there is none.
  [[nodiscard]] std::shared_ptr<T> Find(std::uint32_t number) const {
    const auto found = objects_.find(number);
    return found == objects_.end() ? nullptr : found->second;
  }
  zcrx::Result<std::shared_ptr<T>> Get(std::uint32_t number) const {
    auto found = Find(number);
    if (found == nullptr) return Missing(number);
    return found;
  }
  void Clear() { objects_.clear(); }
  [[nodiscard]] const std::map<std::uint32_t, std::shared_ptr<T>>& All() const { return objects_; }

 private:
  std::unexpected<zcrx::Error> Missing(std::uint32_t number) const {
    return zcrx::Fail(fmt::format("find {} {}", what_, number), ENOENT);
  }
  void Advance() { next_ = next_ + 1 == end_ ? first_ : next_ + 1; }

  std::string_view what_;
  std::uint32_t first_;
  std::uint32_t end_;
  std::size_t most_;
  std::uint32_t next_;
  std::map<std::uint32_t, std::shared_ptr<T>> objects_;
};

// An object of which only the number counts (a protection domain, a counter set).
struct Token {};

}  // namespace vnic::mlx5
