// The pool: the devices of this machine with their keepers, and the vXPUs and sessions on them.
//
// The keepers hold the truth (they outlive flexaid); the pool holds a copy, refreshed by every Refresh, and
// what only the daemon knows: which device a request goes to, which process a vXPU is tied to, which sessions
// have ended.
//
// Thread safety: used on its event loop's thread only; callbacks run there, exactly once unless the pool is
// destroyed first.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "node/admission.h"
#include "node/config.h"
#include "node/id_source.h"
#include "node/inventory.h"
#include "node/keeper_host.h"
#include "node/runtime_paths.h"
#include "node/session_logs.h"
#include "node/vxpu.h"
#include "os/event_loop.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace flexai::node {

// Who asks. Root and the user that flexaid runs as may do everything.
struct Caller {
  uint32_t uid = 0;
  int32_t pid = 0;
};

struct PoolOptions {
  Config config;
  RuntimePaths paths;
  std::string lock_directory;
  std::string keeper_program, executor_program;
  std::string version;
  uint32_t uid = 0;  // of this process
};

// One device with its account.
struct DeviceState {
  Device device;
  Bytes memory;          // that quotas may sum to
  Bytes free_memory;     // of it
  Bytes reserve;         // kept free of quotas
  bool serving = false;  // has a keeper
  Status problem;        // why it cannot be used; success if it can
  Nanos now, busy;       // monotonic clock, and time the device was busy until then, as its keeper counts
  std::map<uint64_t, Vxpu> vxpus;
  std::map<uint64_t, Session> sessions;

  DeviceRoom room() const;
  // What the last look for devices said against its use.
  Status DriverProblem() const;
};

class Pool {
 public:
  // The next ids come from `ids`. All references must outlive the pool.
  Pool(os::EventLoop& loop, telemetry::Log& log, telemetry::MetricRegistry& metrics, IdSource& ids,
       PoolOptions options);
  ~Pool();

  // Takes over the devices of an inventory and adopts the keepers that run. What it says of a device that is
  // known already replaces what was known, but for what a running keeper has been told. One that is no longer
  // in it can't take vXPUs any more; those that it has stay. `done` runs when all keepers have said hello.
  void SetInventory(Inventory inventory, std::function<void()> done);
  // Takes over the session logs of earlier flexaids, once the keepers are adopted.
  void AdoptLogs();
  // Starts the keeper of every device that has none.
  void StartKeepers();

  void Create(const VxpuRequest& request, const Caller& caller, os::UniqueFd owner,
              std::function<void(Result<Vxpu>)> done);
  void Change(uint64_t id, const VxpuChange& change, const Caller& caller,
              std::function<void(Result<Vxpu>)> done);
  void Remove(uint64_t id, const Caller& caller, std::function<void(Status)> done);
  void EndSession(uint64_t id, const Caller& caller, std::function<void(Status)> done);

  // Asks every keeper for its account, then runs `done`; the states are then as fresh as can be.
  void Refresh(std::function<void()> done);
  // The states as of now: those of the inventory, and others that still have vXPUs or sessions.
  std::vector<const DeviceState*> devices() const;
  const Inventory& inventory() const { return inventory_; }
  // A session that is live or ended lately, if `caller` may see into it.
  Result<Session> FindSession(uint64_t id, const Caller& caller) const;
  // Sessions that ended lately, oldest first.
  const std::deque<Session>& ended_sessions() const { return ended_; }
  size_t vxpu_count() const;
  size_t session_count() const;

