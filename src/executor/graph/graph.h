// The commands of a session that have not ended, and what each waits for. Decides when a command goes to the
// driver, and tells the application what became of it.
//
// A command is submitted as soon as everything it waits for is submitted (the driver then gets native waits)
// or, where the driver knows nothing of it (user events, host access, markers, barriers), has ended; and only
// when the lease of its lane lets it enter.
//
// Two kinds of threads work here: the engine, which decodes frames, and the driver's callbacks, which report
// ends. Both submit what has become ready. A callback never waits: if somebody else holds the lock, that one
// picks up what the callback has left in a list. So the device stays fed while the engine waits for a core.
//
// Thread safety: OnDeviceDone and OnDeviceStarted from any thread; everything else from the engine's.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "executor/graph/command.h"
#include "share/lease.h"
#include "wire/client_channel.h"

namespace flexai::executor {

// The driver, as the graph sees it. Called under the graph's lock.
class DeviceLayer {
 public:
  virtual ~DeviceLayer() = default;
  // Hands the command to the driver, to begin after `waits`, which are all on_device(). 0, or the API's
  // error. On success OnDeviceDone will be called once, maybe before Submit returns.
  virtual int32_t Submit(Command& command, std::span<Command* const> waits, bool report_start) = 0;
  // Makes sure the driver begins with what was submitted to the queue.
  virtual void Flush(CommandQueue& queue) = 0;
  // The driver's status of a submitted command, negative if it failed. Drivers are known that then never call
  // back.
  virtual int32_t StatusOf(Command& command) = 0;
};

// Where statuses are published: the session's channel. Called under the graph's lock.
class StatusSink {
 public:
  virtual ~StatusSink() = default;
  virtual void PublishEvent(uint32_t slot, int32_t status, const wire::CommandTimes& times) = 0;
  virtual void PublishQueue(uint32_t slot, uint64_t done_sequence, int32_t error) = 0;
};

// The lease that a lane (a vXPU of the session) enters its device under.
struct LaneLease {
  share::Lease* lease = nullptr;
  uint32_t lane = 0;  // the lease's number for it
};

// What a failed wait list gives: CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST.
inline constexpr int32_t kDependencyFailed = -14;

class Graph {
 public:
  enum class Ordering : uint8_t {
    kWaitList,   // after the commands it names (and, in an in-order queue, after the one before it)
    kAllBefore,  // after everything before it in its queue
  };

  // `device_offset`: device clock minus `clock`. `wake_engine` is called, from any thread, when the engine
  // has something to do: Harvest, or a new Deadline. All references must outlive the graph.
  Graph(DeviceLayer& device, StatusSink& sink, std::vector<LaneLease> lanes, const Clock& clock,
        std::function<void()> wake_engine);
  ~Graph();

  void set_device_offset(Nanos offset) { device_offset_ = offset; }

  // Takes a command into its queue (command->queue, may be null for a user event), after `wait_list`. With
  // `is_barrier` later commands of an out-of-order queue wait for it. Keeps a reference until it was
  // harvested.
  void Enqueue(Command* command, std::span<Command* const> wait_list, Ordering ordering, bool is_barrier);
  // Records a command that failed before it could wait for anything.
  void Refuse(Command* command, int32_t status);
  // A kHost command has ended; nothing happens if it already had.
  void EndHost(Command* command, int32_t status);

  // Nothing is written to the slot of this event or queue any more.
  void ForgetSlot(Command* command);
  void ForgetSlot(CommandQueue* queue);

  // A submitted command has ended with `status`; the command may be gone when this returns.
  void OnDeviceDone(Command* command, int32_t status, const wire::CommandTimes& times);
  // A command of the lane that was submitted with `report_start` runs.
  void OnDeviceStarted(uint32_t lane);

