// Commands on shared virtual memory.
#include "shim/opencl/svm.h"
#include "shim/opencl/transfer.h"

namespace flexai::shim {

namespace {

using FreeFunction = void(CL_CALLBACK*)(cl_command_queue, cl_uint, void**, void*);

cl_int CheckQueue(const Queue* queue) {
  if (!IsValid(queue)) {
    return CL_INVALID_COMMAND_QUEUE;
  }
  return queue->device->svm == 0 ? CL_INVALID_OPERATION : CL_SUCCESS;
}

bool IsSvm(const Queue* queue, const void* pointer, size_t bytes) {
  SvmRange range;
  return queue->session->svm().Find(pointer, bytes, &range);
}

// Sends and, if asked to, waits.
template <class Message>
cl_int SendAndWait(Message& message, bool blocking, Command* command) {
  cl_int status = blocking ? command->MakeEvent() : CL_SUCCESS;
  if (status == CL_SUCCESS) {
    status = command->Send(message);
  }
  return status == CL_SUCCESS && blocking ? command->WaitForEnd() : status;
}

struct SvmCopy {
  Queue* queue;
  void* destination;
  const void* source;
  size_t size;
  bool blocking;
};

cl_int RunCopy(const SvmCopy& copy, Command* command) {
  Session* session = copy.queue->session;
  Arena& arena = session->arena();
  opencl::EnqueueSvmMemcpy message;
  message.size = copy.size;
  ArenaRange from;
  ArenaRange to;
  if (arena.Contains(copy.source, copy.size)) {
    message.source = reinterpret_cast<uint64_t>(copy.source);
  } else {
    SettleSource(session, HostLayout::Linear(copy.source, copy.size));
    if (!session->MakePayload(copy.source, copy.size, &message.source_host, &from)) {
      return CL_OUT_OF_RESOURCES;
    }
  }
  const bool inside = arena.Contains(copy.destination, copy.size);
  if (inside) {
    message.destination = reinterpret_cast<uint64_t>(copy.destination);
  } else {
    to = AllocateArena(session, copy.size);
    if (!to) {
      arena.Free(&from);
      return CL_OUT_OF_RESOURCES;
    }
    message.destination_host = {to.offset, copy.size};
  }
  const cl_int status = SendAndWait(message, copy.blocking, command);
  if (command->sequence() == 0) {
    arena.Free(&from);  // never sent
    arena.Free(&to);
    return status;
  }
  command->FreeWhenDone(&from);
  if (to) {
    command->CopyWhenDone(&to, HostLayout::Linear(copy.destination, copy.size),
                          HostLayout::Linear(arena.At(to.offset), copy.size));
  }
  if (copy.blocking) {
    session->deferred().Settle(command->event());
  }
  return status;
}

// What clEnqueueSVMFree does at its end.
struct PendingFree {
  Queue* queue = nullptr;  // held
  FreeFunction function = nullptr;
  void* user_data = nullptr;
  Array<void*> pointers;
};

void FireFree(Watch* watch, cl_int) {
  auto* pending = static_cast<PendingFree*>(watch->user_data);
  if (pending->function != nullptr) {
    pending->function(pending->queue, static_cast<cl_uint>(pending->pointers.size()),
                      pending->pointers.data(), pending->user_data);
  } else {
    for (void* pointer : pending->pointers) {
      FreeSvm(pending->queue->session, pointer);
    }
  }
  Release(watch->object);
  Drop(pending->queue);
  Delete(pending);
}

cl_int RunFree(Queue* queue, PendingFree* pending, Command* command) {
  ShortArray<uint64_t, 32> addresses;
  if (!addresses.Reserve(pending->pointers.size())) {
    return CL_OUT_OF_HOST_MEMORY;
  }
  for (void* pointer : pending->pointers) {
    addresses.Push(reinterpret_cast<uint64_t>(pointer));
  }
  cl_int status = command->MakeEvent();
  auto* watch = status == CL_SUCCESS ? New<Watch>() : nullptr;
  if (watch == nullptr) {
    return CL_OUT_OF_HOST_MEMORY;
  }
  opencl::EnqueueSvmFree message;
  message.addresses = addresses.span();
  status = command->Send(message);
  if (status != CL_SUCCESS) {
    Delete(watch);
    return status;
  }
  watch->slot = command->event()->slot;
  watch->object = command->event();
  watch->user_data = pending;
  watch->fire = &FireFree;
  Retain(command->event());
  Hold(queue);
  pending->queue = queue;
  if (!queue->session->notifier().Add(watch)) {
    FireFree(watch, CL_OUT_OF_RESOURCES);
    Delete(watch);
  }
  return CL_SUCCESS;
}

}  // namespace

}  // namespace flexai::shim

