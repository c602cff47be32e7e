// A file on the peer, put there by SFTP. Inside support/remote only.
#pragma once

#include <memory>
#include <string>

#include "support/remote/peer.h"
#include "support/remote/ssh_session.h"

namespace zcrx {

class SshFile : public PeerFile {
 public:
  // Copies `local_path` into a new folder below `parent`.
  static Result<std::unique_ptr<PeerFile>> Put(std::shared_ptr<SshSession> session,
                                               const std::string& parent,
                                               const std::string& local_path, Deadline deadline);
  ~SshFile() override;

  [[nodiscard]] const std::string& Path() const override { return path_; }
  Status Remove(Deadline deadline) override;

 private:
  explicit SshFile(std::shared_ptr<SshSession> session) : session_(std::move(session)) {}

  std::shared_ptr<SshSession> session_;
  std::string folder_;  // empty: there is none (any more)
  std::string path_;
  bool written_ = false;  // the file is there, in part or whole
};

}  // namespace zcrx
