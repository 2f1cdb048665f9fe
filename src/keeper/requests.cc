// Keeper, the part that reads requests and writes answers (docs/formats/keeper.md).
#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "keeper/keeper.h"
#include "os/user.h"

namespace flexai::keeper {

using nlohmann::json;
using share::SessionId;
using share::VxpuId;

namespace {

Answer Refusal(Status status) { return {std::move(status), json::object(), {}}; }
// The answer comes later, through `reply`.
Answer Later() { return Refusal(Unavailable("")); }

// nlohmann-json throws on a field that is missing or of another type; Handle catches it.
share::ComputeShare ReadShare(const json& request, share::ComputeShare share, Status* wrong) {
  share.request.value = request.value("request_permille", share.request.value);
  share.limit.value = request.value("limit_permille", share.limit.value);
  if (request.contains("priority")) {
    Result<share::Priority> priority = share::ParsePriority(request.at("priority").get<std::string>());
    if (priority.ok()) {
      share.priority = *priority;
    } else {
      *wrong = priority.status();
    }
  }
  return share;
}

}  // namespace

void Keeper::Handle(const json& request, std::vector<os::UniqueFd> fds, Reply reply) {
  Answer answer;
  try {
    answer = Dispatch(request.at("op").get<std::string>(), request, fds, reply);
  } catch (const json::exception& error) {
    answer = Refusal(InvalidArgument(fmt::format("the request is malformed: {}", error.what())));
  }
  if (reply) {
    reply(answer);
  }
}

// A handler that answers later takes `reply`.
Answer Keeper::Dispatch(const std::string& op, const json& request, std::vector<os::UniqueFd>& fds,
                        Reply& reply) {
  if (op == "hello") {
    return Hello();
  }
  if (op == "stats") {
    return Account();
  }
  if (op == "create_vxpu") {
    return CreateVxpu(request, fds);
  }
  if (op == "resize_vxpu") {
    return ResizeVxpu(request);
  }
  if (op == "remove_vxpu") {
    return RemoveVxpu(request, reply);
  }
  if (op == "start_session") {
    return StartSession(request, fds, reply);
  }
  if (op == "end_session") {
    return EndSession(request, reply);
  }
  return Refusal(Unimplemented(fmt::format("this keeper has no request \"{}\"", op)));
}

json Keeper::Report(const Vxpu& vxpu) const {
  const share::VxpuSpec& spec = vxpu.spec;
  const share::Arbiter::Usage usage = arbiter_->VxpuUsage(spec.id, clock_.Now());
  return {{"id", spec.id},
          {"name", spec.name},
          {"key", spec.key},
          {"owner_uid", spec.owner},
          {"request_permille", spec.share.request.value},
          {"limit_permille", spec.share.limit.value},
          {"priority", share::PriorityName(spec.share.priority)},
          {"memory_bytes", spec.memory.value},
          {"resident_bytes", ledger_.Resident(spec.id).value},
          {"used_ns", static_cast<int64_t>(usage.used_ns)},
          {"queue_wait_ns", static_cast<int64_t>(usage.waited_ns)},
          {"sessions", vxpu.sessions.size()}};
}

json Keeper::Report(const Session& session) const {
  double used = 0;
  uint64_t resident = 0;
  for (uint32_t lane = 0; lane < session.vxpus.size(); ++lane) {
    resident += ledger_.Resident(session.id, session.vxpus[lane]).value;
    if (session.competes) {
      used += arbiter_->ClientUsage(share::ClientOf(session.slot, lane), clock_.Now()).used_ns;
    }
  }
  return {{"session", session.id},
          {"vxpus", session.vxpus},
          {"uid", session.uid},
          {"pid", session.pid},
          {"executor_pid", session.executor->pid()},
          {"command", session.command},
          {"started_ns", session.started_at.value},
          {"memory_bytes", resident},
          {"used_ns", static_cast<int64_t>(used)},
          {"log", session.log_path}};
}

Answer Keeper::Hello() const {
  Answer answer;
  json vxpus = json::array();
  json sessions = json::array();
  double busy = arbiter_->busy_ns();
  for (const auto& [id, vxpu] : vxpus_) {
    vxpus.push_back(Report(vxpu));
  }
  for (const auto& [id, session] : sessions_) {
    sessions.push_back(Report(*session));
  }
  const uint64_t room = ledger_.Unreserved().value;
  const uint64_t overhead = options_.session_overhead.value;
  const uint64_t capacity = options_.memory.value - std::min(options_.memory.value, options_.reserve.value);
  answer.body = {{"device", options_.device},
                 {"uid", os::EffectiveUser()},
                 {"now_ns", clock_.Now().value},
                 {"busy_ns", static_cast<int64_t>(busy)},
                 {"reserve_bytes", options_.reserve.value},
                 {"capacity_bytes", capacity - std::min(capacity, overhead)},
                 {"free_bytes", room - std::min(room, overhead)},
                 {"free_share_permille", kWholeDevice.value - ledger_.Requested().value},
                 {"vxpus", std::move(vxpus)},
                 {"sessions", std::move(sessions)}};
  return answer;
}

// As Hello, after a look at every page.
Answer Keeper::Account() {
  for (const auto& [id, session] : sessions_) {
    if (session->competes) {
      for (uint32_t lane = 0; lane < session->vxpus.size(); ++lane) {
        arbiter_->Look(share::ClientOf(session->slot, lane), clock_.Now());
      }
      TakeReleases(*session);
    }
  }
  Decide();
  return Hello();
}

Answer Keeper::CreateVxpu(const json& request, std::vector<os::UniqueFd>& fds) {
  Vxpu vxpu;
  share::VxpuSpec& spec = vxpu.spec;
  Status wrong;
  spec.id = request.at("id").get<uint64_t>();
  spec.name = request.value("name", "");
  spec.key = request.value("key", "");
  spec.owner = request.at("owner_uid").get<uid_t>();
  spec.share = ReadShare(request, {}, &wrong);
  spec.memory.value = request.at("memory_bytes").get<uint64_t>();
  if (!wrong.ok()) {
    return Refusal(wrong);
  }
  if (Status added = ledger_.AddVxpu(spec); !added.ok()) {
    return Refusal(added);
  }
  arbiter_->AddVxpu(spec.id, spec.share, clock_.Now());
  const VxpuId id = spec.id;
  if (!fds.empty()) {
    vxpu.owner = std::move(fds[0]);
    static_cast<void>(loop_.Watch(vxpu.owner.get(), [this, id] {
      loop_.Unwatch(vxpus_.at(id).owner.get());
      Remove(id, [] {});
    }));
  }
  log_.Info("vXPU {} '{}' of uid {}: {} guaranteed, limit {}, priority {}, {} of memory", id, spec.name,
            spec.owner, FormatPermille(spec.share.request), FormatPermille(spec.share.limit),
            share::PriorityName(spec.share.priority), FormatBytes(spec.memory));
  executors_.Expect(spec.owner, Nanos{0});
  vxpus_.emplace(id, std::move(vxpu));
  return {};
}

Answer Keeper::ResizeVxpu(const json& request) {
  const auto found = vxpus_.find(request.at("id").get<uint64_t>());
  if (found == vxpus_.end() || found->second.removing) {
    return Refusal(NotFound(fmt::format("there is no vXPU {}", request.at("id").get<uint64_t>())));
  }
  share::VxpuSpec& spec = found->second.spec;
  Status wrong;
  const share::ComputeShare share = ReadShare(request, spec.share, &wrong);
  const Bytes memory{request.value("memory_bytes", spec.memory.value)};
  if (wrong.ok()) {
    for (const SessionId session : found->second.sessions) {
      TakeReleases(*sessions_.at(session));
    }
    wrong = ledger_.ResizeVxpu(spec.id, share, memory);
  }
  if (!wrong.ok()) {
    return Refusal(wrong);
  }
  spec.share = share;
  spec.memory = memory;
  arbiter_->ResizeVxpu(spec.id, share, clock_.Now());
  for (const SessionId id : found->second.sessions) {
    const Session& session = *sessions_.at(id);
    for (uint32_t lane = 0; lane < session.vxpus.size(); ++lane) {
      table_->SetTerms(share::ClientOf(session.slot, lane), TermsOf(session.vxpus[lane]));
    }
    LimitExecutor(session);
  }
  ShowAvailable(spec.id);
  Decide();
  log_.Info("vXPU {} '{}' resized: {} guaranteed, limit {}, priority {}, {} of memory", spec.id, spec.name,
            FormatPermille(share.request), FormatPermille(share.limit), share::PriorityName(share.priority),
            FormatBytes(memory));
  return {};
}

Answer Keeper::RemoveVxpu(const json& request, Reply& reply) {
  const VxpuId id = request.at("id").get<uint64_t>();
  if (!vxpus_.contains(id)) {
    return Refusal(NotFound(fmt::format("there is no vXPU {}", id)));
  }
  Remove(id, [reply = std::exchange(reply, nullptr)] { reply({}); });
  return Later();
}

Answer Keeper::StartSession(const json& request, std::vector<os::UniqueFd>& fds, Reply& reply) {
  constexpr size_t kFds = 4;  // channel, arena, pidfd of the application, its standard output
  if (fds.size() != kFds) {
    return Refusal(
        InvalidArgument(fmt::format("start_session came with {} files instead of {}", fds.size(), kFds)));
  }
  auto session = std::make_unique<Session>();
  session->id = request.at("session").get<uint64_t>();
  session->vxpus = request.at("vxpus").get<std::vector<VxpuId>>();
  session->uid = request.at("uid").get<uid_t>();
  session->pid = request.value("pid", 0);
  session->command = request.value("command", "");
  session->log_path = fmt::format("{}/session-{}.log", options_.log_dir, session->id);
  share::ExecutorStart& start = session->start;
  start.session = session->id;
  start.platform = request.at("platform").get<uint32_t>();
  start.device_index = request.at("device_index").get<uint32_t>();
  const json& geometry = request.at("geometry");
  start.ring_bytes = geometry.at("ring_bytes").get<uint32_t>();
  start.reply_slots = geometry.at("reply_slots").get<uint32_t>();
  start.status_slots = geometry.at("status_slots").get<uint32_t>();
  start.arena_bytes = geometry.at("arena_bytes").get<uint64_t>();
  start.arena_base = request.at("arena_base").get<uint64_t>();
  if (std::set<VxpuId>(session->vxpus.begin(), session->vxpus.end()).size() != session->vxpus.size()) {
    return Refusal(InvalidArgument("the session names a vXPU twice"));
  }
  for (const VxpuId id : session->vxpus) {
    if (const auto found = vxpus_.find(id); found == vxpus_.end() || found->second.removing) {
      return Refusal(NotFound(fmt::format("there is no vXPU {}", id)));
    }
  }
  session->channel = std::move(fds[0]);
  session->arena = std::move(fds[1]);
  session->application = std::move(fds[2]);
  session->output = std::move(fds[3]);
  session->on_start = reply;
  if (const Status admitted = Admit(std::move(session)); !admitted.ok()) {
    return Refusal(admitted);
  }
  reply = nullptr;
  return Later();
}

Answer Keeper::EndSession(const json& request, Reply& reply) {
  const auto found = sessions_.find(request.at("session").get<uint64_t>());
  if (found == sessions_.end()) {
    return Refusal(NotFound(fmt::format("there is no session {}", request.at("session").get<uint64_t>())));
  }
  found->second->when_gone.push_back([reply = std::exchange(reply, nullptr)] { reply({}); });
  End(*found->second, request.value("reason", "it was stopped"));
  return Later();
}

}  // namespace flexai::keeper
