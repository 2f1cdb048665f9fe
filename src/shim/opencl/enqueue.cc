#include "shim/opencl/enqueue.h"

#include "shim/opencl/event.h"

namespace flexai::shim {

cl_int CheckWaitList(const Context* context, cl_uint count, const cl_event* list) {
  if ((list == nullptr) != (count == 0)) {
    return CL_INVALID_EVENT_WAIT_LIST;
  }
  for (cl_uint i = 0; i < count; ++i) {
    if (!IsValid(list[i])) {
      return CL_INVALID_EVENT_WAIT_LIST;
    }
    if (list[i]->context != context) {
      return CL_INVALID_CONTEXT;
    }
  }
  return CL_SUCCESS;
}

cl_int WaitForEnd(Event* event) {
  cl_int status = event->Status();
  if (status > CL_COMPLETE) {
    status = event->session->WaitStatus(event->slot, CL_COMPLETE);
  }
  event->session->deferred().Settle(event);
  return status;
}

cl_int WaitForAll(cl_uint count, const cl_event* list) {
  cl_int result = CL_SUCCESS;
  for (cl_uint i = 0; i < count; ++i) {
    if (WaitForEnd(list[i]) < 0) {
      result = list[i]->session->lost() ? CL_OUT_OF_RESOURCES : CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST;
    }
  }
  return result;
}

cl_int TakeLateError(Queue* queue) {
  std::atomic<int32_t>& status = queue->session->status(queue->slot).status;
  return status.load(std::memory_order_relaxed) == 0 ? CL_SUCCESS
                                                     : status.exchange(0, std::memory_order_acquire);
}

cl_int FinishQueue(Queue* queue) {
  Session* session = queue->session;
  uint64_t last = 0;
  {
    const wire::FutexLock lock(queue->mutex);
    last = queue->last_sequence;
  }
  if (session->lost() || !session->WaitSequence(queue->slot, last)) {
    return CL_OUT_OF_RESOURCES;
  }
  session->deferred().Settle();
  session->deferred().SettleReleases();
  return TakeLateError(queue);
}

Command::~Command() {
  if (event_ != nullptr) {
    Release(event_);
  }
}

cl_int Command::Check() const {
  if (queue_->session->lost()) {
    return CL_OUT_OF_RESOURCES;
  }
  return CheckWaitList(queue_->context, wait_count_, wait_list_);
}

bool Command::WaitsComplete() const {
  for (cl_uint i = 0; i < wait_count_; ++i) {
    if (wait_list_[i]->Status() != CL_COMPLETE) {
      return false;
    }
  }
  return true;
}

cl_int Command::MakeEvent() {
  if (event_ == nullptr) {
    event_ = MakeCommandEvent(queue_, type_);
  }
  return event_ != nullptr ? CL_SUCCESS : CL_OUT_OF_RESOURCES;
}

cl_int Command::Prepare(ShortArray<uint64_t, 32>* waits) {
  if (event_ret_ != nullptr && MakeEvent() != CL_SUCCESS) {
    return CL_OUT_OF_RESOURCES;
  }
  if (!waits->Reserve(wait_count_)) {
    return CL_OUT_OF_HOST_MEMORY;
  }
  // What is complete need not be waited for; and only the shim knows of some that they are. But a marker's
  // list must not become empty, which would mean all commands before it.
  const bool all = type_ == CL_COMMAND_MARKER || type_ == CL_COMMAND_BARRIER;
  for (cl_uint i = 0; i < wait_count_; ++i) {
    if (all || wait_list_[i]->Status() != CL_COMPLETE) {
      waits->Push(wait_list_[i]->id);
    }
  }
  return CL_SUCCESS;
}

void Command::NoteSent(bool on_device) {
  queue_->last_sequence = sequence_;
  if (on_device) {
    queue_->last_device_sequence = sequence_;
  }
  if (event_ != nullptr) {
    event_->sequence = sequence_;
  }
}

cl_int Command::WaitForEnd() {
  const cl_int status = shim::WaitForEnd(event_);
  if (status < 0) {
    TakeLateError(queue_);
    return status;
  }
  return TakeLateError(queue_);
}

void Command::CopyWhenDone(ArenaRange* staging, const HostLayout& destination, const HostLayout& source) {
  if (!*staging) {
    return;
  }
  auto* transfer = New<Transfer>();
  if (transfer == nullptr) {
    // Without a note the range can only be freed by waiting for the command here.
    queue_->session->WaitSequence(queue_->slot, sequence_);
    if (destination.data != nullptr) {
      CopyLayout(destination, source);
    }
    queue_->session->arena().Free(staging);
    return;
  }
  Hold(queue_);
  transfer->queue = queue_;
  transfer->event = event_;
  if (event_ != nullptr) {
    Hold(event_);
  }
  transfer->sequence = sequence_;
  transfer->staging = *staging;
  transfer->destination = destination;
  transfer->source = source;
  *staging = {};
  queue_->session->deferred().Add(transfer);
}

cl_int Command::Done(cl_int status) {
  if (status == CL_SUCCESS && event_ret_ != nullptr) {
    *event_ret_ = event_;
    event_ = nullptr;
  }
  return status;
}

}  // namespace flexai::shim
