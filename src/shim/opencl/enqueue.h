// What all commands have in common: the wait list, the event, the frame in the queue's order.
//
//   Command command(queue, CL_COMMAND_..., count, list, event);
//   cl_int status = command.Check(context-wide checks are the caller's);
//   if (status == CL_SUCCESS) status = command.Send(message);   // fills the common fields
//   return command.Done(status);                                // hands the event out
#pragma once

#include "shim/opencl/objects.h"

namespace flexai::shim {

// Whether the events of a list are of `context` and alive.
cl_int CheckWaitList(const Context* context, cl_uint count, const cl_event* list);

// Waits for one event to end; its final status, or CL_OUT_OF_RESOURCES if the session is lost.
cl_int WaitForEnd(Event* event);
// Waits for all; CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST if one failed.
cl_int WaitForAll(cl_uint count, const cl_event* list);

// The queue's first late error, which is told once; CL_SUCCESS if there is none.
cl_int TakeLateError(Queue* queue);
// Waits until everything enqueued so far is done and tells a late error.
cl_int FinishQueue(Queue* queue);

class Command {
 public:
  Command(Queue* queue, cl_command_type type, cl_uint wait_count, const cl_event* wait_list,
          cl_event* event_ret)
      : queue_(queue), type_(type), wait_count_(wait_count), wait_list_(wait_list), event_ret_(event_ret) {}
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;
  ~Command();

  // The wait list, and whether the session is there.
  cl_int Check() const;
  // Whether every event of the wait list is complete; one that failed counts as not complete.
  bool WaitsComplete() const;
  cl_int WaitForWaits() const { return WaitForAll(wait_count_, wait_list_); }
  bool wants_event() const { return event_ret_ != nullptr; }

  // Makes the command's event even if the application wants none: for commands that the shim waits for.
  cl_int MakeEvent();
  Event* event() const { return event_; }
  // The frame's number, after Send.
  uint64_t sequence() const { return sequence_; }

  // Sends the command. With `locked` the caller holds the queue's mutex. `on_device` false: the executor has
  // nothing to do for it, so that it does not make the queue busy.
  template <class Message>
  cl_int Send(Message& message, bool locked = false, bool on_device = true) {
    ShortArray<uint64_t, 32> waits;
    cl_int status = Prepare(&waits);
    if (status != CL_SUCCESS) {
      return status;
    }
    message.queue = queue_->id;
    message.waits = waits.span();
    message.event = event_ == nullptr ? 0 : event_->id;
    message.event_slot = event_ == nullptr ? wire::kNoSlot : event_->slot;
    message.command_type = type_;
    if (!locked) {
      queue_->mutex.lock();
    }
    status = queue_->session->Send(message, &sequence_);
    if (status == CL_SUCCESS) {
      NoteSent(on_device);
    }
    if (!locked) {
      queue_->mutex.unlock();
    }
    return status;
  }

  // Waits for the end of the command, which must have an event; a late error of the queue included.
  cl_int WaitForEnd();
  // Gives `staging` to the session, to be freed when the command is done.
  void FreeWhenDone(ArenaRange* staging) { CopyWhenDone(staging, {}, {}); }
  // And what stands in `source` by then is copied to `destination`, the first time the end can be seen.
  void CopyWhenDone(ArenaRange* staging, const HostLayout& destination, const HostLayout& source);

  // Ends the call: on success the application gets the event.
  cl_int Done(cl_int status);

 private:
  cl_int Prepare(ShortArray<uint64_t, 32>* waits);
  void NoteSent(bool on_device);

  Queue* const queue_;
  const cl_command_type type_;
  const cl_uint wait_count_;
  const cl_event* const wait_list_;
  cl_event* const event_ret_;
  Event* event_ = nullptr;
  uint64_t sequence_ = 0;
};

}  // namespace flexai::shim
