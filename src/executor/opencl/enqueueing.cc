#include "executor/opencl/enqueueing.h"

namespace flexai::executor::opencl {

Enqueueing::Enqueueing(Handler& handler, uint64_t sequence, uint64_t queue, std::span<const uint64_t> waits,
                       uint64_t event, uint32_t event_slot)
    : handler_(handler), sequence_(sequence), event_(event), event_slot_(event_slot) {
  queue_ = handler.Find<Queue>(queue);
  if (queue_ == nullptr || queue_->on_device) {
    queue_ = nullptr;
    Fail(CL_INVALID_COMMAND_QUEUE);
    return;
  }
  used_.reserve(8);
  used_.emplace_back(queue_);
  FindWaits(waits);
}

void Enqueueing::FindWaits(std::span<const uint64_t> waits) {
  waits_.reserve(waits.size());
  for (const uint64_t id : waits) {
    const Event* event = handler_.Find<Event>(id);
    if (event == nullptr) {
      Fail(CL_INVALID_EVENT_WAIT_LIST);
      return;
    }
    if (&event->context() != &queue_->context()) {
      Fail(CL_INVALID_CONTEXT);
      return;
    }
    waits_.push_back(event->command());
  }
}

Memory* Enqueueing::UseMemory(uint64_t id, ObjectKind kind) {
  Memory* memory = Use<Memory>(id, CL_INVALID_MEM_OBJECT);
  if (memory == nullptr || queue_ == nullptr) {
    return nullptr;
  }
  if (memory->kind() != kind) {
    Fail(CL_INVALID_MEM_OBJECT);
    return nullptr;
  }
  if (&memory->context() != &queue_->context()) {
    Fail(CL_INVALID_CONTEXT);
    return nullptr;
  }
  return memory;
}

std::byte* Enqueueing::Arena(const wire::Region& region, uint64_t bytes) {
  std::byte* data = region.length >= bytes ? handler_.runtime_.ArenaRange(region) : nullptr;
  if (data == nullptr) {
    Fail(CL_INVALID_VALUE);
  }
  return data;
}

const std::byte* Enqueueing::Data(const wire::Payload& payload, uint64_t bytes) {
  if (payload.region.length != 0) {
    return Arena(payload.region, bytes);
  }
  if (payload.inline_bytes.size() < bytes) {
    Fail(CL_INVALID_VALUE);
    return nullptr;
  }
  inline_data_ =
      std::make_shared<std::vector<std::byte>>(payload.inline_bytes.begin(), payload.inline_bytes.end());
  return inline_data_->data();
}

void Enqueueing::SubmitKernel(Kernel& kernel, const KernelCommand::Range& range) {
  if (!failed()) {
    Launch(std::make_unique<KernelCommand>(kernel, range));
  } else {
    Refuse();
  }
}

void Enqueueing::SubmitOrder(Graph::Ordering ordering, bool is_barrier) {
  if (failed()) {
    Refuse();
    return;
  }
  auto* command = new QueuedCommand(handler_.runtime_, CommandKind::kOrder);
  command->Hold(std::move(used_));
  Admit(command, ordering, is_barrier);
}

void Enqueueing::SubmitHostAccess() {
  if (failed()) {
    Refuse();
    return;
  }
  auto* command = new QueuedCommand(handler_.runtime_, CommandKind::kHost);
  command->Hold(std::move(used_));
  Admit(command, Graph::Ordering::kWaitList, false);
}

void Enqueueing::Launch(std::unique_ptr<NativeCommand> command) {
  command->Hold(std::move(used_));
  command->KeepData(std::move(inline_data_));
  Admit(command.release(), Graph::Ordering::kWaitList, false);
}

void Enqueueing::Admit(Command* command, Graph::Ordering ordering, bool is_barrier) {
  command->queue = &queue_->commands;
  command->sequence = sequence_;
  command->event_slot = event_slot_;
  command->has_event = event_ != 0;
  if (event_ != 0 &&
      !handler_.Adopt(new Event(handler_.runtime_, event_, command, Ref<Context>(&queue_->context())))) {
    return;
  }
  if (failed()) {
    handler_.runtime_.graph->Refuse(command, status_);
  } else {
    handler_.runtime_.graph->Enqueue(command, waits_, ordering, is_barrier);
  }
}

void Enqueueing::Refuse() {
  if (queue_ == nullptr) {
    handler_.runtime_.channel->PublishEvent(event_slot_, status_);
    return;
  }
  auto* command = new QueuedCommand(handler_.runtime_, CommandKind::kOrder);
  command->Hold({Ref<Object>(queue_)});
  Admit(command, Graph::Ordering::kWaitList, false);
}

}  // namespace flexai::executor::opencl
