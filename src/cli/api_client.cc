#include "cli/api_client.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <sstream>
#include <thread>
#include <utility>
#include <vector>

#include "node/keeper_link.h"
#include "os/files.h"
#include "os/monotonic_clock.h"
#include "os/process.h"
#include "os/socket.h"
#include "os/stream.h"

namespace flexai::cli {
namespace {

namespace http = boost::beast::http;
using nlohmann::json;

// A daemon answers at once, but for a vXPU that needs a keeper started first.
constexpr Nanos kAnswerTimeout = Seconds(60);
constexpr Nanos kStartTimeout = Seconds(45);
constexpr Nanos kRetryDelay = Millis(50);
constexpr uint64_t kMaxAnswerBytes = 64ull << 20;

std::string RequestText(std::string_view method, std::string_view target, const std::string& body) {
  http::request<http::string_body> request;
  request.method_string({method.data(), method.size()});
  request.target({target.data(), target.size()});
  request.version(11);
  request.set(http::field::host, "flexaid");
  if (!body.empty()) {
    request.set(http::field::content_type, "application/json");
  }
  request.body() = body;
  request.prepare_payload();
  std::ostringstream text;
  text << request;
  return text.str();
}

Status GoneStatus() {
  return Unavailable("flexaid went away in the middle of an answer: see its log, or run 'flexai doctor'");
}

Result<http::response<http::string_body>> ReadResponse(const os::UniqueFd& socket) {
  http::response_parser<http::string_body> parser;
  parser.eager(true);
  parser.body_limit(kMaxAnswerBytes);
  std::string input;
  std::array<char, 16384> buffer;
  while (!parser.is_done()) {
    FLEXAI_ASSIGN_OR_RETURN(const bool ready, os::WaitForInput(socket, kAnswerTimeout));
    if (!ready) {
      return DeadlineExceeded("flexaid does not answer: see its log, or run 'flexai doctor'");
    }
    const Result<size_t> got = os::ReadSome(socket, buffer);
    if (!got.ok() && got.status().code() == Code::kUnavailable) {
      continue;  // woken for nothing
    }
    if (!got.ok() || *got == 0) {
      return GoneStatus();
    }
    input.append(buffer.data(), *got);
    boost::system::error_code error;
    const size_t used = parser.put(boost::asio::const_buffer(input.data(), input.size()), error);
    input.erase(0, used);
    if (error && error != http::error::need_more) {
      return Internal(fmt::format("flexaid's answer is malformed: {}", error.message()));
    }
  }
  return parser.release();
}

// Starts flexaid for this user; it says on a socket when it serves, or why not.
Status StartEmbedded(const node::RuntimePaths& paths) {
  FLEXAI_ASSIGN_OR_RETURN(const std::string program, node::FindProgram("flexaid"));
  const bool as_root = paths.directory == node::kSystemRuntimeDirectory;
  const auto make = [&paths, as_root]() -> Result<os::UniqueFd> {
    FLEXAI_RETURN_IF_ERROR(os::MakeOwnFolder(paths.directory, as_root ? 0755 : 0700));
    FLEXAI_RETURN_IF_ERROR(os::MakeOwnFolder(paths.log_directory(), 0700));
    return os::OpenForAppend(paths.daemon_log(), 0600);
  };
  const Result<os::UniqueFd> log = make();
  if (!log.ok()) {
    return log.status().WithContext(kRuntimeFolderUnusable);
  }
  FLEXAI_ASSIGN_OR_RETURN(const os::UniqueFd nothing, os::OpenNullDevice());
  using Ends = std::pair<os::PacketSocket, os::PacketSocket>;
  FLEXAI_ASSIGN_OR_RETURN(Ends ends, os::PacketSocket::Pair());
  os::SpawnOptions options;
  options.program = program;
  options.arguments = {"--embedded", "--ready-fd", "3"};
  options.environment = os::Environment({"FLEXAI_RUNTIME_DIR=" + paths.directory});
  options.fds = {{nothing.get(), 0}, {log->get(), 1}, {log->get(), 2}, {ends.second.fd(), 3}};
  options.new_session = true;
  FLEXAI_ASSIGN_OR_RETURN(const os::Process daemon, os::Spawn(options));
  ends.second.Close();
  const Result<os::Packet> said = ends.first.Receive(kStartTimeout);
  if (!said.ok()) {
    return Unavailable(fmt::format("flexaid did not start: see {}", paths.daemon_log()));
  }
  const json body = json::parse(said->text(), nullptr, /*allow_exceptions=*/false);
  return body.is_object() && body.value("ok", false) ? Status() : node::StatusFromJson(body);
}

Result<ApiClient> FindRunningDaemon(const node::Environment& environment) {
  FLEXAI_ASSIGN_OR_RETURN(const node::RuntimePaths own, node::ResolveRuntimePaths(environment));
  std::vector<node::RuntimePaths> candidates{own};
  const node::RuntimePaths system{std::string(node::kSystemRuntimeDirectory)};
  if (environment.variable("FLEXAI_RUNTIME_DIR").empty() && own.directory != system.directory) {
    candidates.insert(candidates.begin(), system);
  }
  for (const node::RuntimePaths& paths : candidates) {
    Result<ApiClient> client = ApiClient::Connect(paths);
    if (client.ok()) {
      return client;
    }
    // The system's may be for others while one's own serves.
    if (client.status().code() == Code::kPermissionDenied && paths.directory == own.directory) {
      return PermissionDenied(
          fmt::format("the flexaid of {} serves its own user and root only: run as one of them, or have "
                      "access = \"everybody\" set in its configuration",
                      own.directory));
    }
  }
  return Unavailable(
      fmt::format("no flexaid is running: start one with 'systemctl start flexaid', or a program with "
                  "'flexai run', which brings its own (looked for {})",
                  own.api_socket()));
}

}  // namespace

Result<ApiClient> ApiClient::Connect(const node::RuntimePaths& paths) {
  FLEXAI_ASSIGN_OR_RETURN(os::UniqueFd socket, os::ConnectStream(paths.api_socket()));
  return ApiClient(paths, std::move(socket));
}

Result<os::UniqueFd> ApiClient::OpenDaemon() const { return os::OpenPeer(socket_.get()); }

Result<std::string> ApiClient::Text(std::string_view method, std::string_view target,
                                    const std::string& body) {
  if (!os::WriteAll(socket_, RequestText(method, target, body), kAnswerTimeout).ok()) {
    return GoneStatus();
  }
  FLEXAI_ASSIGN_OR_RETURN(const http::response<http::string_body> response, ReadResponse(socket_));
  if (response.result_int() < 300) {
    return response.body();
  }
  const json refusal = json::parse(response.body(), nullptr, /*allow_exceptions=*/false);
  return node::StatusFromJson(refusal.is_object() ? refusal.value("error", json()) : json());
}

Result<json> ApiClient::Json(std::string_view method, std::string_view target, const json* body) {
  FLEXAI_ASSIGN_OR_RETURN(
      const std::string text,
      Text(method, target,
           body == nullptr ? "" : body->dump(-1, ' ', false, json::error_handler_t::replace)));
  json answer = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object()) {
    return Internal("flexaid's answer is no JSON object");
  }
  return answer;
}

