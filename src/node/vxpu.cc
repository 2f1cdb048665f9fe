#include "node/vxpu.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace flexai::node {
namespace {

using nlohmann::json;

using share::ParsePriority;
using share::PriorityName;

constexpr size_t kMaxName = 63;

// One JSON object of a request being read into a struct. Remembers the first fault; later calls then do
// nothing.
class ObjectReader {
 public:
  explicit ObjectReader(std::string_view text)
      : object_(json::parse(text, nullptr, /*allow_exceptions=*/false)) {
    if (!object_.is_object()) {
      status_ = InvalidArgument("the request's body is not a JSON object");
    }
  }

  void Share(const char* key, uint64_t low, std::optional<Permille>* to) {
    if (const auto value = Number(key, low, 1000, "a share in permille")) {
      *to = Permille{static_cast<uint32_t>(*value)};
    }
  }
  void Memory(const char* key, std::optional<Bytes>* to) {
    if (const auto value = Number(key, 1, INT64_MAX, "a number of bytes")) {
      *to = Bytes{*value};
    }
  }
  void PriorityValue(const char* key, std::optional<Priority>* to) {
    std::string text;
    Text(key, &text);
    if (!status_.ok() || text.empty()) {
      return;
    }
    auto priority = ParsePriority(text);
    if (priority.ok()) {
      *to = *priority;
    } else {
      status_ = priority.status();
    }
  }
  void Text(const char* key, std::string* to) {
    const json* value = Take(key);
    if (value == nullptr) {
      return;
    }
    if (!value->is_string()) {
      status_ = InvalidArgument(fmt::format("'{}' must be a text", key));
      return;
    }
    *to = value->get<std::string>();
    const bool printable =
        std::all_of(to->begin(), to->end(), [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
    if (to->size() > kMaxName || !printable) {
      status_ = InvalidArgument(fmt::format("'{}' must be at most {} printable characters", key, kMaxName));
    }
  }
  void Bool(const char* key, bool* to) {
    const json* value = Take(key);
    if (value == nullptr) {
      return;
    }
    if (!value->is_boolean()) {
      status_ = InvalidArgument(fmt::format("'{}' must be true or false", key));
      return;
    }
    *to = value->get<bool>();
  }

  Status Finish() {
    if (!status_.ok()) {
      return status_;
    }
    for (const auto& [key, value] : object_.items()) {
      if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
        return InvalidArgument(fmt::format("'{}' is not a field of this request: the fields are {}", key,
                                           fmt::join(known_, ", ")));
      }
    }
    return {};
  }

 private:
  const json* Take(const char* key) {
    known_.emplace_back(key);
    if (!status_.ok()) {
      return nullptr;
    }
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  std::optional<uint64_t> Number(const char* key, uint64_t low, uint64_t high, std::string_view what) {
    const json* value = Take(key);
    if (value == nullptr) {
      return std::nullopt;
    }
    if (!value->is_number_unsigned() || value->get<uint64_t>() < low || value->get<uint64_t>() > high) {
      status_ = InvalidArgument(fmt::format("'{}' must be {} from {} to {}", key, what, low, high));
      return std::nullopt;
    }
    return value->get<uint64_t>();
  }

  json object_;
  std::vector<std::string> known_;
  Status status_;
};

}  // namespace

Result<VxpuRequest> ParseVxpuRequest(std::string_view text) {
  VxpuRequest request;
  ObjectReader reader(text);
  reader.Text("name", &request.name);
  reader.Text("device", &request.device);
  reader.Share("request_permille", 1, &request.request);
  reader.Share("limit_permille", 1, &request.limit);
  reader.PriorityValue("priority", &request.priority);
  reader.Memory("memory_bytes", &request.memory);
  reader.Bool("tied", &request.tied);
  reader.Text("key", &request.key);
  FLEXAI_RETURN_IF_ERROR(reader.Finish());
  return request;
}

Result<VxpuChange> ParseVxpuChange(std::string_view text) {
  VxpuChange change;
  ObjectReader reader(text);
  reader.Share("request_permille", 1, &change.request);
  reader.Share("limit_permille", 1, &change.limit);
  reader.PriorityValue("priority", &change.priority);
  reader.Memory("memory_bytes", &change.memory);
  FLEXAI_RETURN_IF_ERROR(reader.Finish());
  if (change.empty()) {
    return InvalidArgument(
        "nothing to change: give one of request_permille, limit_permille, priority, memory_bytes");
  }
  return change;
}

json ToJson(const VxpuChange& change) {
  json object = json::object();
  if (change.request) {
    object["request_permille"] = change.request->value;
  }
  if (change.limit) {
    object["limit_permille"] = change.limit->value;
  }
  if (change.priority) {
    object["priority"] = PriorityName(*change.priority);
  }
  if (change.memory) {
    object["memory_bytes"] = change.memory->value;
  }
  return object;
}

json ToJson(const VxpuRequest& request) {
  json object = ToJson(VxpuChange{request.request, request.limit, request.priority, request.memory});
  if (!request.name.empty()) {
    object["name"] = request.name;
  }
  if (!request.device.empty()) {
    object["device"] = request.device;
  }
  if (request.tied) {
    object["tied"] = true;
  }
  if (!request.key.empty()) {
    object["key"] = request.key;
  }
  return object;
}

json ToJson(const Vxpu& vxpu) {
  return {{"id", vxpu.id},
          {"name", vxpu.name},
          {"device", vxpu.device},
          {"owner_uid", vxpu.owner_uid},
          {"request_permille", vxpu.request.value},
          {"limit_permille", vxpu.limit.value},
          {"priority", PriorityName(vxpu.priority)},
          {"memory_bytes", vxpu.memory.value},
          {"resident_bytes", vxpu.resident.value},
          {"used_ns", vxpu.used.value},
          {"queue_wait_ns", vxpu.queue_wait.value},
          {"sessions", vxpu.sessions}};
}

json ToJson(const Session& session) {
  return {{"session", session.id},
          {"device", session.device},
          {"vxpus", session.vxpus},
          {"pid", session.pid},
          {"command", session.command},
          {"executor_pid", session.executor_pid},
          {"uid", session.uid},
          {"started_ns", session.started.value},
          {"used_ns", session.used.value},
          {"memory_bytes", session.resident.value},
          {"log", session.log},
          {"ended", session.ended}};
}

Result<Vxpu> ParseVxpu(const json& object) {
  try {  // nlohmann-json reports a missing key or a wrong type by exceptions; they end here
    Vxpu vxpu;
    vxpu.id = object.at("id").get<uint64_t>();
    vxpu.name = object.value("name", "");
    vxpu.device = object.value("device", "");
    vxpu.key = object.value("key", "");
    vxpu.owner_uid = object.at("owner_uid").get<uint32_t>();
    vxpu.request = {object.at("request_permille").get<uint32_t>()};
    vxpu.limit = {object.at("limit_permille").get<uint32_t>()};
    FLEXAI_ASSIGN_OR_RETURN(vxpu.priority, ParsePriority(object.at("priority").get<std::string>()));
    vxpu.memory = {object.at("memory_bytes").get<uint64_t>()};
    vxpu.resident = {object.value("resident_bytes", uint64_t{0})};
    vxpu.used = {object.value("used_ns", int64_t{0})};
    vxpu.queue_wait = {object.value("queue_wait_ns", int64_t{0})};
    vxpu.sessions = object.value("sessions", 0u);
    return vxpu;
  } catch (const json::exception& error) {
    return Internal(fmt::format("a vXPU's report is malformed: {}", error.what()));
  }
}

Result<Session> ParseSession(const json& object) {
  try {  // as above
    Session session;
    session.id = object.at("session").get<uint64_t>();
    session.device = object.value("device", "");
    session.vxpus = object.value("vxpus", std::vector<uint64_t>{});
    session.pid = object.value("pid", 0);
    session.executor_pid = object.value("executor_pid", 0);
    session.command = object.value("command", "");
    session.uid = object.at("uid").get<uint32_t>();
    session.started = {object.value("started_ns", int64_t{0})};
    session.resident = {object.value("memory_bytes", uint64_t{0})};
    session.used = {object.value("used_ns", int64_t{0})};
    session.log = object.value("log", "");
    session.ended = object.value("ended", false);
    return session;
  } catch (const json::exception& error) {
    return Internal(fmt::format("a session's report is malformed: {}", error.what()));
  }
}

}  // namespace flexai::node
