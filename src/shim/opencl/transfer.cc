#include "shim/opencl/transfer.h"

namespace flexai::shim {

namespace {

void CopyHere(const BufferTransfer& transfer) {
  if (transfer.write && !transfer.rect) {
    transfer.queue->session->CopyIn(transfer.buffer->storage.offset + transfer.offset, transfer.host.data,
                                    transfer.span, transfer.buffer->TakeUntouched(transfer.span));
  } else if (transfer.write) {
    CopyLayout(transfer.inside, transfer.host);
  } else {
    CopyLayout(transfer.host, transfer.inside);
  }
}

// Frames of a command whose bytes the shim copies.
cl_int SendHostAccess(const BufferTransfer& transfer, Command* command, bool locked, bool on_device) {
  if (transfer.write) {
    opencl::EnqueueWriteBuffer message;
    message.buffer = transfer.buffer->id;
    message.offset = transfer.offset;
    message.size = transfer.span;
    message.host_access = 1;
    return command->Send(message, locked, on_device);
  }
  opencl::EnqueueReadBuffer message;
  message.buffer = transfer.buffer->id;
  message.offset = transfer.offset;
  message.size = transfer.span;
  return command->Send(message, locked, on_device);
}

cl_int SendHostAccessDone(Session* session, const Event* event) {
  opencl::HostAccessDone message;
  message.event = event->id;
  return session->Send(message);
}

// The queue has nothing to do and nothing has to be waited for: copies at once. False if that is not so.
bool TryAtOnce(const BufferTransfer& transfer, Command* command, cl_int* status) {
  Session* session = transfer.queue->session;
  const wire::FutexLock lock(transfer.queue->mutex);
  if (!IsIdle(transfer.queue) || !command->WaitsComplete()) {
    return false;
  }
  session->deferred().Settle();
  *status = CL_SUCCESS;
  if (command->wants_event()) {
    // The executor learns of it for its times alone.
    *status = SendHostAccess(transfer, command, true, false);
    if (*status != CL_SUCCESS) {
      return true;
    }
    CopyHere(transfer);
    *status = SendHostAccessDone(session, command->event());
    command->event()->settled.store(CL_COMPLETE, std::memory_order_release);
    return true;
  }
  CopyHere(transfer);
  return true;
}

// Waits until the shim may copy in the place of the command, and copies.
cl_int CopyInTurn(const BufferTransfer& transfer, Command* command) {
  Session* session = transfer.queue->session;
  cl_int status = command->MakeEvent();
  if (status == CL_SUCCESS) {
    status = SendHostAccess(transfer, command, false, true);
  }
  if (status != CL_SUCCESS) {
    return status;
  }
  Event* event = command->event();
  status = session->WaitStatus(event->slot, CL_RUNNING);
  if (status < 0) {
    TakeLateError(transfer.queue);
    return status;
  }
  session->deferred().Settle(event);
  CopyHere(transfer);
  status = SendHostAccessDone(session, event);
  event->settled.store(CL_COMPLETE, std::memory_order_release);
  return status;
}

cl_int RunBlockingInArena(const BufferTransfer& transfer, Command* command) {
  Queue* queue = transfer.queue;
  // An in-order queue that became idle is as good as a turn of our own, at no cost to the executor.
  if (queue->in_order()) {
    cl_int status = command->WaitForWaits();
    if (status != CL_SUCCESS) {
      return status;
    }
    status = FinishQueue(queue);
    if (status != CL_SUCCESS || TryAtOnce(transfer, command, &status)) {
      return status;
    }
  }
  return CopyInTurn(transfer, command);
}

cl_int SendStagedRead(const BufferTransfer& transfer, wire::Region destination, Command* command) {
  if (transfer.rect) {
    opencl::EnqueueReadBufferRect message;
    message.buffer = transfer.buffer->id;
    message.geometry = transfer.geometry;
    message.destination = destination;
    return command->Send(message);
  }
  opencl::EnqueueReadBuffer message;
  message.buffer = transfer.buffer->id;
  message.offset = transfer.offset;
  message.size = transfer.span;
  message.destination = destination;
  return command->Send(message);
}

cl_int SendStagedWrite(const BufferTransfer& transfer, const wire::Payload& data, Command* command) {
  if (transfer.rect) {
    opencl::EnqueueWriteBufferRect message;
    message.buffer = transfer.buffer->id;
    message.geometry = transfer.geometry;
    message.data = data;
    return command->Send(message);
  }
  opencl::EnqueueWriteBuffer message;
  message.buffer = transfer.buffer->id;
  message.offset = transfer.offset;
  message.size = transfer.span;
  message.data = data;
  return command->Send(message);
}

cl_int ReadThroughStaging(const BufferTransfer& transfer, Command* command) {
  Session* session = transfer.queue->session;
  Arena& arena = session->arena();
  const size_t bytes = transfer.host.bytes();
  const bool direct = transfer.host.linear() && arena.Contains(transfer.host.data, bytes);
  ArenaRange staging;
  wire::Region destination{direct ? arena.OffsetOf(transfer.host.data) : 0, bytes};
  if (!direct) {
    staging = AllocateArena(session, bytes);
    if (!staging) {
      return CL_OUT_OF_RESOURCES;
    }
    destination.offset = staging.offset;
  }
  cl_int status = transfer.blocking ? command->MakeEvent() : CL_SUCCESS;
  if (status == CL_SUCCESS) {
    status = SendStagedRead(transfer, destination, command);
  }
  if (status != CL_SUCCESS) {
    arena.Free(&staging);
    return status;
  }
  if (!transfer.blocking) {
    command->CopyWhenDone(&staging, transfer.host, transfer.host.Packed(arena.At(destination.offset)));
    return CL_SUCCESS;
  }
  status = command->WaitForEnd();
  if (status == CL_SUCCESS && !direct) {
    transfer.host.Scatter(arena.At(staging.offset));
  }
  if (!session->lost()) {
    arena.Free(&staging);
  }
  return status;
}

cl_int WriteThroughStaging(const BufferTransfer& transfer, Command* command) {
  Session* session = transfer.queue->session;
  Arena& arena = session->arena();
  const size_t bytes = transfer.host.bytes();
  wire::Payload data;
  ArenaRange staging;
  if (bytes <= wire::kInlinePayloadBytes && transfer.host.linear()) {
    data.inline_bytes = {transfer.host.data, bytes};
  } else if (transfer.host.linear() && arena.Contains(transfer.host.data, bytes)) {
    data.region = {arena.OffsetOf(transfer.host.data), bytes};
  } else {
    staging = AllocateArena(session, bytes);
    if (!staging) {
      return CL_OUT_OF_RESOURCES;
    }
    transfer.host.Gather(arena.At(staging.offset));
    data.region = {staging.offset, bytes};
  }
  cl_int status = transfer.blocking ? command->MakeEvent() : CL_SUCCESS;
  if (status == CL_SUCCESS) {
    status = SendStagedWrite(transfer, data, command);
  }
  if (status != CL_SUCCESS) {
    arena.Free(&staging);
    return status;
  }
  command->FreeWhenDone(&staging);
  return transfer.blocking ? command->WaitForEnd() : CL_SUCCESS;
}

}  // namespace

bool IsIdle(const Queue* queue) {
  return queue->session->status(queue->slot).sequence.load(std::memory_order_acquire) >=
         queue->last_device_sequence;
}

void SettleSource(Session* session, const HostLayout& source) {
  session->deferred().Settle();
  Queue* queue = nullptr;
  uint64_t sequence = 0;
  while (session->deferred().OverlapsPendingRead(source.data, source.extent(), &queue, &sequence)) {
    const bool found = session->WaitSequence(queue->slot, sequence);
    Drop(queue);
    if (!found) {
      return;
    }
    session->deferred().Settle();
  }
}

cl_int RunTransfer(const BufferTransfer& transfer, Command* command) {
  if (transfer.write) {
    SettleSource(transfer.queue->session, transfer.host);
  }
  cl_int status = CL_SUCCESS;
  if (transfer.inside.data != nullptr) {
    if (TryAtOnce(transfer, command, &status)) {
      return status != CL_SUCCESS || !transfer.blocking ? status : TakeLateError(transfer.queue);
    }
    if (transfer.blocking) {
      return RunBlockingInArena(transfer, command);
    }
  }
  return transfer.write ? WriteThroughStaging(transfer, command) : ReadThroughStaging(transfer, command);
}

cl_int RectSide::Resolve(const size_t* region) {
  if (row_pitch == 0) {
    row_pitch = region[0];
  }
  if (row_pitch < region[0]) {
    return CL_INVALID_VALUE;
  }
  if (slice_pitch == 0) {
    slice_pitch = region[1] * row_pitch;
  }
  if (slice_pitch < region[1] * row_pitch || slice_pitch % row_pitch != 0) {
    return CL_INVALID_VALUE;
  }
  return CL_SUCCESS;
}

}  // namespace flexai::shim