bool KeepersRemain(const node::RuntimePaths& paths) {
  const Result<std::vector<std::string>> names = os::ListFolder(paths.directory);
  return names.ok() && std::any_of(names->begin(), names->end(), [](const std::string& name) {
           return name.starts_with("keeper-") && name.ends_with(".sock");
         });
}

Result<ApiClient> FindDaemon(const node::Environment& environment) {
  Result<ApiClient> running = FindRunningDaemon(environment);
  if (running.ok()) {
    return running;
  }
  const Result<node::RuntimePaths> own = node::ResolveRuntimePaths(environment);
  return own.ok() && KeepersRemain(*own) ? FindOrStartDaemon(environment) : std::move(running);
}

Result<ApiClient> FindOrStartDaemon(const node::Environment& environment) {
  FLEXAI_ASSIGN_OR_RETURN(const node::RuntimePaths own, node::ResolveRuntimePaths(environment));
  const os::MonotonicClock clock;
  const Nanos give_up_at = clock.Now() + kStartTimeout;
  for (;;) {
    Result<ApiClient> found = FindRunningDaemon(environment);
    if (found.ok() || found.status().code() == Code::kPermissionDenied) {
      return found;
    }
    const Status started = StartEmbedded(own);
    // kAlreadyExists: another one starts, or is on its way out, at this moment.
    if (!started.ok() && (started.code() != Code::kAlreadyExists || clock.Now() > give_up_at)) {
      return started;
    }
    if (!started.ok()) {
      std::this_thread::sleep_for(std::chrono::nanoseconds(kRetryDelay.value));
    }
  }
}

}  // namespace flexai::cli
