// The pool's sessions: who may start one, where it runs, how its end is noticed.
#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "node/pool.h"
#include "os/monotonic_clock.h"

namespace flexai::node {
namespace {

using nlohmann::json;

// An executor may have to load a vendor's libraries first.
constexpr Nanos kStartTimeout = Seconds(60);

}  // namespace

size_t Pool::session_count() const {
  size_t count = starting_;
  for (const auto& [id, entry] : entries_) {
    count += entry->state.sessions.size();
  }
  return count;
}

Result<std::vector<Pool::Group>> Pool::GroupByDevice(std::span<const uint64_t> ids,
                                                     const Caller& caller) const {
  if (ids.empty()) {
    return InvalidArgument("this program has no vXPU: start it with 'flexai run -- COMMAND'");
  }
  std::vector<Group> groups;
  for (size_t i = 0; i < ids.size(); ++i) {
    const uint64_t id = ids[i];
    const Entry* entry = EntryOfVxpu(id);
    if (entry == nullptr) {
      return NotFound(
          fmt::format("vXPU {} does not exist any more: start the program with 'flexai run' again", id));
    }
    FLEXAI_RETURN_IF_ERROR(MayUse(caller, entry->state.vxpus.at(id).owner_uid, fmt::format("vXPU {}", id)));
    const std::string& device = entry->state.device.id;
    auto group =
        std::find_if(groups.begin(), groups.end(), [&device](const Group& g) { return g.device == device; });
    if (group == groups.end()) {
      const auto sibling = std::find_if(groups.begin(), groups.end(), [&](const Group& g) {
        return OnOnePlatform(this->device(g.device), entry->state.device);
      });
      const auto platform = static_cast<uint32_t>(sibling - groups.begin());
      group = groups.insert(groups.end(), Group{device, {}, 0, platform});
    }
    if (std::find(group->vxpus.begin(), group->vxpus.end(), id) == group->vxpus.end()) {
      group->vxpus.push_back(id);
      group->vxpu_mask |= uint32_t{1} << i;
    }
  }
  return groups;
}

void Pool::NoteRefusal(std::span<const uint64_t> ids, const Caller& caller, const std::string& sentence) {
  for (const uint64_t id : ids) {
    const Entry* entry = EntryOfVxpu(id);
    if (entry != nullptr && MayUse(caller, entry->state.vxpus.at(id).owner_uid, "").ok()) {
      refusals_[id] = sentence;
    }
  }
}

std::string Pool::RefusalOf(uint64_t id) const {
  const auto found = refusals_.find(id);
  return found == refusals_.end() ? std::string() : found->second;
}

Result<uint64_t> Pool::NewSessionId() {
  if (session_count() >= options_.config.max_sessions) {
    return ResourceExhausted(
        fmt::format("{} sessions are open, the most this flexaid takes: end a program, or raise max_sessions "
                    "in its configuration",
                    session_count()));
  }
  return ids_.NextSession();
}

void Pool::StartSession(Session session, json request, std::vector<int> fds,
                        std::function<void(Result<int>)> done) {
  Entry& entry = *entries_.at(session.device);
  request["op"] = "start_session";
  request["session"] = session.id;
  request["vxpus"] = session.vxpus;
  request["platform"] = entry.state.device.platform;
  request["device_index"] = entry.state.device.index;
  request["uid"] = session.uid;
  request["pid"] = session.pid;
  request["command"] = session.command;
  ++starting_;
  const telemetry::Labels labels{{"device", session.device}};
  entry.keeper->Request(
      std::move(request), std::move(fds), kStartTimeout,
      [this, &entry, labels, session = std::move(session),
       done = std::move(done)](Result<KeeperReply> reply) mutable {
        --starting_;
        if (reply.ok() && reply->fds.size() != 1) {
          reply = Internal(
              fmt::format("the keeper of device {} started a session without its pidfd", session.device));
        }
        if (!reply.ok()) {
          metrics_.GetCounter("flexai_session_failures_total", "Sessions that did not start.", labels).Add();
          return done(reply.status());
        }
        metrics_.GetCounter("flexai_sessions_total", "Sessions started.", labels).Add();
        session.started = os::MonotonicClock().Now();  // until the keeper's account tells
        session.executor_pid = reply->body.value("executor_pid", 0);
        session.log = reply->body.value("log", "");
        log_.Info("session {} of '{}' (process {}, uid {}) on {}", session.id, session.command, session.pid,
                  session.uid, session.device);
        const uint64_t id = session.id;
        entry.state.sessions[id] = std::move(session);
        os::UniqueFd& pidfd = executors_[id] = std::move(reply->fds[0]);
        static_cast<void>(loop_.Watch(pidfd.get(), [this, &entry, id] {
          SessionEnded(entry, id);
          entry.state.sessions.erase(id);
        }));
        done(pidfd.get());
      });
}

void Pool::AdoptLogs() {
  std::set<uint64_t> live;
  for (const auto& [device, entry] : entries_) {
    for (const auto& [id, session] : entry->state.sessions) {
      live.insert(id);
    }
  }
  logs_.Adopt(live);
}

void Pool::SessionEnded(Entry& entry, uint64_t id) {
  if (const auto executor = executors_.find(id); executor != executors_.end()) {
    loop_.Unwatch(executor->second.get());
    executors_.erase(executor);
  }
  const auto found = entry.state.sessions.find(id);
  if (found == entry.state.sessions.end()) {
    return;
  }
  log_.Info("session {} of '{}' ended", id, found->second.command);
  ended_.push_back(found->second);
  ended_.back().ended = true;
  if (ended_.size() > kEndedKept) {
    ended_.pop_front();
  }
  logs_.Ended(id);
}

Result<Session> Pool::FindSession(uint64_t id, const Caller& caller) const {
  const Session* found = nullptr;
  for (const auto& [device, entry] : entries_) {
    const auto live = entry->state.sessions.find(id);
    found = live != entry->state.sessions.end() ? &live->second : found;
  }
  for (const Session& session : ended_) {
    found = session.id == id ? &session : found;
  }
  if (found == nullptr) {
    return NotFound(fmt::format("there is no session {}: 'flexai ps' shows those that exist", id));
  }
  FLEXAI_RETURN_IF_ERROR(MayUse(caller, found->uid, fmt::format("session {}", id)));
  return *found;
}

void Pool::EndSession(uint64_t id, const Caller& caller, std::function<void(Status)> done) {
  const Result<Session> session = FindSession(id, caller);
  if (!session.ok()) {
    return done(session.status());
  }
  if (session->ended) {
    return done({});
  }
  entries_.at(session->device)
      ->keeper->Request(
          {{"op", "end_session"}, {"session", id}}, {}, kRequestTimeout,
          [done = std::move(done)](const Result<KeeperReply>& reply) {
            // One that ended meanwhile is what was asked for.
            done(reply.ok() || reply.status().code() == Code::kNotFound ? Status() : reply.status());
          });
}

}  // namespace flexai::node
