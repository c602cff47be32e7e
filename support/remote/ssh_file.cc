#include "support/remote/ssh_file.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <array>
#include <chrono>
#include <tuple>
#include <utility>

#include "support/base/kill_point.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;

constexpr size_t kChunk = 32UL * 1024;
constexpr auto kGoodbye = 5s;

// Runs on the peer in /bin/sh: creates FOLDER, reads SIZE bytes for FILE from stdin, runs "FILE
// ARGUMENT... FILE", removes FOLDER in the end and reports that to the caller that ended FILE. The
// end of file left by a lost caller ends the script at any point, so nothing is written before the
// trap that removes it is set.
//
// Writing to a caller that is gone must not kill the script (PIPE). An empty line precedes each of
// its own, because the output of a login shell may lack a newline.
constexpr const char* kScript = R"(folder=$1 file=$2 size=$3
shift 3
umask 077
trap '' PIPE
trap 'exit 1' HUP INT TERM
mkdir "$folder" || exit
trap 'rm -rf "$folder" && [ "$ended" ] && echo && echo REMOVED' EXIT
echo && echo MADE && head -c "$size" >"$file" && chmod 700 "$file" && echo && echo WRITTEN &&
"$file" "$@" "$file" && ended=well)";

Result<std::string> RandomName() {
  std::array<unsigned char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return FailErrno("choose a random name");
  }
  std::string name = "zcrx-";
  for (const unsigned char byte : bytes) name += fmt::format("{:02x}", byte);
  return name;
}

}  // namespace

Result<std::unique_ptr<PeerFile>> SshFile::Put(const std::shared_ptr<SshSession>& session,
                                               const std::string& parent,
                                               const std::string& local_path,
                                               const std::vector<std::string>& arguments,
                                               Deadline deadline) {
  struct stat info{};
  if (::stat(local_path.c_str(), &info) != 0) return FailErrno("open " + local_path);
  if (!S_ISREG(info.st_mode)) return Fail("open " + local_path, EINVAL, "it is not a regular file");
  ZCRX_ASSIGN_OR_RETURN(const std::string random, RandomName());
  const std::string name = local_path.substr(local_path.rfind('/') + 1);
  const std::string folder = fmt::format("{}/{}", parent, random);
  const std::string path = folder + '/' + name;
  const std::string operation =
      fmt::format("copy {} to {}:{}", local_path, session->Name(), folder);

  std::vector<std::string> argv = {
      "/bin/sh", "-c", kScript, "sh", folder, path, std::to_string(info.st_size)};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  ZCRX_ASSIGN_OR_RETURN(std::unique_ptr<SshProcess> process,
                        SshProcess::Start(session, argv, deadline, name));
  std::unique_ptr<SshFile> file(new SshFile(std::move(process), path));
  const auto put = [&]() -> Status {
    ZCRX_RETURN_IF_ERROR(file->process_->WaitForLine("MADE", deadline));
    // If the peer has exited, its output says why.
    Status written = file->Write(local_path, deadline);
    if (!written && written.error().code != EPIPE) return written;
    return file->process_->WaitForLine("WRITTEN", deadline);
  };
  if (const Status done = put(); !done) {
    file->removed_ = file->process_->Ended();
    return Fail(operation, done.error().code,
                done.error().Text() + "; --remote-dir names another folder");
  }
  return file;
}

Status SshFile::Write(const std::string& local_path, Deadline deadline) {
  const UniqueFd local(::open(local_path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!local.Valid()) return FailErrno("open " + local_path);
  std::array<char, kChunk> chunk;
  for (;;) {
    const ssize_t got = ::read(local.Get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno("read " + local_path);
    if (got == 0) return {};
    ZCRX_RETURN_IF_ERROR(
        process_->Write(std::string_view(chunk.data(), static_cast<size_t>(got)), deadline));
    PassKillPoint("in", "copy_sender");
  }
}

SshFile::~SshFile() {
  const Uninterrupted undoing;
  std::ignore = SshFile::Remove(Deadline::In(kGoodbye));
}

Status SshFile::Remove(Deadline deadline) {
  if (removed_) return {};
  Status removed = process_->CloseStdin(deadline);
  if (removed) removed = process_->WaitForLine("REMOVED", deadline);
  if (!removed) {
    Error error = std::move(removed).error();
    error.detail += fmt::format("; {} may have stayed behind", path_);
    return std::unexpected(std::move(error));
  }
  removed_ = true;
  return {};
}

}  // namespace zcrx
