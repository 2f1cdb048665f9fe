#include "share/executor_start.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace flexai::share {

using nlohmann::json;

std::string EncodeStart(const ExecutorStart& start) {
  json vxpus = json::array();
  for (const ExecutorStart::Vxpu& vxpu : start.vxpus) {
    vxpus.push_back({{"id", vxpu.id}, {"quota_bytes", vxpu.quota.value}});
  }
  return json{{"op", "start"},
              {"session", start.session},
              {"platform", start.platform},
              {"device_index", start.device_index},
              {"vxpus", vxpus},
              {"geometry",
               {{"ring_bytes", start.ring_bytes},
                {"reply_slots", start.reply_slots},
                {"status_slots", start.status_slots},
                {"arena_bytes", start.arena_bytes}}},
              {"arena_base", start.arena_base}}
      .dump();
}

Result<ExecutorStart> DecodeStart(std::string_view text) {
  ExecutorStart start;
  try {  // nlohmann-json reports errors by exceptions; they end here
    const json object = ParseJson(text);
    if (object.at("op").get<std::string>() != "start") {
      return InvalidArgument("an executor waits for \"start\" only");
    }
    start.session = object.at("session").get<uint64_t>();
    start.platform = object.at("platform").get<uint32_t>();
    start.device_index = object.at("device_index").get<uint32_t>();
    for (const json& vxpu : object.at("vxpus")) {
      start.vxpus.push_back({vxpu.at("id").get<uint64_t>(), {vxpu.at("quota_bytes").get<uint64_t>()}});
    }
    const json& geometry = object.at("geometry");
    start.ring_bytes = geometry.at("ring_bytes").get<uint32_t>();
    start.reply_slots = geometry.at("reply_slots").get<uint32_t>();
    start.status_slots = geometry.at("status_slots").get<uint32_t>();
    start.arena_bytes = geometry.at("arena_bytes").get<uint64_t>();
    start.arena_base = object.at("arena_base").get<uint64_t>();
  } catch (const json::exception& error) {
    return InvalidArgument(fmt::format("the start message is malformed: {}", error.what()));
  }
  return start;
}

std::string ReadyMessage() { return json{{"ready", true}}.dump(); }

std::string FailedMessage(std::string_view reason) {
  return json{{"ready", false}, {"message", reason}}.dump(-1, ' ', false, json::error_handler_t::replace);
}

Status DecodeReady(std::string_view text) {
  try {
    const json object = ParseJson(text);
    if (object.at("ready").get<bool>()) {
      return {};
    }
    return FailedPrecondition(object.value("message", "the executor did not say why"));
  } catch (const json::exception& error) {
    return Internal(fmt::format("the executor's first message is malformed: {}", error.what()));
  }
}

std::string EncodeSandbox(const os::SandboxOptions& options) {
  json object = {{"writable", options.writable}, {"die_with_parent", options.die_with_parent}};
  if (options.uid) {
    object["uid"] = *options.uid;
    object["gid"] = options.gid;
    object["groups"] = options.groups;
  }
  return object.dump();
}

Result<os::SandboxOptions> DecodeSandbox(std::string_view text) {
  os::SandboxOptions options;
  try {
    const json object = ParseJson(text);
    if (object.contains("uid")) {
      options.uid = object.at("uid").get<uid_t>();
      options.gid = object.at("gid").get<gid_t>();
      options.groups = object.at("groups").get<std::vector<gid_t>>();
    }
    options.writable = object.at("writable").get<std::vector<std::string>>();
    options.die_with_parent = object.at("die_with_parent").get<bool>();
  } catch (const json::exception& error) {
    return InvalidArgument(fmt::format("the sandbox's description is malformed: {}", error.what()));
  }
  return options;
}

}  // namespace flexai::share
