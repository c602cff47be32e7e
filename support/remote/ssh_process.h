// The SSH implementation of PeerProcess: a program behind a channel. For use inside support/remote.
#pragma once

#include <libssh/callbacks.h>
#include <libssh/libssh.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/remote/peer.h"
#include "support/remote/ssh_session.h"

namespace zcrx {

class SshProcess : public PeerProcess {
 public:
  // Starts a program. `name` is for messages; empty: that of argv[0].
  static Result<std::unique_ptr<SshProcess>> Start(std::shared_ptr<SshSession> session,
                                                   const std::vector<std::string>& argv,
                                                   Deadline deadline, std::string name = {});
  ~SshProcess() override;

  Result<std::optional<std::string>> ReadLine(Deadline deadline) override;
  Status KeepAlive(std::chrono::milliseconds period, Deadline deadline) override;
  Status CloseStdin(Deadline deadline) override;
  Result<PeerExit> Wait(Deadline deadline) override;
  [[nodiscard]] std::string Stderr() const override {
    return session_->Locked([this] { return stderr_; });
  }
  [[nodiscard]] std::string Name() const override { return name_; }

  // Writes all bytes to its stdin. Fails with EPIPE if it accepts no more.
  Status Write(std::string_view bytes, Deadline deadline);
  [[nodiscard]] bool Ended() const {
    return session_->Locked([this] { return closed_; });
  }

 private:
  SshProcess(std::shared_ptr<SshSession> session, std::string name);
  Status Open(const std::string& command, Deadline deadline);
  std::optional<Result<std::optional<std::string>>> TakeLine(const std::string& operation);
  // Returns the detail of the error at a deadline.
  [[nodiscard]] std::string Said() const;
  // Callbacks of libssh; `self` is an SshProcess. They must not throw into C, so the buffers have
  // their full size from the start.
  static int OnData(ssh_session, ssh_channel, void* data, uint32_t length, int is_stderr,
                    void* self);
  static void OnEof(ssh_session, ssh_channel, void* self);
  static void OnClose(ssh_session, ssh_channel, void* self);
  static void OnExitStatus(ssh_session, ssh_channel, int status, void* self);
  static void OnExitSignal(ssh_session, ssh_channel, const char* signal, int core,
                           const char* message, const char* language, void* self);

  std::shared_ptr<SshSession> session_;
  std::string name_;
  ssh_channel channel_ = nullptr;
  ssh_channel_callbacks_struct callbacks_{};
  std::string stdout_;  // received but not read yet
  std::string stderr_;
  bool stdout_full_ = false;
  bool eof_ = false;
  bool closed_ = false;
  std::optional<PeerExit> exit_;
};

}  // namespace zcrx