  // Submits what has become possible because a lease word changed or a deadline came.
  void Pump();
  // Looks for submitted commands that failed without a callback; to be called now and then while Busy().
  void CheckFailed();
  // Drops the references of commands that have ended.
  void Harvest();
  // Drops everything that has not ended, at the end of a session. Nothing may be with the driver any more.
  void Abandon();
  // While on, every end of a command wakes the engine: it has objects to let go once nothing uses them.
  void WatchEnds(bool on) { watch_ends_.store(on, std::memory_order_relaxed); }

  // When the engine must call OnDeadline at the latest (monotonic); INT64_MAX if not at all. An earlier time
  // that comes up later wakes the engine.
  Nanos Deadline() const { return {deadline_ns_.load(std::memory_order_relaxed)}; }
  void OnDeadline();
  // Commands of queues that have not ended.
  uint64_t outstanding() const { return outstanding_.load(std::memory_order_relaxed); }
  // Whether anything is with the driver or one of its callbacks is still here.
  bool Busy() const {
    return on_device_count_.load(std::memory_order_acquire) != 0 ||
           callbacks_.load(std::memory_order_acquire) != 0;
  }

  // Runs `function` with the lock held: for driver state that Submit uses too.
  template <typename Function>
  auto Locked(Function&& function) {
    const Hold hold(*this);
    return function();
  }

  Nanos DeviceNow() const { return clock_.Now() + device_offset_; }

 private:
  void TakeEnd(Command* command, int32_t status, const wire::CommandTimes& times);

  // So many ended commands are kept at most before the engine is woken to let go of what they used.
  static constexpr uint32_t kRetiredBatch = 256;

  struct Lane {
    LaneLease access;
    std::deque<Command*> ready;
    bool try_enter = false;  // its head may enter now; else it was refused
    bool touched = false;    // something began or ended since the lease was told whether it is idle
  };
  class Hold {
   public:
    explicit Hold(Graph& graph) : graph_(graph) { graph_.lock_.lock(); }
    ~Hold() { graph_.Unlock(); }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    Graph& graph_;
  };

  // All with the lock held.
  void Unlock();
  void DrainCompleted();
  bool Settle();
  void PumpLane(Lane& lane);
  void SubmitHead(Lane& lane, bool report_start);
  bool GatherWaits(const Command& command);
  void Append(Command* command);
  void Close(Command* command);
  void AddWaitList(Command* command, std::span<Command* const> wait_list);
  void AddInOrderEdge(Command* command);
  void AddOutOfOrderEdges(Command* command, Ordering ordering);
  static void AddEdge(Command* from, Command* waiter, bool until_done, bool is_explicit);
  void Ripen(Command* command);
  void RunRipe();
  void BeginHost(Command* command);
  void ResolveSubmitted(Command* command);
  void ResolveDone(Command* command);
  void ReleaseEdge(const Command::Edge& edge);
  void FinishOnDevice(Command* command);
  void Finish(Command* command, int32_t status);
  void LeaveQueue(Command* command);
  void Retire(Command* command);
  void UpdateDeadline();

  DeviceLayer& device_;
  StatusSink& sink_;
  const Clock& clock_;
  const std::function<void()> wake_engine_;
  Nanos device_offset_{};

  wire::FutexMutex lock_;
  std::vector<Lane> lanes_;
  std::vector<Command*> ripe_;   // blockers are gone, not yet acted upon
  std::vector<Command*> waits_;  // what GatherWaits found
  std::vector<CommandQueue*> unflushed_;
  Command* first_open_ = nullptr;
  Command* first_on_device_ = nullptr;
  Command* retired_ = nullptr;
  uint32_t retired_count_ = 0;

  std::atomic<Command*> completed_{nullptr};
  std::atomic<uint32_t> on_device_count_{0};
  std::atomic<uint32_t> callbacks_{0};  // threads inside OnDeviceDone
  std::atomic<uint64_t> outstanding_{0};
  std::atomic<bool> watch_ends_{false};
  std::atomic<int64_t> deadline_ns_{INT64_MAX};  // written with the lock held
};

}  // namespace flexai::executor
