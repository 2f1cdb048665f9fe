#include "node/api.h"

#include <fmt/core.h>

#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "wire/layout.h"

namespace flexai::node {
namespace {

using nlohmann::json;

constexpr std::streamoff kMaxLogBytes = 1 << 20;  // of one answer

int HttpStatus(Code code) {
  switch (code) {
    case Code::kOk:
      return 200;
    case Code::kInvalidArgument:
      return 400;
    case Code::kPermissionDenied:
      return 403;
    case Code::kNotFound:
      return 404;
    case Code::kAlreadyExists:
      return 409;
    case Code::kFailedPrecondition:
      return 412;
    case Code::kResourceExhausted:
      return 429;
    case Code::kUnimplemented:
      return 501;
    case Code::kUnavailable:
      return 503;
    case Code::kDeadlineExceeded:
      return 504;
    case Code::kInternal:
      return 500;
  }
  return 500;
}

HttpResponse JsonResponse(const json& body, int status = 200) {
  // Names come from tenants and may be no UTF-8; those bytes are replaced.
  return {status, "application/json", body.dump(2, ' ', false, json::error_handler_t::replace) + "\n"};
}

Caller CallerOf(const HttpRequest& request) { return {request.peer.uid, request.peer.pid}; }

// Splits "/v1/vxpus/12/log" after the prefix "/v1/vxpus/" into 12 and "/log".
std::optional<std::pair<uint64_t, std::string_view>> IdIn(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix)) {
    return std::nullopt;
  }
  path.remove_prefix(prefix.size());
  uint64_t id = 0;
  const auto [rest, error] = std::from_chars(path.data(), path.data() + path.size(), id);
  if (error != std::errc()) {
    return std::nullopt;
  }
  return std::pair(id, path.substr(static_cast<size_t>(rest - path.data())));
}

// The number after "name=" in a query.
uint64_t QueryNumber(std::string_view query, std::string_view name, uint64_t otherwise) {
  const size_t at = query.find(name);
  if (at == std::string_view::npos) {
    return otherwise;
  }
  query.remove_prefix(at + name.size());
  uint64_t number = otherwise;
  std::from_chars(query.data(), query.data() + query.size(), number);
  return number;
}

// At most kMaxLogBytes from `offset`; an offset behind the end gives nothing.
HttpResponse LogText(const std::string& path, uint64_t offset) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) {
    return ErrorResponse(NotFound("the session has no log (any more)"));
  }
  const auto size = static_cast<std::streamoff>(file.tellg());
  const std::streamoff from = std::min(static_cast<std::streamoff>(offset), size);
  std::string text(static_cast<size_t>(std::min(size - from, kMaxLogBytes)), '\0');
  file.seekg(from);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  return {200, "text/plain; charset=utf-8", std::move(text)};
}

}  // namespace

HttpResponse ErrorResponse(const Status& status) {
  return JsonResponse({{"error", {{"code", CodeName(status.code())}, {"message", status.message()}}}},
                      HttpStatus(status.code()));
}

Api::Api(Pool& pool, telemetry::MetricRegistry& metrics, const Clock& clock, ApiOptions options,
         std::function<void(bool)> shut_down)
    : pool_(pool),
      metrics_(metrics),
      clock_(clock),
      options_(std::move(options)),
      started_(clock.Now()),
      shut_down_(std::move(shut_down)) {}

