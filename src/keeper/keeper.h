// The keeper of one device: who may use it, who holds how much of it, and the processes that do.
//
// It answers flexaid's requests (docs/formats/keeper.md), and between them needs nobody: shares and quotas
// stay enforced, ended programs are noticed and their executors ended, also while no flexaid runs.
//
// Thread safety: used on its event loop's thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "keeper/executor_source.h"
#include "keeper/options.h"
#include "keeper/reactor.h"
#include "os/unique_fd.h"
#include "share/arbiter.h"
#include "share/executor_start.h"
#include "share/lease_table.h"
#include "share/ledger.h"
#include "telemetry/log.h"

namespace flexai::keeper {

struct Answer {
  Status status;
  nlohmann::json body = nlohmann::json::object();  // on success
  std::vector<int> fds;                            // stay the keeper's
};

class Keeper {
 public:
  // Runs exactly once, perhaps after Handle has returned; never after the keeper is destroyed.
  using Reply = std::function<void(const Answer&)>;

  // `seed` must not be guessed by tenants. The references must outlive it.
  static Result<std::unique_ptr<Keeper>> Create(Reactor& loop, ExecutorSource& executors, telemetry::Log& log,
                                                const Clock& clock, const Options& options, uint64_t seed);
  ~Keeper();

  void Handle(const nlohmann::json& request, std::vector<os::UniqueFd> fds, Reply reply);
  // Nothing would be lost if it ended now.
  bool idle() const { return vxpus_.empty() && sessions_.empty(); }
  // Ends all sessions and vXPUs, then runs `done`.
  void EndAll(std::function<void()> done);

 private:
  struct Vxpu {
    share::VxpuSpec spec;
    os::UniqueFd owner;  // pidfd of the process it ends with; may be invalid
    std::set<share::SessionId> sessions;
    bool removing = false;
    std::vector<std::function<void()>> when_gone;
  };
  struct Session {
    share::SessionId id = 0;
    std::vector<share::VxpuId> vxpus;  // lane by lane
    uid_t uid = 0;
    pid_t pid = 0;
    std::string command;
    std::string log_path;
    Nanos started_at{};
    uint32_t slot = 0;
    bool competes = false;  // its lanes are the arbiter's clients
    bool ending = false;
    Nanos rings_since{};
    uint32_t rings = 0;
    share::ExecutorStart start;
    os::UniqueFd channel, arena, application, output;
    std::unique_ptr<ExecutorHandle> executor;
    Reply on_start;  // until answered
    std::vector<std::function<void()>> when_gone;
  };

  Keeper(Reactor& loop, ExecutorSource& executors, telemetry::Log& log, const Clock& clock,
         const Options& options);

  // requests.cc
  Answer Dispatch(const std::string& op, const nlohmann::json& request, std::vector<os::UniqueFd>& fds,
                  Reply& reply);
  Answer Hello() const;
  Answer Account();
  Answer CreateVxpu(const nlohmann::json& request, std::vector<os::UniqueFd>& fds);
  Answer ResizeVxpu(const nlohmann::json& request);
  Answer RemoveVxpu(const nlohmann::json& request, Reply& reply);
  Answer StartSession(const nlohmann::json& request, std::vector<os::UniqueFd>& fds, Reply& reply);
  Answer EndSession(const nlohmann::json& request, Reply& reply);
  nlohmann::json Report(const Vxpu& vxpu) const;
  nlohmann::json Report(const Session& session) const;

  // sessions.cc
  Status Admit(std::unique_ptr<Session> session);
  void ExecutorReady(share::SessionId id, const Status& status);
  Status Begin(Session& session);
  void Abort(share::SessionId id, const Status& why);
  void End(Session& session, const std::string& why);
  void ExecutorEnded(share::SessionId id, os::ExitState exit);
  void Erase(share::SessionId id);
  void LimitExecutor(const Session& session);
  Session* SessionOf(uint32_t slot);

  // keeper.cc
  void Remove(share::VxpuId id, std::function<void()> when_gone);
  void EraseIfEmpty(share::VxpuId id);
  void WatchDoorbell(share::SessionId id);
  void DoorbellRang(share::SessionId id);
  void TakeReleases(const Session& session);
  void AnswerCharges(const Session& session);
  void ShowAvailable(share::VxpuId id);
  void Decide();
  share::LeaseTable::LaneTerms TermsOf(share::VxpuId id) const;

  Reactor& loop_;
  ExecutorSource& executors_;
  telemetry::Log& log_;
  const Clock& clock_;
  const Options& options_;
  share::Ledger ledger_;
  std::unique_ptr<share::LeaseTable> table_;
  std::unique_ptr<share::Arbiter> arbiter_;
  std::map<share::VxpuId, Vxpu> vxpus_;
  std::map<share::SessionId, std::unique_ptr<Session>> sessions_;
  uint64_t decide_timer_ = 0;
  Nanos decide_at_{INT64_MAX};
};

}  // namespace flexai::keeper
