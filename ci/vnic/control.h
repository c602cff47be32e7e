// The control socket: what a NIC or the cable shall do while the guests run.
//
// A request is a line of words; the answer is one line, "ok" with its values or "error" and a
// sentence. A client may send any number of requests.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ci/vnic/base/event_loop.h"
#include "ci/vnic/base/unix_listener.h"
#include "support/base/result.h"

namespace vnic {

struct ControlCommand {
  std::string_view name;
  std::string_view arguments;  // for `help`
  // The words behind the name; what follows "ok", or what was wrong.
  std::move_only_function<zcrx::Result<std::string>(std::span<const std::string_view>)> run;
};

class Control {
 public:
  static zcrx::Result<std::unique_ptr<Control>> Open(const std::string& path, EventLoop& loop,
                                                     std::vector<ControlCommand> commands);
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;
  ~Control();

  // The answer to one request, without its line end.
  std::string Answer(std::string_view request);

 private:
  struct Client {
    zcrx::UniqueFd socket;
    std::string pending;  // the start of a line
  };
  static constexpr std::size_t kMaxLine = 4096;

  Control(UnixListener listener, EventLoop& loop, std::vector<ControlCommand> commands);
  void OnClient();
  void OnReadable(int fd);
  // False: the client is to be dropped.
  bool Serve(Client& client);

  UnixListener listener_;
  EventLoop& loop_;
  std::vector<ControlCommand> commands_;
  std::map<int, Client> clients_;
};

}  // namespace vnic
