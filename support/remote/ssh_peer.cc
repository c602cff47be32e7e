#include "support/remote/ssh_peer.h"

#include <utility>

#include "support/remote/ssh_file.h"
#include "support/remote/ssh_process.h"
#include "support/remote/ssh_session.h"

namespace zcrx {
namespace {

class SshPeer : public Peer {
 public:
  SshPeer(std::shared_ptr<SshSession> session, std::string folder)
      : session_(std::move(session)), folder_(std::move(folder)) {}

  Result<std::unique_ptr<PeerProcess>> Run(const std::vector<std::string>& argv,
                                           Deadline deadline) override {
    return SshProcess::Start(session_, argv, deadline);
  }
  Result<std::unique_ptr<PeerFile>> Deploy(const std::string& local_path,
                                           const std::vector<std::string>& arguments,
                                           Deadline deadline) override {
    return SshFile::Put(session_, folder_, local_path, arguments, deadline);
  }
  [[nodiscard]] std::string Name() const override { return session_->Name(); }

 private:
  std::shared_ptr<SshSession> session_;
  std::string folder_;
};

}  // namespace

Result<std::unique_ptr<Peer>> ConnectSshPeer(const SshOptions& options) {
  ZCRX_ASSIGN_OR_RETURN(std::shared_ptr<SshSession> session, SshSession::Connect(options));
  return std::make_unique<SshPeer>(std::move(session), options.folder);
}

}  // namespace zcrx
