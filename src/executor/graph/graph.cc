#include "executor/graph/graph.h"

#include <algorithm>

namespace flexai::executor {

Command::~Command() {
  for (Command* command : awaited) {
    command->Drop();
  }
}

Graph::Graph(DeviceLayer& device, StatusSink& sink, std::vector<LaneLease> lanes, const Clock& clock,
             std::function<void()> wake_engine)
    : device_(device), sink_(sink), clock_(clock), wake_engine_(std::move(wake_engine)) {
  lanes_.resize(lanes.size());
  for (size_t i = 0; i < lanes.size(); ++i) {
    lanes_[i].access = lanes[i];
  }
}

Graph::~Graph() { Abandon(); }

// ---------------------------------------------------------------------------------------- the engine's side

void Graph::Enqueue(Command* command, std::span<Command* const> wait_list, Ordering ordering,
                    bool is_barrier) {
  command->Keep();
  const Hold hold(*this);
  Append(command);
  AddWaitList(command, wait_list);
  CommandQueue* queue = command->queue;
  if (queue != nullptr) {
    if (queue->in_order) {
      AddInOrderEdge(command);
    } else {
      AddOutOfOrderEdges(command, ordering);
      if (is_barrier) {
        queue->barrier = command;
      }
    }
  }
  Ripen(command);
}

void Graph::Refuse(Command* command, int32_t status) {
  command->Keep();
  const Hold hold(*this);
  Append(command);
  Finish(command, status);
}

void Graph::EndHost(Command* command, int32_t status) {
  const Hold hold(*this);
  if (command->kind != CommandKind::kHost || command->done()) {
    return;
  }
  if (command->state == CommandState::kRunning) {
    Finish(command, status);
  } else {
    command->end_early = true;
  }
}

void Graph::ForgetSlot(Command* command) {
  const Hold hold(*this);
  command->event_slot = wire::kNoSlot;
}

void Graph::ForgetSlot(CommandQueue* queue) {
  const Hold hold(*this);
  queue->slot = wire::kNoSlot;
}

void Graph::Pump() {
  const Hold hold(*this);
  for (Lane& lane : lanes_) {
    lane.try_enter = true;
    lane.touched = true;
  }
}

void Graph::CheckFailed() {
  const Hold hold(*this);
  for (Command* command = first_on_device_; command != nullptr;) {
    Command* next = command->next_on_device;
    const int32_t status = device_.StatusOf(*command);
    if (status < 0 && !command->end_claimed.exchange(true)) {
      command->Keep();  // never dropped: the callback may yet come and look at the claim
      command->status = status;
      FinishOnDevice(command);
    }
    command = next;
  }
}

void Graph::Harvest() {
  Command* retired = nullptr;
  {
    const Hold hold(*this);
    retired = std::exchange(retired_, nullptr);
    retired_count_ = 0;
  }
  while (retired != nullptr) {
    Command* next = retired->next_in_list;
    retired->DropWork();
    retired->Drop();
    retired = next;
  }
}

void Graph::Abandon() {
  Harvest();
  for (Command* command = std::exchange(first_open_, nullptr); command != nullptr;) {
    Command* next = command->next_open;
    command->state = CommandState::kDone;
    command->DropWork();
    command->Drop();
    command = next;
  }
  for (Lane& lane : lanes_) {
    lane.ready.clear();
  }
}

void Graph::OnDeadline() {
  const Hold hold(*this);
  const share::Lease* last = nullptr;
  for (Lane& lane : lanes_) {
    if (lane.access.lease != last) {
      last = lane.access.lease;
      lane.access.lease->OnDeadline();
    }
    lane.try_enter = true;
    lane.touched = true;
  }
}

void Graph::UpdateDeadline() {
  int64_t earliest = INT64_MAX;
  const share::Lease* last = nullptr;
  for (const Lane& lane : lanes_) {
    if (lane.access.lease != last) {
      last = lane.access.lease;
      earliest = std::min(earliest, last->Deadline().value);
    }
  }
  if (deadline_ns_.exchange(earliest, std::memory_order_relaxed) > earliest) {
    wake_engine_();
  }
}

// ----------------------------------------------------------------------------------------- the driver's side

void Graph::OnDeviceDone(Command* command, int32_t status, const wire::CommandTimes& times) {
  callbacks_.fetch_add(1, std::memory_order_relaxed);
  TakeEnd(command, status, times);
  callbacks_.fetch_sub(1, std::memory_order_release);  // the graph may be gone after this
}

void Graph::TakeEnd(Command* command, int32_t status, const wire::CommandTimes& times) {
  if (command->end_claimed.exchange(true)) {
    return;
  }
  command->status = status;
  const uint64_t queued = command->times.queued_ns;
  command->times = times;
  if (queued != 0 && queued < times.queued_ns) {
    command->times.queued_ns = queued;
  }
  command->next_in_list = completed_.load(std::memory_order_relaxed);
  while (!completed_.compare_exchange_weak(command->next_in_list, command, std::memory_order_seq_cst)) {
  }
  if (lock_.try_lock()) {
    Unlock();
  }
}

void Graph::OnDeviceStarted(uint32_t lane) {
  const LaneLease& access = lanes_[lane].access;
  access.lease->Started(access.lane, clock_.Now());
}

// Every holder leaves by this: it does what has become due, also what callbacks left while the lock was held.
void Graph::Unlock() {
  do {
    DrainCompleted();
    if (Settle()) {
      UpdateDeadline();
    }
    lock_.unlock();
  } while (completed_.load(std::memory_order_seq_cst) != nullptr && lock_.try_lock());
}

void Graph::DrainCompleted() {
  Command* newest = completed_.exchange(nullptr, std::memory_order_seq_cst);
  Command* oldest = nullptr;
  while (newest != nullptr) {
    Command* next = newest->next_in_list;
    newest->next_in_list = oldest;
    oldest = newest;
    newest = next;
  }
  while (oldest != nullptr) {
    Command* next = oldest->next_in_list;
    FinishOnDevice(oldest);
    oldest = next;
  }
}

// Submits what can be submitted. True if a lane began or ended something.
bool Graph::Settle() {
  bool touched = false;
  RunRipe();
  for (bool again = true; again;) {
    again = false;
    for (Lane& lane : lanes_) {
      if (lane.try_enter) {
        PumpLane(lane);
        again = true;  // what was submitted may have made commands of other lanes ready
      }
    }
  }
  for (Lane& lane : lanes_) {
    if (lane.touched && lane.ready.empty()) {
      lane.access.lease->Idle(lane.access.lane);
    }
    touched |= lane.touched;
    lane.touched = false;
  }
  for (CommandQueue* queue : unflushed_) {
    queue->unflushed = false;
    device_.Flush(*queue);
  }
  unflushed_.clear();
  return touched;
}

void Graph::PumpLane(Lane& lane) {
  while (!lane.ready.empty()) {
    Command* head = lane.ready.front();
    head->predicted = head->Predict();
    const share::Entry entry = lane.access.lease->TryEnter(lane.access.lane, head->predicted);
    if (entry == share::Entry::kNo) {
      break;
    }
    lane.touched = true;
    SubmitHead(lane, entry == share::Entry::kYesReportStart);
    RunRipe();
  }
  lane.try_enter = false;
}

// Fills waits_ with what the driver must make the command wait for. False if something it waits for has
// failed.
bool Graph::GatherWaits(const Command& command) {
  waits_.clear();
  for (Command* awaited : command.awaited) {
    if (awaited->done()) {
      if (awaited->status < 0) {
        return false;
      }
    } else if (awaited->on_device() && !(awaited->queue == command.queue && command.queue->in_order)) {
      waits_.push_back(awaited);
    }
  }
  return true;
}

void Graph::SubmitHead(Lane& lane, bool report_start) {
  Command* command = lane.ready.front();
  lane.ready.pop_front();
  int32_t status = kDependencyFailed;
  if (GatherWaits(*command)) {
    status = device_.Submit(*command, waits_, report_start);
  }
  if (status < 0) {
    lane.access.lease->Abandon(lane.access.lane, command->predicted);
    Finish(command, status);
    return;
  }
  command->state = CommandState::kSubmitted;
  command->next_on_device = first_on_device_;
  if (first_on_device_ != nullptr) {
    first_on_device_->previous_on_device = command;
  }
  first_on_device_ = command;
  on_device_count_.fetch_add(1, std::memory_order_relaxed);
  if (command->event_slot != wire::kNoSlot) {
    sink_.PublishEvent(command->event_slot, kStatusSubmitted, {});
  }
  if (!command->queue->unflushed) {
    command->queue->unflushed = true;
    unflushed_.push_back(command->queue);
  }
  ResolveSubmitted(command);
}

void Graph::FinishOnDevice(Command* command) {
  if (command->previous_on_device != nullptr) {
    command->previous_on_device->next_on_device = command->next_on_device;
  } else {
    first_on_device_ = command->next_on_device;
  }
  if (command->next_on_device != nullptr) {
    command->next_on_device->previous_on_device = command->previous_on_device;
  }
  on_device_count_.fetch_sub(1, std::memory_order_relaxed);
  const Nanos start{static_cast<int64_t>(command->times.start_ns)};
  const Nanos end{static_cast<int64_t>(command->times.end_ns)};
  Lane& lane = lanes_[command->queue->lane];
  lane.touched = true;
  if (lane.access.lease->Finished(lane.access.lane, command->predicted, start - device_offset_,
                                  end - device_offset_)) {
    lane.try_enter = true;
  }
  if (command->status == kStatusComplete) {
    command->Learn(end - start);
  }
  Finish(command, command->status);
}

}  // namespace flexai::executor
