#include "support/remote/ssh_process.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <tuple>
#include <utility>

#include "support/remote/shell_command.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;

constexpr size_t kMaxUnread = 256UL * 1024;  // of stdout
constexpr size_t kMaxStderr = 16UL * 1024;   // as peer.h says
constexpr size_t kMaxSaid = 200;
constexpr size_t kMaxSignal = 15;
constexpr auto kGoodbye = 2s;

// Appends up to `limit` bytes in total. Never allocates: `buffer` has reserved `limit`. Returns
// false if not everything fitted.
bool AppendBounded(std::string& buffer, size_t limit, std::string_view bytes) {
  buffer.append(bytes.substr(0, limit - std::min(limit, buffer.size())));
  return buffer.size() < limit;
}

}  // namespace

SshProcess::SshProcess(std::shared_ptr<SshSession> session, std::string name)
    : session_(std::move(session)), name_(std::move(name)) {
  stdout_.reserve(kMaxUnread);
  stderr_.reserve(kMaxStderr);
  callbacks_.userdata = this;
  callbacks_.channel_data_function = &OnData;
  callbacks_.channel_eof_function = &OnEof;
  callbacks_.channel_close_function = &OnClose;
  callbacks_.channel_exit_status_function = &OnExitStatus;
  callbacks_.channel_exit_signal_function = &OnExitSignal;
  ssh_callbacks_init(&callbacks_);
}

SshProcess::~SshProcess() {
  if (channel_ == nullptr) return;
  const Uninterrupted undoing;
  session_->Locked([this] {
    session_->KeepAliveNoMore(channel_);
    ssh_remove_channel_callbacks(channel_, &callbacks_);
  });
  // Once there is no time left, the channel stays until the end of the session.
  std::ignore = session_->Bounded("close " + name_, Deadline::In(kGoodbye), [this] {
    if (ssh_channel_is_closed(channel_) == 0) (void)ssh_channel_send_eof(channel_);
    ssh_channel_free(channel_);  // also closes it if necessary
    return SSH_OK;
  });
}

Result<std::unique_ptr<SshProcess>> SshProcess::Start(std::shared_ptr<SshSession> session,
                                                      const std::vector<std::string>& argv,
                                                      Deadline deadline, std::string name) {
  ZCRX_ASSIGN_OR_RETURN(const std::string command, ShellCommand(argv));
  const std::string& program = argv.front();
  if (name.empty()) name = program.substr(program.rfind('/') + 1);
  name += " on " + session->Name();
  std::unique_ptr<SshProcess> process(new SshProcess(std::move(session), std::move(name)));
  ZCRX_RETURN_IF_ERROR(process->Open(command, deadline));
  return process;
}

Status SshProcess::Open(const std::string& command, Deadline deadline) {
  const std::string operation = "start " + name_;
  bool refused = false;
  Status opened = session_->BoundedOk(operation, deadline, [&] {
    if (session_->Connected()) channel_ = ssh_channel_new(session_->Get());
    if (channel_ == nullptr) return SSH_ERROR;
    int code = ssh_add_channel_callbacks(channel_, &callbacks_);
    if (code == SSH_OK) code = ssh_channel_open_session(channel_);
    refused = code != SSH_OK && session_->Connected();
    if (code == SSH_OK) code = ssh_channel_request_exec(channel_, command.c_str());
    return code;
  });
  if (!opened && refused) {
    opened.error().detail +=
        "; its sshd runs no more programs on one connection: raise MaxSessions in sshd_config";
  }
  return opened;
}

Result<std::optional<std::string>> SshProcess::ReadLine(Deadline deadline) {
  const std::string operation = "read a line of " + name_;
  ZCRX_ASSIGN_OR_RETURN(
      Result<std::optional<std::string>> line,
      session_->Await(
          operation, deadline, [&] { return TakeLine(operation); }, [this] { return Said(); }));
  return line;
}

