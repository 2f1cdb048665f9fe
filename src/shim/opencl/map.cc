// clEnqueueMapBuffer and clEnqueueUnmapMemObject. A buffer in the arena is mapped without a copy; what has
// CL_MEM_USE_HOST_PTR is copied to and from the application's memory, since pointers into that must come out.
#include "shim/opencl/map.h"

#include "shim/opencl/transfer.h"

namespace flexai::shim {

namespace {

// What stands in the arena for a mapping, in the layout of its host side.
HostLayout ArenaSide(const Memory* memory, const MappedRegion& map) {
  HostLayout side = map.host;
  side.data = memory->session->arena().At(map.arena_offset);
  return side;
}

cl_int CheckCall(const Queue* queue, const Memory* buffer, cl_map_flags flags, size_t offset, size_t size) {
  if (!IsValid(queue)) {
    return CL_INVALID_COMMAND_QUEUE;
  }
  if (!IsBuffer(buffer)) {
    return CL_INVALID_MEM_OBJECT;
  }
  if (buffer->context != queue->context) {
    return CL_INVALID_CONTEXT;
  }
  if (offset > buffer->size || size == 0 || size > buffer->size - offset) {
    return CL_INVALID_VALUE;
  }
  return CheckMapFlags(buffer, flags);
}

// Chooses where the contents stand and which pointer the application gets.
cl_int PlaceMap(Memory* buffer, MappedRegion* map) {
  Arena& arena = buffer->session->arena();
  if (buffer->in_arena()) {
    map->arena_offset = buffer->storage.offset + map->offset;
  } else {
    map->staging = AllocateArena(buffer->session, map->size);
    if (!map->staging) {
      return CL_MAP_FAILURE;
    }
    map->arena_offset = map->staging.offset;
  }
  map->pointer = arena.At(map->arena_offset);
  if (buffer->host_ptr != nullptr &&
      static_cast<std::byte*>(buffer->host_ptr) + map->offset != map->pointer) {
    map->pointer = static_cast<std::byte*>(buffer->host_ptr) + map->offset;
    map->host = HostLayout::Linear(map->pointer, map->size);
  }
  return CL_SUCCESS;
}

opencl::EnqueueMapBuffer MapMessage(const Memory* buffer, const MappedRegion& map) {
  opencl::EnqueueMapBuffer message;
  message.buffer = buffer->id;
  message.flags = map.flags;
  message.offset = map.offset;
  message.size = map.size;
  message.destination = {map.arena_offset, map.size};
  return message;
}

// With an idle queue the contents of a buffer in the arena are there already.
bool TryMapAtOnce(Queue* queue, Memory* buffer, const MappedRegion& map, Command* command, cl_int* status) {
  const wire::FutexLock lock(queue->mutex);
  if (!buffer->in_arena() || !IsIdle(queue) || !command->WaitsComplete()) {
    return false;
  }
  queue->session->deferred().Settle();
  opencl::EnqueueMapBuffer message = MapMessage(buffer, map);
  *status = command->Send(message, true, false);
  if (*status == CL_SUCCESS) {
    if (command->event() != nullptr) {
      command->event()->settled.store(CL_COMPLETE, std::memory_order_release);
    }
    BringToHost(buffer, map);
  }
  return true;
}

cl_int RunMap(Queue* queue, Memory* buffer, MappedRegion* map, bool blocking, Command* command) {
  cl_int status = PlaceMap(buffer, map);
  if (status != CL_SUCCESS || TryMapAtOnce(queue, buffer, *map, command, &status)) {
    return status;
  }
  opencl::EnqueueMapBuffer message = MapMessage(buffer, *map);
  return SendMap(message, buffer, *map, blocking, command);
}

template <class Message>
cl_int SendUnmap(Message& message, Queue* queue, Memory* memory, MappedRegion* map, Command* command) {
  cl_int status = CL_SUCCESS;
  {
    // The storage of a buffer in the arena holds the contents already; nothing makes the queue busy.
    const wire::FutexLock lock(queue->mutex);
    const bool over = memory->in_arena() && IsIdle(queue) && command->WaitsComplete();
    status = command->Send(message, true, !memory->in_arena());
    if (status == CL_SUCCESS && over && command->event() != nullptr) {
      command->event()->settled.store(CL_COMPLETE, std::memory_order_release);
    }
  }
  if (status == CL_SUCCESS) {
    command->FreeWhenDone(&map->staging);
  }
  return status;
}

cl_int RunUnmap(Queue* queue, Memory* memory, MappedRegion* map, Command* command) {
  if ((map->flags & (CL_MAP_WRITE | CL_MAP_WRITE_INVALIDATE_REGION)) != 0 && map->host.data != nullptr) {
    SettleSource(memory->session, map->host);
    CopyLayout(ArenaSide(memory, *map), map->host);
  }
  const wire::Region source{map->arena_offset, map->size};
  if (memory->is_buffer()) {
    opencl::EnqueueUnmapBuffer message;
    message.buffer = memory->id;
    message.flags = map->flags;
    message.offset = map->offset;
    message.size = map->size;
    message.source = source;
    return SendUnmap(message, queue, memory, map, command);
  }
  opencl::EnqueueUnmapImage message;
  message.image = memory->id;
  message.flags = map->flags;
  message.geometry = map->geometry;
  message.source = source;
  return SendUnmap(message, queue, memory, map, command);
}

// Takes the mapping of `pointer` out of the object's list; false if there is none.
bool TakeMap(Memory* memory, const void* pointer, MappedRegion* map) {
  const wire::FutexLock lock(memory->mutex);
  for (size_t i = 0; i < memory->maps.size(); ++i) {
    if (memory->maps[i].pointer == pointer) {
      *map = memory->maps[i];
      memory->maps.Remove(i);
      return true;
    }
  }
  return false;
}

}  // namespace

cl_int CheckMapFlags(const Memory* memory, cl_map_flags flags) {
  constexpr cl_map_flags kKnown = CL_MAP_READ | CL_MAP_WRITE | CL_MAP_WRITE_INVALIDATE_REGION;
  const bool invalidates = (flags & CL_MAP_WRITE_INVALIDATE_REGION) != 0;
  if ((flags & ~kKnown) != 0 || (invalidates && (flags & (CL_MAP_READ | CL_MAP_WRITE)) != 0)) {
    return CL_INVALID_VALUE;
  }
  const cl_mem_flags access = memory->flags;
  const bool reads = (flags & CL_MAP_READ) != 0;
  const bool writes = (flags & (CL_MAP_WRITE | CL_MAP_WRITE_INVALIDATE_REGION)) != 0;
  if ((reads && (access & (CL_MEM_HOST_WRITE_ONLY | CL_MEM_HOST_NO_ACCESS)) != 0) ||
      (writes && (access & (CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_NO_ACCESS)) != 0)) {
    return CL_INVALID_OPERATION;
  }
  return CL_SUCCESS;
}

void BringToHost(Memory* memory, const MappedRegion& map) {
  if (map.host.data != nullptr && (map.flags & CL_MAP_WRITE_INVALIDATE_REGION) == 0) {
    CopyLayout(map.host, ArenaSide(memory, map));
  }
}

cl_int FollowMap(Memory* memory, const MappedRegion& map, bool blocking, Command* command) {
  if (!blocking) {
    if (map.host.data != nullptr && (map.flags & CL_MAP_WRITE_INVALIDATE_REGION) == 0) {
      ArenaRange view{map.arena_offset, map.size, nullptr};
      command->CopyWhenDone(&view, map.host, ArenaSide(memory, map));
    }
    return CL_SUCCESS;
  }
  const cl_int status = command->WaitForEnd();
  if (status == CL_SUCCESS) {
    BringToHost(memory, map);
  }
  return status;
}

cl_int KeepMap(Memory* memory, const MappedRegion& map) {
  const wire::FutexLock lock(memory->mutex);
  return memory->maps.Push(map) ? CL_SUCCESS : CL_OUT_OF_HOST_MEMORY;
}

}  // namespace flexai::shim

