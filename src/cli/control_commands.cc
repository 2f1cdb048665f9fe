#include "cli/control_commands.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "cli/api_client.h"
#include "cli/vxpu_options.h"
#include "os/files.h"
#include "os/user.h"

namespace flexai::cli {
namespace {

using nlohmann::json;

constexpr auto kFollowInterval = std::chrono::milliseconds(300);

// The sessions whose logs are asked for: one, or all of a vXPU, the live ones first.
Result<std::vector<uint64_t>> SessionsOf(ApiClient& client, uint64_t id, bool is_session, bool* live) {
  FLEXAI_ASSIGN_OR_RETURN(const json answer, client.Json("GET", "/v1/sessions"));
  std::vector<uint64_t> found;
  *live = false;
  for (const char* list : {"sessions", "ended"}) {
    for (const json& report : answer.value(list, json::array())) {
      FLEXAI_ASSIGN_OR_RETURN(const node::Session session, node::ParseSession(report));
      const bool wanted =
          is_session ? session.id == id
                     : std::find(session.vxpus.begin(), session.vxpus.end(), id) != session.vxpus.end();
      if (wanted) {
        found.push_back(session.id);
        *live = *live || !session.ended;
      }
    }
  }
  if (found.empty()) {
    return NotFound(is_session
                        ? fmt::format("there is no session {}: 'flexai ps --all' shows those that exist", id)
                        : fmt::format("no session of vXPU {} is known: 'flexai ps --all' shows them", id));
  }
  std::sort(found.begin(), found.end());
  return found;
}

int ShowDaemonLog(const Context& context, const ApiClient& client) {
  const Result<std::string> log = os::ReadFile(client.paths().daemon_log());
  if (!log.ok() && log.status().code() == Code::kNotFound) {
    context.out << "flexaid of " << client.paths().directory
                << " writes to the journal: 'journalctl -u flexaid'\n";
    return 0;
  }
  if (!log.ok()) {
    return Report(context, log.status());
  }
  context.out << *log;
  return 0;
}

}  // namespace

Result<uint64_t> ParseId(const std::string& text, std::string_view what) {
  uint64_t id = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, id);
  if (error != std::errc() || rest != end || id == 0) {
    return InvalidArgument(fmt::format("'{}' is not the id of a {}: 'flexai ps' shows the ids", text, what));
  }
  return id;
}

Result<node::VxpuChange> ParseResizeOptions(const ResizeOptions& options) {
  node::VxpuRequest fields;
  FLEXAI_RETURN_IF_ERROR(SetVxpuFields({{"share", options.share},
                                        {"limit", options.limit},
                                        {"memory", options.memory},
                                        {"priority", options.priority}},
                                       &fields));
  const node::VxpuChange change{fields.request, fields.limit, fields.priority, fields.memory};
  if (change.empty()) {
    return InvalidArgument("nothing to change: give --share, --limit, --memory or --priority");
  }
  return change;
}

int Resize(const Context& context, const ResizeOptions& options) {
  const Result<uint64_t> id = ParseId(options.id, "vXPU");
  const Result<node::VxpuChange> change = ParseResizeOptions(options);
  if (!id.ok() || !change.ok()) {
    return Report(context, id.ok() ? change.status() : id.status(), kExitUsage);
  }
  Result<ApiClient> client = FindDaemon(context.environment);
  if (!client.ok()) {
    return Report(context, client.status());
  }
  const json body = ToJson(*change);
  const Result<json> answer = client->Json("PATCH", fmt::format("/v1/vxpus/{}", *id), &body);
  if (!answer.ok()) {
    return Report(context, answer.status());
  }
  if (context.json) {
    PrintJson(context, *answer);
    return 0;
  }
  const Result<node::Vxpu> vxpu = node::ParseVxpu(*answer);
  if (!vxpu.ok()) {
    return Report(context, vxpu.status());
  }
  context.out << fmt::format("vXPU {}: {} guaranteed, limit {}, {} of memory, priority {}\n", vxpu->id,
                             FormatPermille(vxpu->request), FormatPermille(vxpu->limit),
                             FormatBytes(vxpu->memory), share::PriorityName(vxpu->priority));
  return 0;
}

