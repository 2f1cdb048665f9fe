// The pool's copy of what keepers hold, and what happens when one of them ends.
#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "node/pool.h"

namespace flexai::node {
namespace {

using nlohmann::json;

constexpr uint32_t kMaxRestarts = 5;
constexpr Nanos kRestartDelay = Seconds(1);

}  // namespace

void Pool::Ingest(Entry& entry, const json& account) {
  DeviceState& state = entry.state;
  try {  // nlohmann-json reports a wrong type by exceptions; they end here
    IngestVxpus(entry, account);
    IngestSessions(entry, account);
    state.now = {account.value("now_ns", state.now.value)};
    state.busy = {account.value("busy_ns", state.busy.value)};
    state.reserve = {account.value("reserve_bytes", state.reserve.value)};
    state.memory = {account.value("capacity_bytes", state.memory.value)};
    uint64_t quotas = 0;
    for (const auto& [id, vxpu] : state.vxpus) {
      quotas += vxpu.memory.value;
    }
    state.free_memory = {
        account.value("free_bytes", state.memory.value - std::min(state.memory.value, quotas))};
  } catch (const json::exception& error) {
    log_.Error("device {}: its keeper's account is malformed: {}", state.device.id, error.what());
  }
}

void Pool::IngestVxpus(Entry& entry, const json& account) {
  DeviceState& state = entry.state;
  std::map<uint64_t, Vxpu> vxpus;
  for (const json& report : account.value("vxpus", json::array())) {
    Result<Vxpu> vxpu = ParseVxpu(report);
    if (!vxpu.ok()) {
      log_.Error("device {}: {}", state.device.id, vxpu.status().message());
      continue;
    }
    vxpu->device = state.device.id;
    ids_.SawVxpu(vxpu->id);
    const uint64_t id = vxpu->id;
    vxpus.emplace(id, *std::move(vxpu));
  }
  for (const auto& [id, vxpu] : state.vxpus) {
    if (!vxpus.contains(id)) {
      ForgetOwner(id);
    }
  }
  state.vxpus = std::move(vxpus);
}

void Pool::IngestSessions(Entry& entry, const json& account) {
  DeviceState& state = entry.state;
  std::map<uint64_t, Session> sessions;
  for (const json& report : account.value("sessions", json::array())) {
    Result<Session> session = ParseSession(report);
    // A session whose end was seen here may still be in a keeper's report for a moment.
    if (session.ok() && std::none_of(ended_.begin(), ended_.end(),
                                     [&session](const Session& ended) { return ended.id == session->id; })) {
      const uint64_t id = session->id;
      session->device = state.device.id;
      if (const auto known = state.sessions.find(id);
          known != state.sessions.end() && session->started.value == 0) {
        session->started = known->second.started;
      }
      ids_.SawSession(id);
      sessions.emplace(id, *std::move(session));
    }
  }
  for (const auto& [id, session] : state.sessions) {
    if (!sessions.contains(id)) {
      SessionEnded(entry, id);
    }
  }
  state.sessions = std::move(sessions);
}

void Pool::KeeperServing(Entry& entry, const json& hello) {
  entry.state.serving = true;
  entry.state.problem = entry.state.DriverProblem();
  const std::map<uint64_t, Vxpu> before = std::exchange(entry.state.vxpus, {});
  Ingest(entry, hello);
  if (!entry.state.vxpus.empty()) {
    log_.Info("device {}: adopted its keeper with {} vXPUs and {} sessions", entry.state.device.id,
              entry.state.vxpus.size(), entry.state.sessions.size());
  }
  // What an ended keeper held and this one does not know.
  for (const auto& [id, vxpu] : before) {
    if (!entry.state.vxpus.contains(id)) {
      Recreate(entry, vxpu);
    }
  }
}

void Pool::KeeperLost(Entry& entry, const Status& why) {
  DeviceState& state = entry.state;
  state.serving = false;
  state.problem = why;
  if (shutting_down_) {
    return;
  }
  log_.Error("device {}: its keeper is gone ({}) and with it {} sessions; its {} vXPUs are made again",
             state.device.id, why.message(), state.sessions.size(), state.vxpus.size());
  metrics_
      .GetCounter("flexai_keeper_losses_total", "Keepers that ended while they were needed.",
                  {{"device", state.device.id}})
      .Add();
  for (const auto& [id, session] : state.sessions) {
    SessionEnded(entry, id);
  }
  state.sessions.clear();
  RestartKeeper(entry);
}

void Pool::RestartKeeper(Entry& entry) {
  if (entry.restarts++ >= kMaxRestarts) {
    log_.Error("device {}: its keeper failed {} times; the next vXPU that is made starts it again",
               entry.state.device.id, entry.restarts);
    return;
  }
  entry.keeper->Ensure([this, &entry](const Status& status) {
    entry.state.problem = status;
    if (!status.ok() && !shutting_down_) {
      log_.Error("{}", status.message());
      loop_.Cancel(entry.restart_timer);
      entry.restart_timer = loop_.After(kRestartDelay, [this, &entry] { RestartKeeper(entry); });
    }
  });
}

void Pool::Recreate(Entry& entry, const Vxpu& vxpu) {
  if (!owners_.contains(vxpu.id) && !untied_.contains(vxpu.id)) {
    // Made before this flexaid started: the process it was tied to, if any, is not known here.
    log_.Warning("device {}: vXPU {} '{}' ended with the keeper that held it", entry.state.device.id, vxpu.id,
                 vxpu.name);
    return;
  }
  SendCreate(entry, vxpu, [this, id = vxpu.id](const Result<Vxpu>& made) {
    if (!made.ok()) {
      log_.Error("vXPU {} could not be made again: {}", id, made.status().message());
      ForgetOwner(id);
    }
  });
}

}  // namespace flexai::node
