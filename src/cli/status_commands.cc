#include "cli/status_commands.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <utility>

#include "cli/api_client.h"
#include "os/user.h"

namespace flexai::cli {
namespace {

using nlohmann::json;

// The clock that the daemon's started_ns counts on is the machine's.
std::string Age(const json& now, const json& then) {
  const int64_t seconds = (now.get<int64_t>() - then.get<int64_t>()) / 1'000'000'000;
  if (seconds < 60) {
    return fmt::format("{}s", std::max<int64_t>(seconds, 0));
  }
  return seconds < 3600 ? fmt::format("{}m{:02}s", seconds / 60, seconds % 60)
                        : fmt::format("{}h{:02}m", seconds / 3600, seconds / 60 % 60);
}

std::string Size(const json& bytes) { return FormatBytes(Bytes{bytes.get<uint64_t>()}); }
std::string Share(const json& permille) { return FormatPermille(Permille{permille.get<uint32_t>()}); }
std::string User(const json& uid) { return os::UserName(uid.get<uint32_t>()); }
std::string Text(const json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }
std::string Percent(const json& ratio) {
  return ratio.is_number() ? fmt::format("{:.1f} %", 100 * ratio.get<double>()) : "-";
}

std::string JoinIds(const json& ids) {
  std::string text;
  for (const json& id : ids) {
    text += (text.empty() ? "" : ",") + id.dump();
  }
  return text;
}

// An answer whose fields are not what this release expects (another release of flexaid) throws inside
// nlohmann-json; it becomes one sentence here.
template <typename Body>
int Guarded(const Context& context, Body body) {
  try {
    return body();
  } catch (const json::exception& error) {
    return Report(
        context, Internal(fmt::format("flexaid answered something unexpected ({}): is it of another release? "
                                      "'flexai version' shows both",
                                      error.what())));
  }
}

std::string FormatVxpus(const json& vxpus) {
  std::vector<std::vector<std::string>> rows{
      {"VXPU", "NAME", "DEVICE", "OWNER", "SHARE", "LIMIT", "PRIORITY", "QUOTA", "USED", "SESSIONS"}};
  for (const json& vxpu : vxpus) {
    rows.push_back(
        {Text(vxpu.at("id")), Text(vxpu.at("name")), Text(vxpu.at("device")), User(vxpu.at("owner_uid")),
         Share(vxpu.at("request_permille")), Share(vxpu.at("limit_permille")), Text(vxpu.at("priority")),
         Size(vxpu.at("memory_bytes")), Size(vxpu.at("resident_bytes")), Text(vxpu.at("sessions"))});
  }
  return FormatTable(rows);
}

std::string FormatSessions(const json& answer, bool ended) {
  std::vector<std::vector<std::string>> rows{
      {"SESSION", "PID", "COMMAND", "USER", "VXPU", "DEVICE", "MEMORY", "BUSY", "AGE", "EXECUTOR"}};
  for (const char* list : {"sessions", "ended"}) {
    if (list == std::string_view("ended") && !ended) {
      continue;
    }
    for (const json& session : answer.at(list)) {
      rows.push_back({Text(session.at("session")), Text(session.at("pid")), Text(session.at("command")),
                      User(session.at("uid")), JoinIds(session.at("vxpus")), Text(session.at("device")),
                      Size(session.at("memory_bytes")),
                      FormatNanos(Nanos{session.at("used_ns").get<int64_t>()}),
                      Age(answer.at("now_ns"), session.at("started_ns")),
                      session.at("ended").get<bool>() ? "ended" : Text(session.at("executor_pid"))});
    }
  }
  return rows.size() > 1 ? FormatTable(rows) : "";
}

std::string FormatDevices(const json& answer) {
  std::vector<std::vector<std::string>> rows{
      {"DEVICE", "TYPE", "NAME", "UNITS", "MEMORY", "FREE", "FREE SHARE", "VXPUS", "SESSIONS", "STATE"}};
  for (const json& device : answer.at("devices")) {
    rows.push_back({Text(device.at("id")), Text(device.at("type")), Text(device.at("name")),
                    Text(device.at("compute_units")), Size(device.at("memory_bytes")),
                    Size(device.at("free_memory_bytes")), Share(device.at("free_permille")),
                    Text(device.at("vxpus")), Text(device.at("sessions")), Text(device.at("state"))});
  }
  std::string text = FormatTable(rows);
  for (const json& device : answer.at("devices")) {
    if (const std::string message = device.at("message").get<std::string>(); !message.empty()) {
      text += fmt::format("{}: {}\n", Text(device.at("id")), message);
    }
  }
  return text;
}

// Change of `key` from `before` to `now` (both objects with that key) over `elapsed`, as a ratio; null if
// unknown.
json Rate(const json* before, const json& now, const char* key, int64_t elapsed) {
  if (before == nullptr || elapsed <= 0) {
    return nullptr;
  }
  const int64_t change = now.at(key).get<int64_t>() - before->at(key).get<int64_t>();
  return static_cast<double>(std::max<int64_t>(change, 0)) / static_cast<double>(elapsed);
}

const json* FindById(const json& list, const json& id) {
  const auto found =
      std::find_if(list.begin(), list.end(), [&id](const json& entry) { return entry.at("id") == id; });
  return found == list.end() ? nullptr : &*found;
}

struct Sample {
  json devices, vxpus;
};

Result<Sample> TakeSample(ApiClient& client) {
  Sample sample;
  FLEXAI_ASSIGN_OR_RETURN(const json devices, client.Json("GET", "/v1/devices"));
  FLEXAI_ASSIGN_OR_RETURN(const json vxpus, client.Json("GET", "/v1/vxpus"));
  return Sample{devices.value("devices", json::array()), vxpus.value("vxpus", json::array())};
}

}  // namespace

int ShowDevices(const Context& context) {
  return Guarded(context, [&context]() -> int {
    Result<ApiClient> client = FindOrStartDaemon(context.environment);
    if (!client.ok()) {
      return Report(context, client.status());
    }
    const Result<json> answer = client->Json("GET", "/v1/devices");
    if (!answer.ok()) {
      return Report(context, answer.status());
    }
    if (context.json) {
      PrintJson(context, *answer);
    } else if (!answer->at("devices").empty()) {
      context.out << FormatDevices(*answer);
    }
    for (const json& error : answer->at("errors")) {
      context.err << "flexai: " << Text(error) << "\n";
    }
    if (answer->at("devices").empty()) {
      return Report(context,
                    NotFound("this machine has no OpenCL device: 'flexai doctor' says what is missing"));
    }
    return 0;
  });
}

int ShowVxpus(const Context& context, const PsOptions& options) {
  return Guarded(context, [&]() -> int {
    Result<ApiClient> client = FindDaemon(context.environment);
    if (!client.ok()) {
      return Report(context, client.status());
    }
    const Result<json> vxpus = client->Json("GET", "/v1/vxpus");
    const Result<json> sessions = client->Json("GET", "/v1/sessions");
    if (!vxpus.ok() || !sessions.ok()) {
      return Report(context, vxpus.ok() ? sessions.status() : vxpus.status());
    }
    if (options.quiet) {
      for (const json& vxpu : vxpus->at("vxpus")) {
        context.out << vxpu.at("id") << "\n";
      }
      return 0;
    }
    if (context.json) {
      json both = {{"now_ns", sessions->at("now_ns")},
                   {"vxpus", vxpus->at("vxpus")},
                   {"sessions", sessions->at("sessions")}};
      if (options.ended) {
        both["ended"] = sessions->at("ended");
      }
      PrintJson(context, both);
      return 0;
    }
    context.out << FormatVxpus(vxpus->at("vxpus"));
    if (const std::string table = FormatSessions(*sessions, options.ended); !table.empty()) {
      context.out << "\n" << table;
    }
    return 0;
  });
}

json TopFigures(const json& devices_before, const json& vxpus_before, const json& devices_now,
                const json& vxpus_now) {
  json devices = json::array();
  std::map<std::string, int64_t> elapsed;
  for (const json& device : devices_now) {
    const json* before = FindById(devices_before, device.at("id"));
    const int64_t passed =
        before == nullptr ? 0 : device.at("now_ns").get<int64_t>() - before->at("now_ns").get<int64_t>();
    elapsed[device.at("id").get<std::string>()] = passed;
    devices.push_back({{"id", device.at("id")},
                       {"busy_ratio", Rate(before, device, "busy_ns", passed)},
                       {"memory_bytes", device.at("memory_bytes")},
                       {"free_memory_bytes", device.at("free_memory_bytes")},
                       {"vxpus", device.at("vxpus")},
                       {"sessions", device.at("sessions")}});
  }
  json vxpus = json::array();
  for (const json& vxpu : vxpus_now) {
    const json* before = FindById(vxpus_before, vxpu.at("id"));
    const int64_t passed = elapsed[vxpu.at("device").get<std::string>()];
    vxpus.push_back({{"id", vxpu.at("id")},
                     {"name", vxpu.at("name")},
                     {"device", vxpu.at("device")},
                     {"owner_uid", vxpu.at("owner_uid")},
                     {"request_permille", vxpu.at("request_permille")},
                     {"limit_permille", vxpu.at("limit_permille")},
                     {"priority", vxpu.at("priority")},
                     {"busy_ratio", Rate(before, vxpu, "used_ns", passed)},
                     {"queue_wait_ratio", Rate(before, vxpu, "queue_wait_ns", passed)},
                     {"memory_bytes", vxpu.at("memory_bytes")},
                     {"resident_bytes", vxpu.at("resident_bytes")},
                     {"sessions", vxpu.at("sessions")}});
  }
  return {{"devices", devices}, {"vxpus", vxpus}};
}

std::string FormatTop(const json& figures) {
  std::vector<std::vector<std::string>> devices{{"DEVICE", "BUSY", "MEMORY", "FREE", "VXPUS", "SESSIONS"}};
  for (const json& device : figures.at("devices")) {
    devices.push_back({Text(device.at("id")), Percent(device.at("busy_ratio")),
                       Size(device.at("memory_bytes")), Size(device.at("free_memory_bytes")),
                       Text(device.at("vxpus")), Text(device.at("sessions"))});
  }
  std::vector<std::vector<std::string>> vxpus{{"VXPU", "NAME", "DEVICE", "OWNER", "SHARE", "LIMIT",
                                               "PRIORITY", "BUSY", "WAIT", "USED", "QUOTA", "SESSIONS"}};
  for (const json& vxpu : figures.at("vxpus")) {
    vxpus.push_back(
        {Text(vxpu.at("id")), Text(vxpu.at("name")), Text(vxpu.at("device")), User(vxpu.at("owner_uid")),
         Share(vxpu.at("request_permille")), Share(vxpu.at("limit_permille")), Text(vxpu.at("priority")),
         Percent(vxpu.at("busy_ratio")), Percent(vxpu.at("queue_wait_ratio")),
         Size(vxpu.at("resident_bytes")), Size(vxpu.at("memory_bytes")), Text(vxpu.at("sessions"))});
  }
  return FormatTable(devices) + "\n" + FormatTable(vxpus);
}

int Top(const Context& context, const TopOptions& options) {
  return Guarded(context, [&]() -> int {
    Result<ApiClient> client = FindDaemon(context.environment);
    if (!client.ok()) {
      return Report(context, client.status());
    }
    Result<Sample> before = TakeSample(*client);
    const int64_t rounds = options.once ? 1 : options.rounds;
    for (int64_t round = 0; before.ok() && (rounds < 0 || round < rounds); ++round) {
      std::this_thread::sleep_for(std::chrono::nanoseconds(options.interval.value));
      if (Result<ApiClient> again = ApiClient::Connect(client->paths()); again.ok()) {
        client = std::move(again);  // the daemon drops idle connections
      }
      Result<Sample> now = TakeSample(*client);
      if (now.ok()) {
        const json figures = TopFigures(before->devices, before->vxpus, now->devices, now->vxpus);
        if (context.json) {
          context.out << figures.dump() << "\n";
        } else {
          // Home and clear, so that the screen is written over; a pipe gets one block after the other.
          context.out << (context.terminal && rounds != 1 ? "\x1b[H\x1b[J"
                          : round > 0                     ? "\n"
                                                          : "")
                      << FormatTop(figures);
        }
        context.out.flush();
      }
      before = std::move(now);
    }
    return Report(context, before.status());
  });
}

}  // namespace flexai::cli
