// A NIC that is as its user declares it: what one test sets up, the next one finds standing.
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
  // `found`: how the NIC stands, and has to stand again in the end.
  DeclaredNic(Nic& nic, NicState found) : nic_(&nic), found_(found), standing_(std::move(found)) {}

  [[nodiscard]] Nic& Get() const { return *nic_; }
  [[nodiscard]] const NicState& Found() const { return found_; }
  [[nodiscard]] bool CanChange(std::string_view feature) const {
    return found_.features.contains(std::string(feature));
  }
  // As the last change left it, which is how it has to stand until the next.
  [[nodiscard]] const NicState& Standing() const { return standing_; }

  // Sets what differs. On failure the NIC stands as before, and the first error is returned; that
  // it was not as declared is one too.
  Status Declare(const NicState& wanted);

  // Adds to what is declared, until the next Declare() that does not have it. The rule's location;
  // the context's number, all of whose traffic goes to `queue`.
  Result<uint32_t> AddRule(const FlowRule& rule);
  Result<uint32_t> AddContext(uint32_t queue);
  Status RemoveRule(uint32_t location);
  Status RemoveContext(uint32_t context);
  // At least `pages` huge pages of 2 MiB that are free: others' stay theirs, and so do those of an
  // area that the kernel has not let go of yet.
  Status ReserveHugePages(uint64_t pages);

  struct Restored {
    std::vector<std::string> differences;  // that were there, a sentence each
    std::vector<Error> errors;             // what kept them from being put right, or being seen
  };
  // Puts right what no longer stands as declared.
  Restored PutRight();
  // Declares what was found; what did not stand as declared until then is told, too.
  Restored PutBack();

 private:
  // How the NIC differed from what stood, before something else was applied.
  [[nodiscard]] std::vector<std::string> Strayed(const Applied& applied) const;

  Nic* nic_;
  NicState found_;
  NicState standing_;
};

// How long a change waits for memory providers to leave the queues first.
inline constexpr std::chrono::seconds kProviderLeaves{10};

}  // namespace zcrx