int Stop(const Context& context, const StopOptions& options) {
  if (options.ids.empty() == !options.all) {
    return Report(context,
                  InvalidArgument("say what to stop: ids of vXPUs, --session with ids of sessions, or --all"),
                  kExitUsage);
  }
  std::vector<uint64_t> ids;
  for (const std::string& text : options.ids) {
    const Result<uint64_t> id = ParseId(text, options.sessions ? "session" : "vXPU");
    if (!id.ok()) {
      return Report(context, id.status(), kExitUsage);
    }
    ids.push_back(*id);
  }
  Result<ApiClient> client = FindDaemon(context.environment);
  if (!client.ok()) {
    return Report(context, client.status());
  }
  if (options.all) {
    const Result<json> answer = client->Json("GET", "/v1/vxpus");
    if (!answer.ok()) {
      return Report(context, answer.status());
    }
    for (const json& report : answer->value("vxpus", json::array())) {
      const Result<node::Vxpu> vxpu = node::ParseVxpu(report);
      if (vxpu.ok() && vxpu->owner_uid == context.environment.uid) {
        ids.push_back(vxpu->id);
      }
    }
  }
  json stopped = json::array();
  int exit = 0;
  for (const uint64_t id : ids) {
    const Result<json> answer =
        client->Json("DELETE", fmt::format("/v1/{}/{}", options.sessions ? "sessions" : "vxpus", id));
    if (answer.ok()) {
      stopped.push_back(id);
    } else {
      exit = Report(context, answer.status());
    }
  }
  if (context.json) {
    PrintJson(context, {{"stopped", stopped}});
  }
  return exit;
}

int ShowLogs(const Context& context, const LogsOptions& options) {
  Result<ApiClient> client = FindDaemon(context.environment);
  if (!client.ok()) {
    return Report(context, client.status());
  }
  if (options.id.empty()) {
    return ShowDaemonLog(context, *client);
  }
  const Result<uint64_t> id = ParseId(options.id, options.session ? "session" : "vXPU");
  if (!id.ok()) {
    return Report(context, id.status(), kExitUsage);
  }
  std::map<uint64_t, uint64_t> offsets;
  json logs = json::object();
  for (;;) {
    bool live = false;
    const Result<std::vector<uint64_t>> sessions = SessionsOf(*client, *id, options.session, &live);
    if (!sessions.ok()) {
      return Report(context, sessions.status());
    }
    for (const uint64_t session : *sessions) {
      const Result<std::string> text =
          client->Text("GET", fmt::format("/v1/sessions/{}/log?offset={}", session, offsets[session]));
      if (!text.ok()) {
        return Report(context, text.status());
      }
      offsets[session] += text->size();
      if (context.json) {
        logs[std::to_string(session)] = *text;
      } else {
        context.out << *text << std::flush;
      }
    }
    if (!options.follow || !live || context.json) {
      break;
    }
    std::this_thread::sleep_for(kFollowInterval);
  }
  if (context.json) {
    PrintJson(context, {{"logs", logs}});
  }
  return 0;
}

int ShowVersion(const Context& context) {
  json daemon = nullptr;
  if (Result<ApiClient> client = FindDaemon(context.environment); client.ok()) {
    if (const Result<json> health = client->Json("GET", "/v1/health"); health.ok()) {
      daemon = {{"version", health->value("version", "")}, {"protocol", health->value("protocol", "")}};
    }
  }
  if (context.json) {
    PrintJson(context, {{"flexai", context.version}, {"flexaid", daemon}});
    return 0;
  }
  context.out << "flexai  " << context.version << "\n";
  context.out << "flexaid "
              << (daemon.is_null() ? std::string("(not running)")
                                   : fmt::format("{} (protocol {})", daemon["version"].get<std::string>(),
                                                 daemon["protocol"].get<std::string>()))
              << "\n";
  return 0;
}

}  // namespace flexai::cli
