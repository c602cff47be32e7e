#include "test/unit/local_sshd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace zcrx {
namespace {

std::string ReadAll(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// /etc/passwd as Spawn() shows it to a root's sshd, which insists on a user "sshd". Ours logs in to
// a plain shell and the folder: what one's own shell reads at its start costs seconds on some
// machines.
std::string Users(const passwd& user, const std::string& folder) {
  std::string users =
      fmt::format("{}:x:{}:{}::{}:/bin/sh\n", user.pw_name, user.pw_uid, user.pw_gid, folder);
  std::istringstream lines(ReadAll("/etc/passwd"));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(std::string(user.pw_name) + ':')) users += line + '\n';
  }
  if (::getpwnam("sshd") == nullptr) users += "sshd:x:65533:65534::/run/sshd:/bin/false\n";
  return users;
}

}  // namespace

bool RunToEnd(std::vector<std::string> words) {
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  int status = 0;
  return pid > 0 && ::waitpid(pid, &status, 0) == pid && status == 0;
}

ScratchFolder::ScratchFolder() {
  std::string name = std::filesystem::temp_directory_path() / "zcrx-test-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) std::abort();
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

std::string ScratchFolder::Write(const std::string& name, const std::string& text) const {
  std::string path = path_ / name;
  std::ofstream(path) << text;
  return path;
}

LoopbackSocket BindLoopback() {
  LoopbackSocket result;
  result.fd.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(result.fd.Get(), generic, length) != 0 ||
      ::getsockname(result.fd.Get(), generic, &length) != 0) {
    std::abort();
  }
  result.port = ntohs(address.sin_port);
  return result;
}

Result<std::unique_ptr<LocalSshd>> LocalSshd::Start(const std::string& extra_config) {
  std::unique_ptr<LocalSshd> server(new LocalSshd);
  const char* const given = std::getenv("ZCRX_SSHD");
  server->sshd_ = given != nullptr ? given : "/usr/sbin/sshd";
  if (::access(server->sshd_.c_str(), X_OK) != 0) {
    return FailErrno("find an sshd: " + server->sshd_, "set ZCRX_SSHD to one");
  }
  const passwd* const user = ::getpwuid(::getuid());
  if (user == nullptr) return Fail("find the name of this user", ENOENT);

  const ScratchFolder& folder = server->folder_;
  const std::string host_key = server->MakeKey("host_key");
  const std::string user_key = server->MakeKey("user_key");
  server->config_ = folder.Write(
      "sshd_config",
      fmt::format("HostKey {}\nAuthorizedKeysFile {}.pub\nStrictModes no\nUsePAM no\n"
                  "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
                  "PermitRootLogin prohibit-password\nPidFile none\nLogLevel VERBOSE\n{}",
                  host_key, user_key,
                  extra_config.empty() ? "Subsystem sftp internal-sftp\n" : extra_config));
  folder.Write("passwd", Users(*user, folder.Path()));

  LoopbackSocket bound = BindLoopback();
  if (::listen(bound.fd.Get(), 8) != 0) return FailErrno("listen on loopback");
  server->listener_ = std::move(bound.fd);
  server->port_ = bound.port;
  folder.Write("known_hosts", fmt::format("# keys of this test\n[127.0.0.1]:{} {}", server->port_,
                                          ReadAll(host_key + ".pub")));
  server->thread_ = std::thread([raw = server.get()] { raw->Serve(); });
  return server;
}

LocalSshd::~LocalSshd() {
  if (!thread_.joinable()) return;
  ::shutdown(listener_.Get(), SHUT_RDWR);  // ends accept(2)
  thread_.join();
  for (const pid_t child : children_) {
    ::kill(-child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
}

std::string LocalSshd::Log() const { return ReadAll(folder_.Path() / "log"); }

std::string LocalSshd::MakeKey(const std::string& name) const {
  std::string path = folder_.Path() / name;
  if (!RunToEnd({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path})) {
    std::abort();
  }
  return path;
}

void LocalSshd::AddHostKey(const std::string& path) const {
  std::ofstream(config_, std::ios::app) << "HostKey " << path << '\n';
}

void LocalSshd::Freeze() {
  const std::lock_guard lock(mutex_);
  for (const pid_t child : children_) ::kill(-child, SIGSTOP);
}

void LocalSshd::Serve() {
  // Signals for the process are the test's, or they would end it here.
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  for (;;) {
    const UniqueFd connection(::accept4(listener_.Get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection.Valid()) return;
    const pid_t child = Spawn(connection.Get());
    const std::lock_guard lock(mutex_);
    children_.push_back(child);
  }
}

pid_t LocalSshd::Spawn(int connection) const {
  const std::string log = folder_.Path() / "log";
  const std::string passwd = folder_.Path() / "passwd";
  const bool root = ::geteuid() == 0;
  const pid_t parent = ::fork();
  if (parent != 0) {
    if (parent > 0) ::setpgid(parent, parent);  // in both processes: whichever comes first
    return parent;
  }
  // Only system calls from here on: the process has threads.
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  ::setpgid(0, 0);
  if (root) {
    // Root's sshd wants /run/sshd too. A mount namespace gives it both and the system nothing.
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", "/run", "tmpfs", 0, nullptr) != 0 || ::mkdir("/run/sshd", 0755) != 0 ||
        ::mount(passwd.c_str(), "/etc/passwd", nullptr, MS_BIND, nullptr) != 0) {
      ::_exit(126);
    }
  }
  const int log_fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (log_fd < 0 || ::dup2(connection, STDIN_FILENO) < 0 || ::dup2(connection, STDOUT_FILENO) < 0 ||
      ::dup2(log_fd, STDERR_FILENO) < 0) {
    ::_exit(126);
  }
  ::execl(sshd_.c_str(), sshd_.c_str(), "-i", "-e", "-f", config_.c_str(), nullptr);
  ::_exit(127);
}

}  // namespace zcrx