  // For the attach broker: the vXPUs `ids` of `caller` (at most wire::kMaxVxpusPerSession), one group for
  // each device, in the order of `ids`.
  struct Group {
    std::string device;
    std::vector<uint64_t> vxpus;
    uint32_t vxpu_mask = 0;  // bit i: the first mention of a vXPU of this group is ids[i]
    uint32_t platform = 0;   // index of the first group on the same platform of the vendor
  };
  Result<std::vector<Group>> GroupByDevice(std::span<const uint64_t> ids, const Caller& caller) const;
  // Starts `session` (id, device, vxpus, pid, uid and command set). `request` holds the rest of the keeper's
  // start_session: geometry and arena_base; `fds` as there, open until `done` runs. Gives the executor's
  // pidfd, which stays the pool's and is valid during the call.
  void StartSession(Session session, nlohmann::json request, std::vector<int> fds,
                    std::function<void(Result<int>)> done);
  const Device& device(const std::string& id) const { return entries_.at(id)->state.device; }
  // Remembers why a program of `caller` could not attach to its vXPUs `ids`: a shim cannot print, so whoever
  // removes the vXPU is told. Ids that are not the caller's are passed over.
  void NoteRefusal(std::span<const uint64_t> ids, const Caller& caller, const std::string& sentence);
  // The last such sentence of a vXPU; empty if there is none.
  std::string RefusalOf(uint64_t id) const;
  // The next session's id, or kResourceExhausted if there are too many sessions.
  Result<uint64_t> NewSessionId();

  // Tells every keeper to end, with its vXPUs and sessions, or (`idle_only`) those that hold nothing; runs
  // `done` when they have gone.
  void ShutDownKeepers(bool idle_only, std::function<void()> done);

 private:
  struct Entry {
    DeviceState state;
    std::unique_ptr<KeeperHost> keeper;
    uint32_t restarts = 0;  // since a keeper last took a vXPU
    uint64_t restart_timer = 0;
  };
  static constexpr Nanos kRequestTimeout = Seconds(10);
  static constexpr size_t kEndedKept = 200;
  static constexpr int kCreateAttempts = 3;
  static constexpr Nanos kCreateDelay = Millis(50);

  void TakeDevice(const Device& device);
  void Ingest(Entry& entry, const nlohmann::json& account);
  void IngestVxpus(Entry& entry, const nlohmann::json& account);
  void IngestSessions(Entry& entry, const nlohmann::json& account);
  void KeeperServing(Entry& entry, const nlohmann::json& hello);
  void KeeperLost(Entry& entry, const Status& why);
  void RestartKeeper(Entry& entry);
  void Recreate(Entry& entry, const Vxpu& vxpu);
  bool IsWanted(uint64_t id) const;
  void EnsureAndCreate(Entry& entry, const Vxpu& vxpu, int attempts, std::function<void(Result<Vxpu>)> done);
  void SendCreate(Entry& entry, Vxpu vxpu, std::function<void(Result<Vxpu>)> done);
  void WatchOwner(uint64_t id, os::UniqueFd pidfd);
  void ForgetOwner(uint64_t id);
  void ForgetVxpu(uint64_t id);
  void SessionEnded(Entry& entry, uint64_t id);
  Result<std::vector<DeviceRoom>> Rooms(const VxpuRequest& request) const;
  Status MayUse(const Caller& caller, uint32_t owner_uid, std::string_view what) const;
  Entry* EntryOfVxpu(uint64_t id);
  const Vxpu* FindByKey(const std::string& key, uint32_t owner_uid) const;
  const Entry* EntryOfVxpu(uint64_t id) const;

  os::EventLoop& loop_;
  telemetry::Log& log_;
  telemetry::MetricRegistry& metrics_;
  IdSource& ids_;
  const PoolOptions options_;
  Inventory inventory_;
  std::map<std::string, std::unique_ptr<Entry>> entries_;
  std::map<uint64_t, os::UniqueFd> owners_;     // pidfds by vXPU
  std::set<uint64_t> untied_;                   // vXPUs made here that hang on no process
  std::map<uint64_t, os::UniqueFd> executors_;  // pidfds by session
  std::deque<Session> ended_;
  SessionLogs logs_;
  std::map<uint64_t, std::string> refusals_;  // by vXPU
  size_t starting_ = 0;                       // sessions whose keeper has not answered yet
  bool shutting_down_ = false;
};

}  // namespace flexai::node
