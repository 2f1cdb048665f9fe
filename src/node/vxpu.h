// A vXPU as people ask for it and as flexaid reports it, with the JSON of each (docs/formats/api.md).
//
// Thread safety: values.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/units.h"
#include "share/vxpu_spec.h"

namespace flexai::node {

using share::Priority;

// What a caller asks for. Absent values take the daemon's defaults.
struct VxpuRequest {
  std::string name;                  // for people; at most 63 printable characters
  std::string device;                // selector; empty: any device
  std::optional<Permille> request;   // guaranteed share
  std::optional<Permille> limit;     // most it may take; default: the whole device
  std::optional<Priority> priority;  // default: normal
  std::optional<Bytes> memory;       // quota; default: the same part of the memory as of the device
  bool tied = false;                 // ends with the process that asks
  std::string key;                   // of the caller's own; the same again gives the vXPU that there is
};

// Changes to a live vXPU; absent values stay.
struct VxpuChange {
  std::optional<Permille> request, limit;
  std::optional<Priority> priority;
  std::optional<Bytes> memory;

  bool empty() const { return !request && !limit && !priority && !memory; }
};

// One vXPU as it is, with its account.
struct Vxpu {
  uint64_t id = 0;
  std::string name;
  std::string device;
  std::string key;  // as requested; may be empty
  uint32_t owner_uid = 0;
  Permille request, limit;
  Priority priority = Priority::kNormal;
  Bytes memory;      // quota
  Bytes resident;    // of it, in use now
  Nanos used;        // device time so far
  Nanos queue_wait;  // time its sessions waited for a turn so far
  uint32_t sessions = 0;
};

// One session as it is, or was (`ended`), with its account.
struct Session {
  uint64_t id = 0;
  std::string device;
  std::vector<uint64_t> vxpus;
  int32_t pid = 0, executor_pid = 0;
  std::string command;
  uint32_t uid = 0;
  Nanos started;  // monotonic clock
  Bytes resident;
  Nanos used;
  std::string log;  // path of the executor's log
  bool ended = false;
};

// The fields of a request in one JSON object: unknown keys, wrong types and values out of range fail with one
// sentence that names the key.
Result<VxpuRequest> ParseVxpuRequest(std::string_view json);
Result<VxpuChange> ParseVxpuChange(std::string_view json);
nlohmann::json ToJson(const VxpuRequest& request);
nlohmann::json ToJson(const VxpuChange& change);

nlohmann::json ToJson(const Vxpu& vxpu);
nlohmann::json ToJson(const Session& session);
// Reads what ToJson wrote, or what a keeper reports, which uses the same names. Missing accounts are 0.
// kInternal if a field that must be there is not.
Result<Vxpu> ParseVxpu(const nlohmann::json& json);
Result<Session> ParseSession(const nlohmann::json& json);

}  // namespace flexai::node
