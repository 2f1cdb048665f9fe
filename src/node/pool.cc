#include "node/pool.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace flexai::node {
namespace {

using nlohmann::json;

}  // namespace

DeviceRoom DeviceState::room() const {
  DeviceRoom room{device.id, kWholeDevice, memory, free_memory, static_cast<uint32_t>(vxpus.size())};
  for (const auto& [id, vxpu] : vxpus) {
    room.free_share.value -= std::min(room.free_share.value, vxpu.request.value);
  }
  return room;
}

Pool::Pool(os::EventLoop& loop, telemetry::Log& log, telemetry::MetricRegistry& metrics, IdSource& ids,
           PoolOptions options)
    : loop_(loop),
      log_(log),
      metrics_(metrics),
      ids_(ids),
      options_(std::move(options)),
      logs_(options_.paths.log_directory(), kEndedKept) {}

Pool::~Pool() {
  for (const auto& [id, entry] : entries_) {
    loop_.Cancel(entry->restart_timer);
  }
  for (const auto& [id, owner] : owners_) {
    loop_.Unwatch(owner.get());
  }
  for (const auto& [id, executor] : executors_) {
    loop_.Unwatch(executor.get());
  }
}

Status Pool::MayUse(const Caller& caller, uint32_t owner_uid, std::string_view what) const {
  if (caller.uid == 0 || caller.uid == owner_uid || caller.uid == options_.uid) {
    return {};
  }
  return PermissionDenied(
      fmt::format("{} belongs to another user: only its owner and root may do this", what));
}

const Pool::Entry* Pool::EntryOfVxpu(uint64_t id) const {
  for (const auto& [device, entry] : entries_) {
    if (entry->state.vxpus.contains(id)) {
      return entry.get();
    }
  }
  return nullptr;
}

Pool::Entry* Pool::EntryOfVxpu(uint64_t id) {
  return const_cast<Entry*>(std::as_const(*this).EntryOfVxpu(id));
}

Result<std::vector<DeviceRoom>> Pool::Rooms(const VxpuRequest& request) const {
  FLEXAI_ASSIGN_OR_RETURN(const std::vector<const Device*> selected,
                          SelectDevices(inventory_, request.device));
  std::vector<DeviceRoom> rooms;
  std::string problems;
  for (const Device* device : selected) {
    if (device->problem.empty()) {
      rooms.push_back(entries_.at(device->id)->state.room());
    } else {
      problems += fmt::format("{}device {} cannot be used: {}", problems.empty() ? "" : "; ", device->id,
                              device->problem);
    }
  }
  if (rooms.empty()) {
    return Unavailable(problems);
  }
  return rooms;
}

const Vxpu* Pool::FindByKey(const std::string& key, uint32_t owner_uid) const {
  for (const auto& [id, entry] : entries_) {
    for (const auto& [number, vxpu] : entry->state.vxpus) {
      if (!key.empty() && vxpu.key == key && vxpu.owner_uid == owner_uid) {
        return &vxpu;
      }
    }
  }
  return nullptr;
}

void Pool::Create(const VxpuRequest& request, const Caller& caller, os::UniqueFd owner,
                  std::function<void(Result<Vxpu>)> done) {
  if (const Vxpu* made = FindByKey(request.key, caller.uid); made != nullptr) {
    return done(*made);  // asked for again by somebody who never got the answer
  }
  size_t mine = 0;
  for (const auto& [id, entry] : entries_) {
    mine += std::count_if(entry->state.vxpus.begin(), entry->state.vxpus.end(),
                          [&caller](const auto& known) { return known.second.owner_uid == caller.uid; });
  }
  if (mine >= options_.config.max_vxpus_per_user) {
    return done(ResourceExhausted(fmt::format(
        "you have {} vXPUs, the most a user may have here: stop one, or raise max_vxpus_per_user", mine)));
  }
  const Result<std::vector<DeviceRoom>> rooms = Rooms(request);
  if (!rooms.ok()) {
    return done(rooms.status());
  }
  const Result<Allotment> allotment = Admit(*rooms, request, options_.config.default_share);
  if (!allotment.ok()) {
    return done(allotment.status());
  }
  const Result<uint64_t> id = ids_.NextVxpu();
  if (!id.ok()) {
    return done(id.status());
  }
  Vxpu vxpu;
  vxpu.id = *id;
  vxpu.name = request.name;
  vxpu.key = request.key;
  vxpu.device = allotment->device;
  vxpu.owner_uid = caller.uid;
  vxpu.request = allotment->request;
  vxpu.limit = allotment->limit;
  vxpu.priority = allotment->priority;
  vxpu.memory = allotment->memory;
  Entry& entry = *entries_.at(vxpu.device);
  if (request.tied) {
    WatchOwner(vxpu.id, std::move(owner));
  } else {
    untied_.insert(vxpu.id);
  }
  EnsureAndCreate(entry, vxpu, kCreateAttempts, std::move(done));
}

// A keeper that ends in the middle takes what it was asked for with it, so the next one can be asked.
void Pool::EnsureAndCreate(Entry& entry, const Vxpu& vxpu, int attempts,
                           std::function<void(Result<Vxpu>)> done) {
  entry.keeper->Ensure([this, &entry, vxpu, attempts, done = std::move(done)](const Status& status) {
    if (!status.ok()) {
      entry.state.problem = status;
      ForgetOwner(vxpu.id);
      return done(status);
    }
    SendCreate(entry, vxpu, [this, &entry, vxpu, attempts, done](const Result<Vxpu>& made) {
      if (!made.ok() && made.status().code() == Code::kUnavailable && attempts > 1 && !shutting_down_) {
        loop_.After(kCreateDelay, [this, &entry, vxpu, attempts, done] {
          EnsureAndCreate(entry, vxpu, attempts - 1, done);
        });
        return;
      }
      if (!made.ok()) {
        ForgetOwner(vxpu.id);
      }
      done(made);
    });
  });
}

