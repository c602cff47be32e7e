// Messages in and out of a vfio-user socket.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ci/vnic/vfio_user/protocol.h"
#include "support/base/result.h"
#include "support/base/unique_fd.h"

namespace vnic::vfio_user {

struct Message {
  Header header;
  std::vector<std::uint8_t> body;
  std::vector<zcrx::UniqueFd> fds;
};

class Channel {
 public:
  // A connected UNIX stream socket, non-blocking.
  explicit Channel(zcrx::UniqueFd socket) : socket_(std::move(socket)) {}

  [[nodiscard]] int Fd() const { return socket_.Get(); }

  // The next message, or nothing until more of it arrives. Any error ends the conversation, as the
  // start of the next message is not known any more: EPIPE when the client has hung up (between or
  // within messages), EBADMSG for a size that no message has, EMSGSIZE, or too many descriptors.
  zcrx::Result<std::optional<Message>> Receive();

  // EAGAIN where the client does not read its replies: they are small, and it waits for each.
  zcrx::Status Reply(const Header& request, std::span<const std::uint8_t> body);
  zcrx::Status ReplyError(const Header& request, int error);

 private:
  // Fills `into` from `filled` on; false until it is full.
  zcrx::Result<bool> Fill(std::span<std::uint8_t> into, std::size_t& filled);
  zcrx::Status Send(const Header& header, std::span<const std::uint8_t> body);

  zcrx::UniqueFd socket_;
  Message incoming_;
  std::size_t header_filled_ = 0;
  std::size_t body_filled_ = 0;
};

}  // namespace vnic::vfio_user