using namespace flexai::shim;

extern "C" {

cl_int CL_API_CALL clEnqueueSVMFree(cl_command_queue queue, cl_uint num_svm_pointers, void* svm_pointers[],
                                    FreeFunction pfn_free_func, void* user_data, cl_uint count,
                                    const cl_event* list, cl_event* event) {
  cl_int status = CheckQueue(queue);
  if (status != CL_SUCCESS) {
    return status;
  }
  if ((num_svm_pointers == 0) != (svm_pointers == nullptr)) {
    return CL_INVALID_VALUE;
  }
  for (cl_uint i = 0; i < num_svm_pointers; ++i) {
    if (svm_pointers[i] == nullptr) {
      return CL_INVALID_VALUE;
    }
  }
  Command command(queue, CL_COMMAND_SVM_FREE, count, list, event);
  status = command.Check();
  if (status != CL_SUCCESS) {
    return status;
  }
  auto* pending = New<PendingFree>();
  if (pending == nullptr || !pending->pointers.Append(svm_pointers, num_svm_pointers)) {
    Delete(pending);
    return CL_OUT_OF_HOST_MEMORY;
  }
  pending->function = pfn_free_func;
  pending->user_data = user_data;
  status = RunFree(queue, pending, &command);
  if (status != CL_SUCCESS) {
    Delete(pending);
  }
  return command.Done(status);
}

cl_int CL_API_CALL clEnqueueSVMMemcpy(cl_command_queue queue, cl_bool blocking_copy, void* dst_ptr,
                                      const void* src_ptr, size_t size, cl_uint count, const cl_event* list,
                                      cl_event* event) {
  cl_int status = CheckQueue(queue);
  if (status != CL_SUCCESS) {
    return status;
  }
  if (dst_ptr == nullptr || src_ptr == nullptr || size == 0) {
    return CL_INVALID_VALUE;
  }
  const auto to = reinterpret_cast<uintptr_t>(dst_ptr);
  const auto from = reinterpret_cast<uintptr_t>(src_ptr);
  if (to < from + size && from < to + size) {
    return CL_MEM_COPY_OVERLAP;
  }
  Command command(queue, CL_COMMAND_SVM_MEMCPY, count, list, event);
  status = command.Check();
  if (status == CL_SUCCESS) {
    status = RunCopy({queue, dst_ptr, src_ptr, size, blocking_copy != CL_FALSE}, &command);
  }
  return command.Done(status);
}

cl_int CL_API_CALL clEnqueueSVMMemFill(cl_command_queue queue, void* svm_ptr, const void* pattern,
                                       size_t pattern_size, size_t size, cl_uint count, const cl_event* list,
                                       cl_event* event) {
  cl_int status = CheckQueue(queue);
  if (status != CL_SUCCESS) {
    return status;
  }
  constexpr size_t kMaxPattern = 128;
  if (svm_ptr == nullptr || pattern == nullptr || size == 0 || pattern_size == 0 ||
      pattern_size > kMaxPattern || (pattern_size & (pattern_size - 1)) != 0 || size % pattern_size != 0 ||
      reinterpret_cast<uintptr_t>(svm_ptr) % pattern_size != 0 || !IsSvm(queue, svm_ptr, size)) {
    return CL_INVALID_VALUE;
  }
  Command command(queue, CL_COMMAND_SVM_MEMFILL, count, list, event);
  status = command.Check();
  if (status == CL_SUCCESS) {
    flexai::opencl::EnqueueSvmMemFill message;
    message.destination = reinterpret_cast<uint64_t>(svm_ptr);
    message.pattern = {static_cast<const std::byte*>(pattern), pattern_size};
    message.size = size;
    status = command.Send(message);
  }
  return command.Done(status);
}

cl_int CL_API_CALL clEnqueueSVMMap(cl_command_queue queue, cl_bool blocking_map, cl_map_flags flags,
                                   void* svm_ptr, size_t size, cl_uint count, const cl_event* list,
                                   cl_event* event) {
  cl_int status = CheckQueue(queue);
  if (status != CL_SUCCESS) {
    return status;
  }
  constexpr cl_map_flags kKnown = CL_MAP_READ | CL_MAP_WRITE | CL_MAP_WRITE_INVALIDATE_REGION;
  if (svm_ptr == nullptr || size == 0 || (flags & ~kKnown) != 0 || !IsSvm(queue, svm_ptr, size)) {
    return CL_INVALID_VALUE;
  }
  Command command(queue, CL_COMMAND_SVM_MAP, count, list, event);
  status = command.Check();
  if (status == CL_SUCCESS) {
    flexai::opencl::EnqueueSvmMap message;
    message.address = reinterpret_cast<uint64_t>(svm_ptr);
    message.size = size;
    message.flags = flags;
    status = SendAndWait(message, blocking_map != CL_FALSE, &command);
  }
  return command.Done(status);
}

cl_int CL_API_CALL clEnqueueSVMUnmap(cl_command_queue queue, void* svm_ptr, cl_uint count,
                                     const cl_event* list, cl_event* event) {
  cl_int status = CheckQueue(queue);
  if (status != CL_SUCCESS) {
    return status;
  }
  if (svm_ptr == nullptr || !IsSvm(queue, svm_ptr, 1)) {
    return CL_INVALID_VALUE;
  }
  Command command(queue, CL_COMMAND_SVM_UNMAP, count, list, event);
  status = command.Check();
  if (status == CL_SUCCESS) {
    flexai::opencl::EnqueueSvmUnmap message;
    message.address = reinterpret_cast<uint64_t>(svm_ptr);
    status = command.Send(message);
  }
  return command.Done(status);
}

cl_int CL_API_CALL clEnqueueSVMMigrateMem(cl_command_queue queue, cl_uint num_svm_pointers,
                                          const void** svm_pointers, const size_t* sizes,
                                          cl_mem_migration_flags flags, cl_uint count, const cl_event* list,
                                          cl_event* event) {
  cl_int status = CheckQueue(queue);
  if (status != CL_SUCCESS) {
    return status;
  }
  ShortArray<uint64_t, 32> addresses;
  ShortArray<uint64_t, 32> lengths;
  if (num_svm_pointers == 0 || svm_pointers == nullptr ||
      (flags &
       ~cl_mem_migration_flags{CL_MIGRATE_MEM_OBJECT_HOST | CL_MIGRATE_MEM_OBJECT_CONTENT_UNDEFINED}) != 0) {
    return CL_INVALID_VALUE;
  }
  if (!addresses.Reserve(num_svm_pointers) || !lengths.Reserve(num_svm_pointers)) {
    return CL_OUT_OF_HOST_MEMORY;
  }
  for (cl_uint i = 0; i < num_svm_pointers; ++i) {
    const size_t size = sizes == nullptr ? 0 : sizes[i];
    if (!IsSvm(queue, svm_pointers[i], size == 0 ? 1 : size)) {
      return CL_INVALID_VALUE;
    }
    addresses.Push(reinterpret_cast<uint64_t>(svm_pointers[i]));
    lengths.Push(size);
  }
  Command command(queue, CL_COMMAND_SVM_MIGRATE_MEM, count, list, event);
  status = command.Check();
  if (status == CL_SUCCESS) {
    flexai::opencl::EnqueueSvmMigrateMem message;
    message.addresses = addresses.span();
    message.sizes = lengths.span();
    message.flags = flags;
    status = command.Send(message);
  }
  return command.Done(status);
}

}  // extern "C"