using namespace flexai::shim;

extern "C" {

void* CL_API_CALL clEnqueueMapBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking_map,
                                     cl_map_flags map_flags, size_t offset, size_t size, cl_uint count,
                                     const cl_event* list, cl_event* event, cl_int* errcode_ret) {
  cl_int status = CheckCall(queue, buffer, map_flags, offset, size);
  if (status != CL_SUCCESS) {
    return Failure(status, errcode_ret);
  }
  MappedRegion map;
  map.flags = map_flags;
  map.offset = offset;
  map.size = size;
  Command command(queue, CL_COMMAND_MAP_BUFFER, count, list, event);
  status = command.Check();
  if (status == CL_SUCCESS) {
    status = RunMap(queue, buffer, &map, blocking_map != CL_FALSE, &command);
  }
  if (status == CL_SUCCESS) {
    status = KeepMap(buffer, map);
  }
  if (status != CL_SUCCESS) {
    if (!queue->session->lost()) {
      queue->session->arena().Free(&map.staging);
    }
    return Failure(status, errcode_ret);
  }
  command.Done(status);
  return Success(map.pointer, errcode_ret);
}

cl_int CL_API_CALL clEnqueueUnmapMemObject(cl_command_queue queue, cl_mem memory, void* mapped_ptr,
                                           cl_uint count, const cl_event* list, cl_event* event) {
  if (!IsValid(queue)) {
    return CL_INVALID_COMMAND_QUEUE;
  }
  if (!IsValid(memory) || memory->type == CL_MEM_OBJECT_PIPE) {
    return CL_INVALID_MEM_OBJECT;
  }
  if (memory->context != queue->context) {
    return CL_INVALID_CONTEXT;
  }
  Command command(queue, CL_COMMAND_UNMAP_MEM_OBJECT, count, list, event);
  cl_int status = command.Check();
  if (status != CL_SUCCESS) {
    return status;
  }
  MappedRegion map;
  if (!TakeMap(memory, mapped_ptr, &map)) {
    return CL_INVALID_VALUE;
  }
  status = RunUnmap(queue, memory, &map, &command);
  return command.Done(status);
}

}  // extern "C"
