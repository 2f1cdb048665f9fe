// Who waits for whom: the edges of the graph, and what happens when the last one in front of a command is
// gone.
#include "executor/graph/graph.h"

namespace flexai::executor {

void Graph::Append(Command* command) {
  command->times.queued_ns = static_cast<uint64_t>(DeviceNow().value);
  command->next_open = first_open_;
  if (first_open_ != nullptr) {
    first_open_->previous_open = command;
  }
  first_open_ = command;
  CommandQueue* queue = command->queue;
  if (queue == nullptr) {
    return;
  }
  outstanding_.fetch_add(1, std::memory_order_relaxed);
  queue->last_sequence = command->sequence;
  command->previous_in_queue = queue->last;
  (queue->last != nullptr ? queue->last->next_in_queue : queue->first) = command;
  queue->last = command;
}

// The command has ended and is nobody's to abandon.
void Graph::Close(Command* command) {
  Command* before = command->previous_open;
  Command* after = command->next_open;
  (before != nullptr ? before->next_open : first_open_) = after;
  if (after != nullptr) {
    after->previous_open = before;
  }
  command->previous_open = command->next_open = nullptr;
}

void Graph::AddEdge(Command* from, Command* waiter, bool until_done, bool is_explicit) {
  from->waiters.push_back({waiter, until_done, is_explicit});
  ++waiter->blockers;
  if (is_explicit) {
    ++waiter->explicit_waits;
  }
}

void Graph::AddWaitList(Command* command, std::span<Command* const> wait_list) {
  for (Command* awaited : wait_list) {
    if (awaited->done()) {
      command->dependency_failed |= awaited->status < 0;
      continue;
    }
    awaited->Keep();
    command->awaited.push_back(awaited);
    const bool native = command->kind == CommandKind::kDevice && awaited->kind == CommandKind::kDevice;
    if (!native || !awaited->on_device()) {
      AddEdge(awaited, command, !native, true);
    }
  }
}

// In an in-order queue a command follows the one before it; the driver's own in-order queue sees to that once
// both are with it. Markers that wait for nothing of their own are no obstacle to what comes after them.
void Graph::AddInOrderEdge(Command* command) {
  Command* before = command->previous_in_queue;
  if (command->kind == CommandKind::kDevice) {
    while (before != nullptr && before->kind == CommandKind::kOrder && before->explicit_waits == 0) {
      before = before->previous_in_queue;
    }
  }
  if (before == nullptr) {
    return;
  }
  const bool native = command->kind == CommandKind::kDevice && before->kind == CommandKind::kDevice;
  if (!native || !before->on_device()) {
    AddEdge(before, command, !native, false);
  }
}

void Graph::AddOutOfOrderEdges(Command* command, Ordering ordering) {
  CommandQueue* queue = command->queue;
  if (ordering == Ordering::kAllBefore) {
    for (Command* before = queue->first; before != command; before = before->next_in_queue) {
      AddEdge(before, command, true, false);
    }
  } else if (queue->barrier != nullptr) {
    AddEdge(queue->barrier, command, true, false);
  }
}

void Graph::Ripen(Command* command) {
  if (command->blockers == 0) {
    ripe_.push_back(command);
  }
}

// Takes the commands that wait for nothing any more to their next state. A list and not recursion: chains of
// markers are as long as the application likes.
void Graph::RunRipe() {
  for (size_t i = 0; i < ripe_.size(); ++i) {
    Command* command = ripe_[i];
    if (command->dependency_failed) {
      Finish(command, kDependencyFailed);
      continue;
    }
    switch (command->kind) {
      case CommandKind::kDevice: {
        Lane& lane = lanes_[command->queue->lane];
        command->state = CommandState::kReady;
        lane.try_enter |= lane.ready.empty();
        lane.ready.push_back(command);
        break;
      }
      case CommandKind::kOrder:
        command->times.submit_ns = command->times.start_ns = static_cast<uint64_t>(DeviceNow().value);
        Finish(command, kStatusComplete);
        break;
      case CommandKind::kHost:
        BeginHost(command);
        break;
    }
  }
  ripe_.clear();
}

void Graph::BeginHost(Command* command) {
  command->state = CommandState::kRunning;
  command->times.submit_ns = command->times.start_ns = static_cast<uint64_t>(DeviceNow().value);
  if (command->end_early) {
    Finish(command, kStatusComplete);
  } else if (command->queue != nullptr) {
    sink_.PublishEvent(command->event_slot, kStatusRunning, command->times);
  }
}

void Graph::ReleaseEdge(const Command::Edge& edge) {
  --edge.waiter->blockers;
  if (edge.is_explicit) {
    --edge.waiter->explicit_waits;
  }
  Ripen(edge.waiter);
}

void Graph::ResolveSubmitted(Command* command) {
  auto& waiters = command->waiters;
  size_t kept = 0;
  for (const Command::Edge& edge : waiters) {
    if (edge.until_done) {
      waiters[kept++] = edge;
    } else {
      ReleaseEdge(edge);
    }
  }
  waiters.resize(kept);
}

void Graph::ResolveDone(Command* command) {
  for (const Command::Edge& edge : command->waiters) {
    edge.waiter->dependency_failed |= edge.is_explicit && command->status < 0;
    ReleaseEdge(edge);
  }
  command->waiters.clear();
}

void Graph::Finish(Command* command, int32_t status) {
  command->state = CommandState::kDone;
  command->status = status;
  if (command->kind != CommandKind::kDevice || command->times.end_ns == 0) {
    command->times.end_ns = static_cast<uint64_t>(DeviceNow().value);
  }
  if (command->event_slot != wire::kNoSlot) {
    sink_.PublishEvent(command->event_slot, status, command->times);
  }
  Close(command);
  LeaveQueue(command);
  ResolveDone(command);
  Retire(command);
}

void Graph::LeaveQueue(Command* command) {
  CommandQueue* queue = command->queue;
  if (queue == nullptr) {
    return;
  }
  outstanding_.fetch_sub(1, std::memory_order_relaxed);
  Command* before = command->previous_in_queue;
  Command* after = command->next_in_queue;
  (before != nullptr ? before->next_in_queue : queue->first) = after;
  (after != nullptr ? after->previous_in_queue : queue->last) = before;
  command->previous_in_queue = command->next_in_queue = nullptr;
  if (queue->barrier == command) {
    queue->barrier = nullptr;
  }
  const bool sticky = command->status < 0 && !command->has_event;
  if (before == nullptr || sticky) {
    const uint64_t done = queue->first != nullptr ? queue->first->sequence - 1 : queue->last_sequence;
    sink_.PublishQueue(queue->slot, done, sticky ? command->status : 0);
  }
}

void Graph::Retire(Command* command) {
  command->next_in_list = retired_;
  retired_ = command;
  if (++retired_count_ == kRetiredBatch || watch_ends_.load(std::memory_order_relaxed)) {
    wake_engine_();
  }
}

}  // namespace flexai::executor