// Whether the process that a vXPU is tied to, if any, still lives.
bool Pool::IsWanted(uint64_t id) const { return owners_.contains(id) || untied_.contains(id); }

void Pool::SendCreate(Entry& entry, Vxpu vxpu, std::function<void(Result<Vxpu>)> done) {
  const Status unwanted = FailedPrecondition("the process that asked for the vXPU has ended");
  if (!IsWanted(vxpu.id)) {
    return done(unwanted);
  }
  json request = {{"op", "create_vxpu"},
                  {"id", vxpu.id},
                  {"name", vxpu.name},
                  {"key", vxpu.key},
                  {"owner_uid", vxpu.owner_uid},
                  {"request_permille", vxpu.request.value},
                  {"limit_permille", vxpu.limit.value},
                  {"priority", share::PriorityName(vxpu.priority)},
                  {"memory_bytes", vxpu.memory.value}};
  std::vector<int> fds;
  if (const auto owner = owners_.find(vxpu.id); owner != owners_.end()) {
    fds.push_back(owner->second.get());
  }
  entry.keeper->Request(std::move(request), std::move(fds), kRequestTimeout,
                        [this, &entry, unwanted, vxpu = std::move(vxpu),
                         done = std::move(done)](const Result<KeeperReply>& reply) {
                          if (!reply.ok()) {
                            return done(reply.status());
                          }
                          if (!IsWanted(vxpu.id)) {
                            return done(unwanted);  // the keeper saw the end too, and removes it
                          }
                          entry.restarts = 0;
                          entry.state.vxpus[vxpu.id] = vxpu;
                          log_.Info("vXPU {} '{}' of uid {} on {}: {} guaranteed, limit {}, {} of memory",
                                    vxpu.id, vxpu.name, vxpu.owner_uid, vxpu.device,
                                    FormatPermille(vxpu.request), FormatPermille(vxpu.limit),
                                    FormatBytes(vxpu.memory));
                          done(vxpu);
                        });
}

void Pool::Change(uint64_t id, const VxpuChange& change, const Caller& caller,
                  std::function<void(Result<Vxpu>)> done) {
  Entry* entry = EntryOfVxpu(id);
  if (entry == nullptr) {
    return done(NotFound(fmt::format("there is no vXPU {}: 'flexai ps' shows those that exist", id)));
  }
  const Vxpu& vxpu = entry->state.vxpus.at(id);
  Status admitted = MayUse(caller, vxpu.owner_uid, fmt::format("vXPU {}", id));
  if (admitted.ok()) {
    admitted = AdmitChange(entry->state.room(), vxpu, change);
  }
  if (!admitted.ok()) {
    return done(admitted);
  }
  json request = ToJson(change);
  request["op"] = "resize_vxpu";
  request["id"] = id;
  entry->keeper->Request(
      std::move(request), {}, kRequestTimeout,
      [entry, id, change, done = std::move(done)](const Result<KeeperReply>& reply) {
        const auto found = entry->state.vxpus.find(id);
        if (!reply.ok() || found == entry->state.vxpus.end()) {
          return done(reply.ok() ? NotFound(fmt::format("vXPU {} ended meanwhile", id)) : reply.status());
        }
        Vxpu& changed = found->second;
        changed.request = change.request.value_or(changed.request);
        changed.limit = change.limit.value_or(changed.limit);
        changed.priority = change.priority.value_or(changed.priority);
        changed.memory = change.memory.value_or(changed.memory);
        done(changed);
      });
}

void Pool::Remove(uint64_t id, const Caller& caller, std::function<void(Status)> done) {
  Entry* entry = EntryOfVxpu(id);
  if (entry == nullptr) {
    return done(NotFound(fmt::format("there is no vXPU {}: 'flexai ps' shows those that exist", id)));
  }
  const Status allowed = MayUse(caller, entry->state.vxpus.at(id).owner_uid, fmt::format("vXPU {}", id));
  if (!allowed.ok()) {
    return done(allowed);
  }
  entry->keeper->Request({{"op", "remove_vxpu"}, {"id", id}}, {}, kRequestTimeout,
                         [this, id, done = std::move(done)](const Result<KeeperReply>& reply) {
                           // One that its owner's end removed meanwhile is gone all the same.
                           if (!reply.ok() && reply.status().code() != Code::kNotFound) {
                             return done(reply.status());
                           }
                           ForgetVxpu(id);
                           done({});
                         });
}

void Pool::WatchOwner(uint64_t id, os::UniqueFd pidfd) {
  const int fd = pidfd.get();
  owners_[id] = std::move(pidfd);
  // The keeper sees the same end and removes the vXPU; here only the copy goes.
  static_cast<void>(loop_.Watch(fd, [this, id] { ForgetVxpu(id); }));
}

void Pool::ForgetOwner(uint64_t id) {
  untied_.erase(id);
  refusals_.erase(id);
  if (const auto owner = owners_.find(id); owner != owners_.end()) {
    loop_.Unwatch(owner->second.get());
    owners_.erase(owner);
  }
}

void Pool::ForgetVxpu(uint64_t id) {
  ForgetOwner(id);
  if (Entry* entry = EntryOfVxpu(id); entry != nullptr) {
    log_.Info("vXPU {} on {} ended", id, entry->state.device.id);
    entry->state.vxpus.erase(id);
  }
}

size_t Pool::vxpu_count() const {
  size_t count = 0;
  for (const auto& [id, entry] : entries_) {
    count += entry->state.vxpus.size();
  }
  return count;
}

}  // namespace flexai::node