std::optional<Result<std::optional<std::string>>> SshProcess::TakeLine(
    const std::string& operation) {
  if (const size_t newline = stdout_.find('\n'); newline != stdout_.npos) {
    std::string line = stdout_.substr(0, newline);
    stdout_.erase(0, newline + 1);
    return line;
  }
  if (stdout_full_) return Fail(operation, EMSGSIZE, "its output is too much to keep");
  if (!eof_ && !closed_) return {};
  if (stdout_.empty()) return Result<std::optional<std::string>>(std::nullopt);
  return std::exchange(stdout_, {});
}

std::string SshProcess::Said() const {
  if (stdout_.empty()) return stderr_;
  return fmt::format("{}{}its output so far: {}", stderr_, stderr_.empty() ? "" : "; ",
                     stdout_.substr(0, kMaxSaid));
}

Status SshProcess::Write(std::string_view bytes, Deadline deadline) {
  const std::string operation = "write to " + name_;
  ZCRX_ASSIGN_OR_RETURN(const int written, session_->Bounded(operation, deadline, [&] {
    return ssh_channel_write(channel_, bytes.data(), static_cast<uint32_t>(bytes.size()));
  }));
  if (written == static_cast<int>(bytes.size())) return {};
  const bool there = session_->Locked([this] { return session_->Connected(); });
  return there ? Fail(operation, EPIPE) : session_->Failed(operation);
}

Status SshProcess::KeepAlive(std::chrono::milliseconds period, Deadline deadline) {
  return session_->BoundedOk("send signs of life to " + name_, deadline, [&] {
    session_->KeepAlive(channel_, period);
    return SSH_OK;
  });
}

Status SshProcess::CloseStdin(Deadline deadline) {
  return session_->BoundedOk("close the stdin of " + name_, deadline, [this] {
    session_->KeepAliveNoMore(channel_);
    return closed_ ? SSH_OK : ssh_channel_send_eof(channel_);
  });
}

Result<PeerExit> SshProcess::Wait(Deadline deadline) {
  const std::string operation = "wait for the end of " + name_;
  using End = std::optional<PeerExit>;
  const auto ended = [this] {
    return closed_ ? std::optional<End>(std::in_place, exit_) : std::nullopt;
  };
  ZCRX_ASSIGN_OR_RETURN(const End exit,
                        session_->Await(operation, deadline, ended, [this] { return Said(); }));
  if (!exit.has_value()) return Fail(operation, 0, "its sshd does not say how it ended");
  return *exit;
}

int SshProcess::OnData(ssh_session /*session*/, ssh_channel /*channel*/, void* data,
                       uint32_t length, int is_stderr, void* self) {
  auto& process = *static_cast<SshProcess*>(self);
  const std::string_view bytes(static_cast<const char*>(data), length);
  if (is_stderr != 0) {
    (void)AppendBounded(process.stderr_, kMaxStderr, bytes);
  } else if (!AppendBounded(process.stdout_, kMaxUnread, bytes)) {
    process.stdout_full_ = true;
  }
  return static_cast<int>(length);  // taken; otherwise libssh would keep it and close the window
}

void SshProcess::OnEof(ssh_session /*session*/, ssh_channel /*channel*/, void* self) {
  static_cast<SshProcess*>(self)->eof_ = true;
}

void SshProcess::OnClose(ssh_session /*session*/, ssh_channel /*channel*/, void* self) {
  static_cast<SshProcess*>(self)->closed_ = true;
}

void SshProcess::OnExitStatus(ssh_session /*session*/, ssh_channel /*channel*/, int status,
                              void* self) {
  static_cast<SshProcess*>(self)->exit_ = PeerExit{.status = status, .signal = {}};
}

void SshProcess::OnExitSignal(ssh_session /*session*/, ssh_channel /*channel*/, const char* signal,
                              int /*core*/, const char* /*message*/, const char* /*language*/,
                              void* self) {
  // As many characters as fit in a std::string without an allocation, which could throw.
  static_cast<SshProcess*>(self)->exit_ =
      PeerExit{.status = 0, .signal = std::string(std::string_view(signal).substr(0, kMaxSignal))};
}

}  // namespace zcrx
