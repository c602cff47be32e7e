// The SSH implementation of PeerFile. For use inside support/remote.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "support/remote/peer.h"
#include "support/remote/ssh_process.h"
#include "support/remote/ssh_session.h"

namespace zcrx {

class SshFile : public PeerFile {
 public:
  // As Peer::Deploy(), with the folder below `parent`.
  static Result<std::unique_ptr<PeerFile>> Put(const std::shared_ptr<SshSession>& session,
                                               const std::string& parent,
                                               const std::string& local_path,
                                               const std::vector<std::string>& arguments,
                                               Deadline deadline);
  ~SshFile() override;

  [[nodiscard]] const std::string& Path() const override { return path_; }
  [[nodiscard]] PeerProcess& Program() override { return *process_; }
  Status Remove(Deadline deadline) override;

 private:
  SshFile(std::unique_ptr<SshProcess> process, std::string path)
      : process_(std::move(process)), path_(std::move(path)) {}
  Status Write(const std::string& local_path, Deadline deadline);

  std::unique_ptr<SshProcess> process_;
  std::string path_;
  bool removed_ = false;
};

}  // namespace zcrx
