#include "tools/office/admin_socket.hpp"

#include <cerrno>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace dudao {
namespace {

using nlohmann::json;

constexpr std::string_view kName = "admin.sock";
constexpr std::size_t kMaxLineBytes = std::size_t{512} << 20U;
constexpr int kStall_ms = 30'000;

/// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int take() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

/// Through the folder's descriptor, since a socket's path may have no more than 107 bytes.
sockaddr_un address_in(int folder) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(folder) + "/" + std::string(kName);
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

bool same_user(int connection) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (peer.uid == geteuid() || peer.uid == 0);
}

bool send_line(int connection, const json& document) {
  const std::string line = document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  for (std::size_t sent = 0; sent < line.size();) {
    const ssize_t n = send(connection, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    sent += static_cast<std::size_t>(n);
  }
  return true;
}

/// The next line; nothing when the other end is gone, or silent for longer than `stall_ms` (-1: for ever).
std::optional<std::string> read_line(int connection, std::string& buffer, int stall_ms) {
  std::size_t searched = 0;
  while (true) {
    const std::size_t end = buffer.find('\n', searched);
    if (end != std::string::npos) {
      std::string line = buffer.substr(0, end);
      buffer.erase(0, end + 1);
      return line;
    }
    searched = buffer.size();
    if (buffer.size() > kMaxLineBytes) return std::nullopt;
    pollfd waiting{connection, POLLIN, 0};
    const int ready = poll(&waiting, 1, stall_ms);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return std::nullopt;
    char piece[65536];
    const ssize_t n = recv(connection, piece, sizeof piece, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::nullopt;
    buffer.append(piece, static_cast<std::size_t>(n));
  }
}

}  // namespace

Result<std::unique_ptr<AdminSocket>> AdminSocket::start(const std::string& folder, Admin& admin) {
  const auto failed = [&] {
    return fail(Code::kListenFailed, folder + "/" + std::string(kName) + ": " + std::strerror(errno));
  };
  Descriptor place(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (place.get() < 0) return failed();
  Descriptor listening(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (listening.get() < 0) return failed();
  unlinkat(place.get(), std::string(kName).c_str(), 0);
  const sockaddr_un address = address_in(place.get());
  // The folder is for the owner only (0700), so nobody can come in between bind and chmod.
  if (bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      fchmodat(place.get(), std::string(kName).c_str(), 0600, 0) != 0 || listen(listening.get(), 16) != 0)
    return failed();
  int wake[2];
  if (pipe2(wake, O_CLOEXEC) != 0) return failed();
  return std::unique_ptr<AdminSocket>(new AdminSocket(listening.take(), wake[0], wake[1], place.take(), admin));
}

AdminSocket::AdminSocket(int listening, int wake_read, int wake_write, int folder, Admin& admin)
    : listening_(listening), wake_read_(wake_read), wake_write_(wake_write), folder_(folder), admin_(admin) {
  thread_ = std::thread([this] { serve(); });
}

AdminSocket::~AdminSocket() {
  static_cast<void>(write(wake_write_, "x", 1));
  thread_.join();
  unlinkat(folder_, std::string(kName).c_str(), 0);
  for (const int fd : {listening_, wake_read_, wake_write_, folder_}) close(fd);
}

void AdminSocket::serve() {
  while (true) {
    pollfd waiting[2] = {{listening_, POLLIN, 0}, {wake_read_, POLLIN, 0}};
    if (poll(waiting, 2, -1) < 0 && errno != EINTR) return;
    if (waiting[1].revents != 0) return;
    if (waiting[0].revents == 0) continue;
    const Descriptor connection(accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC));
    if (connection.get() >= 0 && same_user(connection.get())) answer(connection.get());
  }
}

void AdminSocket::answer(int connection) {
  std::string buffer;
  const auto line = read_line(connection, buffer, kStall_ms);
  if (!line) return;
  const json request = json::parse(*line, nullptr, false);
  if (!request.is_object() || !request.contains("method") || !request["method"].is_string()) return;
  const auto done = admin_.call(request["method"].get<std::string>(), request.value("params", json::object()),
                                [&](std::string_view what, std::uint64_t step, std::uint64_t all) {
                                  send_line(connection, {{"progress", {what, step, all}}});
                                });
  if (done)
    send_line(connection, {{"result", *done}});
  else
    send_line(connection,
              {{"error", {{"code", static_cast<int>(done.error().code)}, {"detail", done.error().detail}}}});
}

Result<std::optional<json>> ask_running_office(const std::string& folder, std::string_view method, const json& params,
                                               const AdminProgress& progress) {
  const Descriptor place(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const Descriptor connection(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (place.get() < 0 || connection.get() < 0) return std::optional<json>();
  const sockaddr_un address = address_in(place.get());
  if (connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return std::optional<json>();
  if (!send_line(connection.get(), {{"method", method}, {"params", params}})) return fail(Code::kOfficeBrokeOff);
  std::string buffer;
  while (const auto line = read_line(connection.get(), buffer, -1)) {
    const json answer = json::parse(*line, nullptr, false);
    if (!answer.is_object()) break;
    if (answer.contains("progress")) {
      const json& step = answer["progress"];
      progress(step.at(0).get<std::string>(), step.at(1), step.at(2));
      continue;
    }
    if (answer.contains("result")) return std::optional<json>(answer["result"]);
    const json& error = answer.at("error");
    const CodeInfo* known = find_code(error.at("code").get<std::uint16_t>());
    return fail(known ? known->code : Code::kInternal, error.value("detail", std::string()));
  }
  return fail(Code::kOfficeBrokeOff);
}

}  // namespace dudao