void Api::Handle(HttpRequest request, HttpServer::Respond respond) {
  using Page = HttpResponse (Api::*)() const;
  static constexpr std::pair<std::string_view, Page> kPages[] = {{"/v1/devices", &Api::Devices},
                                                                 {"/v1/vxpus", &Api::Vxpus},
                                                                 {"/v1/sessions", &Api::Sessions},
                                                                 {"/v1/health", &Api::Health},
                                                                 {"/metrics", &Api::Metrics}};
  if (request.method == "GET") {
    for (const auto& [path, page] : kPages) {
      if (request.path == path) {
        return pool_.Refresh([this, page = page, respond = std::move(respond)] { respond((this->*page)()); });
      }
    }
  }
  if (request.remote) {
    return respond(ErrorResponse(PermissionDenied(
        "over TCP there are GET /v1/devices, /v1/vxpus, /v1/sessions, /v1/health and /metrics only")));
  }
  if (request.method == "POST" && request.path == "/v1/vxpus") {
    return CreateVxpu(request, std::move(respond));
  }
  if (request.method == "POST" && request.path == "/v1/shutdown") {
    return ShutDown(request, std::move(respond));
  }
  if (const auto vxpu = IdIn(request.path, "/v1/vxpus/"); vxpu && vxpu->second.empty()) {
    return HandleVxpu(request, vxpu->first, std::move(respond));
  }
  if (const auto session = IdIn(request.path, "/v1/sessions/")) {
    return HandleSession(request, session->first, session->second, std::move(respond));
  }
  respond(ErrorResponse(NotFound(fmt::format("there is no {} {}", request.method, request.path))));
}

void Api::CreateVxpu(const HttpRequest& request, HttpServer::Respond respond) {
  const Result<VxpuRequest> wanted = ParseVxpuRequest(request.body);
  if (!wanted.ok()) {
    return respond(ErrorResponse(wanted.status()));
  }
  os::UniqueFd owner;
  if (wanted->tied) {
    Result<os::UniqueFd> peer = request.open_peer();
    if (!peer.ok()) {
      return respond(ErrorResponse(peer.status().WithContext("the vXPU cannot be tied to its process")));
    }
    owner = *std::move(peer);
  }
  // Admission needs the keepers' account of this moment.
  auto shared_owner = std::make_shared<os::UniqueFd>(std::move(owner));
  pool_.Refresh(
      [this, wanted = *wanted, caller = CallerOf(request), shared_owner, respond = std::move(respond)] {
        pool_.Create(wanted, caller, std::move(*shared_owner), [respond](const Result<Vxpu>& made) {
          respond(made.ok() ? JsonResponse(ToJson(*made), 201) : ErrorResponse(made.status()));
        });
      });
}

void Api::HandleVxpu(const HttpRequest& request, uint64_t id, HttpServer::Respond respond) {
  if (request.method == "DELETE") {
    const std::string refusal = pool_.RefusalOf(id);
    return pool_.Remove(id, CallerOf(request), [refusal, respond = std::move(respond)](const Status& status) {
      const json answer = refusal.empty() ? json::object() : json{{"refusal", refusal}};
      respond(status.ok() ? JsonResponse(answer) : ErrorResponse(status));
    });
  }
  if (request.method != "PATCH") {
    return respond(
        ErrorResponse(NotFound(fmt::format("a vXPU takes PATCH and DELETE, not {}", request.method))));
  }
  const Result<VxpuChange> change = ParseVxpuChange(request.body);
  if (!change.ok()) {
    return respond(ErrorResponse(change.status()));
  }
  pool_.Refresh([this, id, change = *change, caller = CallerOf(request), respond = std::move(respond)] {
    pool_.Change(id, change, caller, [respond](const Result<Vxpu>& changed) {
      respond(changed.ok() ? JsonResponse(ToJson(*changed)) : ErrorResponse(changed.status()));
    });
  });
}

void Api::HandleSession(const HttpRequest& request, uint64_t id, std::string_view rest,
                        HttpServer::Respond respond) {
  if (request.method == "DELETE" && rest.empty()) {
    return pool_.EndSession(id, CallerOf(request), [respond = std::move(respond)](const Status& status) {
      respond(status.ok() ? JsonResponse(json::object()) : ErrorResponse(status));
    });
  }
  if (request.method != "GET" || rest != "/log") {
    return respond(ErrorResponse(NotFound(
        fmt::format("a session takes DELETE and GET of its /log, not {} {}", request.method, request.path))));
  }
  const Result<Session> session = pool_.FindSession(id, CallerOf(request));
  respond(session.ok() ? LogText(session->log, QueryNumber(request.query, "offset=", 0))
                       : ErrorResponse(session.status()));
}

