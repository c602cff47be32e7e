// A NIC whose state is declared by its user: a test declares what it needs, and the next test that
// needs the same finds it already set.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "support/base/result.h"
#include "support/nic/flow_rule.h"
#include "support/nic/nic.h"
#include "support/nic/state.h"

namespace zcrx {

class DeclaredNic {
 public:
  // `found`: the NIC's state, which PutBack() restores.
  DeclaredNic(Nic& nic, NicState found) : nic_(&nic), found_(found), standing_(std::move(found)) {}

  [[nodiscard]] Nic& Get() const { return *nic_; }
  [[nodiscard]] const NicState& Found() const { return found_; }
  [[nodiscard]] bool CanChange(std::string_view feature) const {
    return found_.features.contains(std::string(feature));
  }
  // Returns the state after the last change, which the NIC must have until the next one.
  [[nodiscard]] const NicState& Standing() const { return standing_; }

  // Sets what differs from `wanted`. On failure restores the previous state and returns the first
  // error. Fails also if the NIC was not as declared before.
  Status Declare(const NicState& wanted);

  // Add a rule or RSS context, which stays until a Declare() without it. Return the rule's location
  // and the context's number. All traffic of the context goes to `queue`.
  Result<uint32_t> AddRule(const FlowRule& rule);
  Result<uint32_t> AddContext(uint32_t queue);
  Status RemoveRule(uint32_t location);
  Status RemoveContext(uint32_t context);
  // Makes at least `pages` huge pages of 2 MiB free, until the next PutRight() or PutBack(). Waits
  // for a run on another NIC that has the pool. Pages in use stay with their users; these include
  // an area that the kernel has not released yet.
  Status ReserveHugePages(uint64_t pages);

  struct Restored {
    std::vector<std::string> differences;  // those found, one sentence each
    std::vector<Error> errors;             // why they could not be read or restored
  };
  // Restores whatever differs from the declared state, and reports it. Huge pages go back to the
  // found state: they are the machine's, and other runs may wait for them.
  Restored PutRight();
  // Restores the found state. Reports what differed from the declared state before.
  Restored PutBack();

 private:
  void ReturnHugePages(std::vector<Error>& errors);
  // Returns how the NIC differed from the declared state, before something else was applied.
  [[nodiscard]] std::vector<std::string> Strayed(const Applied& applied) const;

  Nic* nic_;
  NicState found_;
  NicState standing_;
};

}  // namespace zcrx
