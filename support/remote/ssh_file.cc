#include "support/remote/ssh_file.h"

#include <fcntl.h>
#include <libssh/sftp.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <array>
#include <chrono>
#include <span>
#include <tuple>

namespace zcrx {
namespace {

using namespace std::chrono_literals;

constexpr mode_t kOwnerOnly = 0700;
constexpr size_t kChunk = 32UL * 1024;  // what every SFTP server takes in one request
constexpr auto kGoodbye = 5s;

struct CloseSftp {
  void operator()(sftp_session sftp) const { sftp_free(sftp); }
  void operator()(sftp_file file) const { sftp_close(file); }
};
using Sftp = std::unique_ptr<sftp_session_struct, CloseSftp>;
using RemoteFile = std::unique_ptr<sftp_file_struct, CloseSftp>;

// The code of SSH_FXP_STATUS (draft-ietf-secsh-filexfer-02, 7) as an errno.
int Errno(int status) {
  switch (status) {
    case SSH_FX_NO_SUCH_FILE:
      return ENOENT;
    case SSH_FX_PERMISSION_DENIED:
      return EACCES;
    case SSH_FX_FILE_ALREADY_EXISTS:
      return EEXIST;
    case SSH_FX_NO_CONNECTION:
    case SSH_FX_CONNECTION_LOST:
      return ECONNRESET;
    default:
      return EIO;
  }
}

std::unexpected<Error> Failed(const std::string& operation, SshSession& session, sftp_session sftp,
                              const std::string& subject) {
  return Fail(fmt::format("{} on {}", operation, session.Name()), Errno(sftp_get_error(sftp)),
              fmt::format("{}: {}", subject, ssh_get_error(session.Get())));
}

Result<Sftp> OpenSftp(SshSession& session) {
  const std::string operation = "start SFTP on " + session.Name();
  if (!session.Connected()) return session.Failed(operation);
  Sftp sftp(sftp_new(session.Get()));
  if (sftp == nullptr || sftp_init(sftp.get()) != 0) {
    return Fail(operation, 0,
                fmt::format("{}; its sshd needs \"Subsystem sftp\"", ssh_get_error(session.Get())));
  }
  return sftp;
}

Result<std::string> RandomName() {
  std::array<unsigned char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return FailErrno("choose a random name");
  }
  std::string name = "zcrx-";
  for (const unsigned char byte : bytes) name += fmt::format("{:02x}", byte);
  return name;
}

Status Copy(SshSession& session, sftp_session sftp, sftp_file remote, const std::string& path,
            const std::string& local_path) {
  const UniqueFd local(::open(local_path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!local.Valid()) return FailErrno("open " + local_path);
  std::array<char, kChunk> chunk;
  for (;;) {
    // The session is locked meanwhile; a regular file keeps nobody waiting.
    // NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection)
    const ssize_t got = ::read(local.Get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno("read " + local_path);
    if (got == 0) return {};
    std::span<const char> left(chunk.data(), static_cast<size_t>(got));
    while (!left.empty()) {
      const ssize_t put = sftp_write(remote, left.data(), left.size());
      if (put <= 0) return Failed("write a file", session, sftp, path);
      left = left.subspan(static_cast<size_t>(put));
    }
  }
}

}  // namespace

Result<std::unique_ptr<PeerFile>> SshFile::Put(std::shared_ptr<SshSession> session,
                                               const std::string& parent,
                                               const std::string& local_path, Deadline deadline) {
  struct stat info{};
  if (::stat(local_path.c_str(), &info) != 0) return FailErrno("open " + local_path);
  if (!S_ISREG(info.st_mode)) return Fail("open " + local_path, EINVAL, "it is no regular file");
  ZCRX_ASSIGN_OR_RETURN(const std::string name, RandomName());
  const std::string folder = fmt::format("{}/{}", parent, name);
  const std::string path = folder + '/' + local_path.substr(local_path.rfind('/') + 1);

  // From the first mkdir on `file` owns what is there: whatever fails, its destructor cleans up.
  std::unique_ptr<SshFile> file(new SshFile(session));
  const auto put = [&]() -> Status {
    ZCRX_ASSIGN_OR_RETURN(const Sftp sftp, OpenSftp(*session));
    // Fails where the name exists, whoever made it: nobody else has a hand in the folder.
    if (sftp_mkdir(sftp.get(), folder.c_str(), kOwnerOnly) != 0) {
      return Failed("make a folder", *session, sftp.get(), folder);
    }
    file->folder_ = folder;
    file->path_ = path;
    const RemoteFile remote(
        sftp_open(sftp.get(), path.c_str(), O_WRONLY | O_CREAT | O_EXCL, kOwnerOnly));
    if (remote == nullptr) return Failed("make a file", *session, sftp.get(), path);
    file->written_ = true;
    return Copy(*session, sftp.get(), remote.get(), path, local_path);
  };
  ZCRX_ASSIGN_OR_RETURN(
      Status status,
      session->Bounded(fmt::format("copy {} to {}", local_path, session->Name()), deadline, put));
  ZCRX_RETURN_IF_ERROR(std::move(status));
  return file;
}

SshFile::~SshFile() {
  const Uninterrupted undoing;
  std::ignore = SshFile::Remove(Deadline::In(kGoodbye));
}

Status SshFile::Remove(Deadline deadline) {
  if (folder_.empty()) return {};
  const auto remove = [&]() -> Status {
    ZCRX_ASSIGN_OR_RETURN(const Sftp sftp, OpenSftp(*session_));
    if (written_ && sftp_unlink(sftp.get(), path_.c_str()) != 0) {
      return Failed("remove a file", *session_, sftp.get(), path_);
    }
    written_ = false;
    if (sftp_rmdir(sftp.get(), folder_.c_str()) != 0) {
      return Failed("remove a folder", *session_, sftp.get(), folder_);
    }
    folder_.clear();
    return {};
  };
  Result<Status> done = session_->Bounded("remove " + path_, deadline, remove);
  if (done.has_value() && done->has_value()) return {};
  Error error = done.has_value() ? done->error() : done.error();
  error.detail += fmt::format("; {}:{} stayed behind", session_->Name(), folder_);
  return std::unexpected(std::move(error));
}

}  // namespace zcrx