void Api::ShutDown(const HttpRequest& request, HttpServer::Respond respond) {
  if (request.peer.uid != 0 && request.peer.uid != options_.uid) {
    return respond(ErrorResponse(PermissionDenied("only root and the user that flexaid runs as may end it")));
  }
  const json body = request.body.empty() ? json::object() : ParseJson(request.body);
  const auto keepers = body.is_object() ? body.find("keepers") : body.end();
  if (!body.is_object() || (keepers != body.end() && !keepers->is_boolean())) {
    return respond(ErrorResponse(InvalidArgument("the body must be {\"keepers\": true or false}")));
  }
  respond(JsonResponse(json::object()));
  shut_down_(keepers != body.end() && keepers->get<bool>());
}

HttpResponse Api::Devices() const {
  json devices = json::array();
  for (const DeviceState* state : pool_.devices()) {
    const Device& device = state->device;
    const DeviceRoom room = state->room();
    devices.push_back({{"id", device.id},
                       {"name", device.name},
                       {"vendor", device.vendor},
                       {"type", device.type},
                       {"platform", device.platform_name},
                       {"platform_version", device.platform_version},
                       {"driver_version", device.driver_version},
                       {"compute_units", device.compute_units},
                       {"device_memory_bytes", device.memory.value},
                       {"reserve_bytes", state->reserve.value},
                       {"memory_bytes", state->memory.value},
                       {"free_memory_bytes", state->free_memory.value},
                       {"free_permille", room.free_share.value},
                       {"state", !state->problem.ok() ? "unavailable"
                                 : state->serving     ? "serving"
                                                      : "idle"},
                       {"message", state->problem.message()},
                       {"now_ns", state->now.value},
                       {"busy_ns", state->busy.value},
                       {"vxpus", state->vxpus.size()},
                       {"sessions", state->sessions.size()}});
  }
  return JsonResponse({{"devices", devices}, {"errors", pool_.inventory().errors}});
}

HttpResponse Api::Vxpus() const {
  json vxpus = json::array();
  for (const DeviceState* state : pool_.devices()) {
    for (const auto& [id, vxpu] : state->vxpus) {
      vxpus.push_back(ToJson(vxpu));
    }
  }
  return JsonResponse({{"now_ns", clock_.Now().value}, {"vxpus", vxpus}});
}

HttpResponse Api::Sessions() const {
  json sessions = json::array();
  for (const DeviceState* state : pool_.devices()) {
    for (const auto& [id, session] : state->sessions) {
      sessions.push_back(ToJson(session));
    }
  }
  json ended = json::array();
  for (const Session& session : pool_.ended_sessions()) {
    ended.push_back(ToJson(session));
  }
  return JsonResponse({{"now_ns", clock_.Now().value}, {"sessions", sessions}, {"ended", ended}});
}

HttpResponse Api::Health() const {
  json problems = json::array();
  for (const DeviceState* state : pool_.devices()) {
    if (!state->problem.ok()) {
      problems.push_back(fmt::format("device {}: {}", state->device.id, state->problem.message()));
    }
  }
  for (const std::string& error : pool_.inventory().errors) {
    problems.push_back(error);
  }
  if (pool_.devices().empty()) {
    problems.push_back("no device: 'flexai doctor' says what is missing");
  }
  return JsonResponse({{"status", problems.empty() ? "ok" : "degraded"},
                       {"version", options_.version},
                       {"protocol", fmt::format("{}.{}", wire::kProtocolMajor, wire::kProtocolMinor)},
                       {"pid", options_.pid},
                       {"uid", options_.uid},
                       {"embedded", options_.embedded},
                       {"uptime_ns", (clock_.Now() - started_).value},
                       {"devices", pool_.devices().size()},
                       {"vxpus", pool_.vxpu_count()},
                       {"sessions", pool_.session_count()},
                       {"problems", problems}});
}

HttpResponse Api::Metrics() const {
  std::vector<telemetry::MetricFamily> families = PoolMetrics(pool_);
  families.push_back({"flexai_build_info",
                      "Version of flexaid.",
                      telemetry::MetricType::kGauge,
                      {{{{"version", options_.version}}, 1.0}}});
  for (telemetry::MetricFamily& family : metrics_.Collect()) {
    families.push_back(std::move(family));
  }
  return {200, "text/plain; version=0.0.4; charset=utf-8", telemetry::ExpositionText(families)};
}

}  // namespace flexai::node
