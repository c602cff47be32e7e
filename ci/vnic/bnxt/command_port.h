// How commands come and replies go: a window in BAR 0, the guest's memory, a completion queue.
//
// Source: Linux drivers/net/ethernet/broadcom/bnxt/bnxt_hwrm.c, __hwrm_send.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ci/vnic/bnxt/hwrm_protocol.h"
#include "ci/vnic/bnxt/registers.h"
#include "ci/vnic/device/nic.h"
#include "support/base/result.h"

namespace vnic::bnxt {

struct Command {
  CommandType type;
  std::span<const std::uint8_t> bytes;

  // The request as a T. A driver may know fewer fields than T has: those are 0.
  template <Plain T>
  [[nodiscard]] T As() const {
    std::array<std::uint8_t, sizeof(T)> image{};
    std::copy_n(bytes.begin(), std::min(bytes.size(), image.size()), image.begin());
    return LoadAt<T>(image);
  }
};

// From the header to the valid byte, both left blank.
using Reply = std::vector<std::uint8_t>;

template <Plain T>
Reply ReplyOf(const T& fields) {
  Reply reply(sizeof(ReplyHeader) + sizeof(T));
  StoreAt<T>(reply, sizeof(ReplyHeader), fields);
  return reply;
}
inline Reply PlainReply() { return Reply(kPlainReply); }
inline Reply NumberOf(std::uint32_t number) {
  NumberReply reply{};
  reply.number = number;
  return ReplyOf(reply);
}

class CommandPort {
 public:
  // ENOSYS: there is no such command; ETIMEDOUT: it is never answered; other codes: it was not
  // done.
  using Execute = std::move_only_function<zcrx::Result<Reply>(const Command&)>;
  // The command numbered `sequence` wants its end told in completion queue `ring` too.
  using Done = std::move_only_function<void(std::uint16_t ring, std::uint16_t sequence)>;

  CommandPort(const NicSlot& slot, Execute execute, Done done)
      : slot_(slot), execute_(std::move(execute)), done_(std::move(done)) {}

  // A write within the window.
  void Write(std::uint64_t offset, std::span<const std::uint8_t> data);
  // Executes what is in the window; the reply is there before this returns.
  void Trigger();

 private:
  void Run(std::span<const std::uint8_t> request);
  [[nodiscard]] bool Answer(const RequestHeader& request, Reply reply, CommandError error) const;

  const NicSlot& slot_;
  Execute execute_;
  Done done_;
  std::array<std::uint8_t, kCommandWindowSize> window_{};
};

}  // namespace vnic::bnxt
