#include "ci/vnic/control.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <ranges>
#include <utility>

namespace vnic {

zcrx::Result<std::unique_ptr<Control>> Control::Open(const std::string& path, EventLoop& loop,
                                                     std::vector<ControlCommand> commands) {
  ZCRX_ASSIGN_OR_RETURN(UnixListener listener, UnixListener::Listen(path));
  std::unique_ptr<Control> control(new Control(std::move(listener), loop, std::move(commands)));
  ZCRX_RETURN_IF_ERROR(
      loop.Add(control->listener_.Fd(), [raw = control.get()] { raw->OnClient(); }));
  return control;
}

Control::Control(UnixListener listener, EventLoop& loop, std::vector<ControlCommand> commands)
    : listener_(std::move(listener)), loop_(loop), commands_(std::move(commands)) {
  std::string names;
  for (const ControlCommand& command : commands_) {
    names += fmt::format("{}{}{}; ", command.name, command.arguments.empty() ? "" : " ",
                         command.arguments);
  }
  commands_.push_back(
      {.name = "help", .arguments = {}, .run = [names](auto) { return names + "help"; }});
}

Control::~Control() {
  for (const auto& [fd, client] : clients_) loop_.Remove(fd);
  loop_.Remove(listener_.Fd());
}

std::string Control::Answer(std::string_view request) {
  std::vector<std::string_view> words;
  for (const auto part : std::views::split(request, ' ')) {
    if (!part.empty()) words.emplace_back(part.begin(), part.end());
  }
  if (words.empty()) return "error an empty request";
  const auto command = std::ranges::find(commands_, words.front(), &ControlCommand::name);
  if (command == commands_.end()) {
    return fmt::format("error unknown request '{}', try help", words.front());
  }
  const auto result = command->run(std::span(words).subspan(1));
  if (!result) return "error " + result.error().Text();
  return result->empty() ? "ok" : "ok " + *result;
}

void Control::OnClient() {
  auto socket = listener_.Accept();
  if (!socket) return;
  const int fd = socket->Get();
  clients_[fd] = {.socket = std::move(*socket), .pending = {}};
  if (!loop_.Add(fd, [this, fd] { OnReadable(fd); })) clients_.erase(fd);
}

void Control::OnReadable(int fd) {
  if (Serve(clients_.at(fd))) return;
  loop_.Remove(fd);
  clients_.erase(fd);
}

bool Control::Serve(Client& client) {
  std::array<char, 1024> buffer{};
  const ssize_t count = ::recv(client.socket.Get(), buffer.data(), buffer.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (count <= 0) return false;
  client.pending.append(buffer.data(), static_cast<std::size_t>(count));
  for (std::size_t end; (end = client.pending.find('\n')) != std::string::npos;) {
    const std::string answer = Answer(std::string_view(client.pending).substr(0, end)) + "\n";
    client.pending.erase(0, end + 1);
    const ssize_t sent =
        ::send(client.socket.Get(), answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent != static_cast<ssize_t>(answer.size())) return false;
  }
  return client.pending.size() <= kMaxLine;
}

}  // namespace vnic
