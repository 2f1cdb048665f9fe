// clEnqueueMapImage: by way of a staging range, and of the application's memory for CL_MEM_USE_HOST_PTR.
#include "shim/opencl/image_layout.h"
#include "shim/opencl/map.h"

namespace flexai::shim {

namespace {

struct Pitches {
  size_t* row = nullptr;
  size_t* slice = nullptr;
};

bool HasSlices(const Memory* image) { return IsArray(image->type) || image->type == CL_MEM_OBJECT_IMAGE3D; }

cl_int CheckCall(const Queue* queue, const Memory* image, cl_map_flags flags, const size_t* origin,
                 const size_t* region, const Pitches& pitches) {
  if (!IsValid(queue)) {
    return CL_INVALID_COMMAND_QUEUE;
  }
  if (!IsImage(image)) {
    return CL_INVALID_MEM_OBJECT;
  }
  if (image->context != queue->context) {
    return CL_INVALID_CONTEXT;
  }
  if (pitches.row == nullptr || (HasSlices(image) && pitches.slice == nullptr)) {
    return CL_INVALID_VALUE;
  }
  const cl_int status = CheckImageRegion(image, origin, region);
  return status == CL_SUCCESS ? CheckMapFlags(image, flags) : status;
}

// How a region lies in memory that has the pitches of the whole image, from `data` on.
HostLayout RegionLayout(const Memory* image, const size_t* region, void* data) {
  HostLayout layout;
  LayoutRegion(image, region, image->row_pitch, HasSlices(image) ? image->slice_pitch : 0, data, &layout);
  return layout;
}

// Where the region of a USE_HOST_PTR image begins in the application's memory.
void* InHostMemory(const Memory* image, const size_t* origin, const HostLayout& layout) {
  const bool rows_are_slices = image->type == CL_MEM_OBJECT_IMAGE1D_ARRAY;
  return static_cast<std::byte*>(image->host_ptr) + origin[0] * image->element_bytes +
         origin[1] * (rows_are_slices ? layout.slice_pitch : layout.row_pitch) +
         origin[2] * layout.slice_pitch;
}

// A mapping has the pitches of the image, as programs expect that map the whole of it.
cl_int PlaceMap(Memory* image, const size_t* origin, const size_t* region, MappedRegion* map,
                const Pitches& pitches) {
  Arena& arena = image->session->arena();
  map->host = RegionLayout(image, region, nullptr);
  map->size = map->host.extent();
  map->staging = AllocateArena(image->session, map->size);
  if (!map->staging) {
    return CL_MAP_FAILURE;
  }
  map->arena_offset = map->staging.offset;
  for (size_t i = 0; i < 3; ++i) {
    map->geometry[i] = origin[i];
    map->geometry[3 + i] = region[i];
  }
  map->geometry[6] = map->host.row_pitch;
  map->geometry[7] = map->host.slice_pitch;
  map->pointer = arena.At(map->arena_offset);
  if (image->host_ptr != nullptr) {
    map->pointer = InHostMemory(image, origin, map->host);
    map->host.data = static_cast<std::byte*>(map->pointer);
  }
  *pitches.row = map->host.row_pitch;
  if (pitches.slice != nullptr) {
    *pitches.slice = HasSlices(image) ? map->host.slice_pitch : 0;
  }
  return CL_SUCCESS;
}

}  // namespace

}  // namespace flexai::shim

using namespace flexai::shim;

extern "C" {

void* CL_API_CALL clEnqueueMapImage(cl_command_queue queue, cl_mem image, cl_bool blocking_map,
                                    cl_map_flags map_flags, const size_t* origin, const size_t* region,
                                    size_t* image_row_pitch, size_t* image_slice_pitch, cl_uint count,
                                    const cl_event* list, cl_event* event, cl_int* errcode_ret) {
  const Pitches pitches{image_row_pitch, image_slice_pitch};
  cl_int status = CheckCall(queue, image, map_flags, origin, region, pitches);
  if (status != CL_SUCCESS) {
    return Failure(status, errcode_ret);
  }
  MappedRegion map;
  map.flags = map_flags;
  Command command(queue, CL_COMMAND_MAP_IMAGE, count, list, event);
  status = command.Check();
  if (status == CL_SUCCESS) {
    status = PlaceMap(image, origin, region, &map, pitches);
  }
  if (status == CL_SUCCESS) {
    flexai::opencl::EnqueueMapImage message;
    message.image = image->id;
    message.flags = map_flags;
    message.geometry = map.geometry;
    message.destination = {map.arena_offset, map.size};
    status = SendMap(message, image, map, blocking_map != CL_FALSE, &command);
  }
  if (status == CL_SUCCESS) {
    status = KeepMap(image, map);
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

}  // extern "C"
