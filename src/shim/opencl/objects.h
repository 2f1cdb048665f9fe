// The kinds of objects behind the application's handles, platform (session.h) and kernel side (program.h)
// apart.
#pragma once

#include <atomic>
#include <span>

#include "shim/opencl/deferred.h"
#include "shim/opencl/host_memory.h"
#include "shim/opencl/object.h"
#include "shim/opencl/session.h"

// A vXPU or a sub-device. Root devices live as long as the session and are not counted.
struct _cl_device_id final : flexai::shim::Object {
  static constexpr flexai::shim::Kind kKind = flexai::shim::Kind::kDevice;
  _cl_device_id(flexai::shim::Session* owner, uint64_t name) : Object(kKind, owner, name) {}

  _cl_device_id* parent = nullptr;  // held by a sub-device
  flexai::opencl::InfoTable values;
  // Read often by argument checks.
  cl_device_type type = 0;
  uint64_t max_allocation = 0;
  size_t max_work_group_size = 0;
  cl_uint max_dimensions = 0;
  size_t max_work_item_sizes[3] = {};
  cl_uint base_align_bits = 0;
  cl_bool images = CL_FALSE;
  cl_command_queue_properties host_queue_flags = 0;
  cl_command_queue_properties device_queue_flags = 0;
  cl_device_svm_capabilities svm = 0;
  bool takes_empty_ranges = false;  // a launch of nothing succeeds
  bool non_uniform = false;         // takes work-groups that do not divide the range
  bool unified = false;             // its memory is the host's: buffers live in the arena
};

struct ContextCallback {
  void(CL_CALLBACK* function)(cl_context, void*);
  void* user_data;
};

// Immutable but for `callbacks` (under `mutex`).
struct _cl_context final : flexai::shim::Object {
  static constexpr flexai::shim::Kind kKind = flexai::shim::Kind::kContext;
  _cl_context(flexai::shim::Session* owner, uint64_t name) : Object(kKind, owner, name) {}

  bool Has(const _cl_device_id* device) const;

  flexai::shim::Array<cl_device_id> devices;
  flexai::shim::Array<cl_context_properties> properties;
  bool unified = false;           // of every device
  bool images = false;            // of some device
  uint64_t max_allocation = 0;    // of the device with the most
  uint64_t base_align_bytes = 0;  // of the device that asks for the most
  flexai::wire::FutexMutex mutex;
  flexai::shim::Array<ContextCallback> callbacks;
};

struct _cl_command_queue final : flexai::shim::Object {
  static constexpr flexai::shim::Kind kKind = flexai::shim::Kind::kQueue;
  _cl_command_queue(flexai::shim::Session* owner, uint64_t name) : Object(kKind, owner, name) {}

  bool in_order() const { return (flags & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE) == 0; }

  _cl_context* context = nullptr;  // held
  _cl_device_id* device = nullptr;
  cl_command_queue_properties flags = 0;
  cl_uint queue_size = 0;  // of an on-device queue
  bool has_properties = false;
  flexai::shim::Array<cl_queue_properties> properties;
  uint32_t slot = flexai::wire::kNoSlot;
  // Held while a command is enqueued and while the shim itself copies in the queue's place.
  flexai::wire::FutexMutex mutex;
  uint64_t last_sequence = 0;         // of the last command's frame
  uint64_t last_device_sequence = 0;  // of the last command that is not over yet for all the shim knows
};

// How an event came to its end without waiting for the executor's word.
inline constexpr int32_t kNotSettled = 0x7fffffff;

struct _cl_event final : flexai::shim::Object {
  static constexpr flexai::shim::Kind kKind = flexai::shim::Kind::kEvent;
  _cl_event(flexai::shim::Session* owner, uint64_t name) : Object(kKind, owner, name) {}

  // CL_QUEUED .. CL_COMPLETE or an error, as the application may see it.
  cl_int Status() const {
    const int32_t known = settled.load(std::memory_order_acquire);
    if (known != kNotSettled) {
      return known;
    }
    return queue == nullptr ? CL_SUBMITTED : session->status(slot).status.load(std::memory_order_acquire);
  }

  _cl_command_queue* queue = nullptr;  // held; null for a user event
  _cl_context* context = nullptr;      // held by the queue, or by a user event
  cl_command_type type = 0;
  uint32_t slot = flexai::wire::kNoSlot;
  uint64_t sequence = 0;  // of the command's frame
  std::atomic<int32_t> settled{kNotSettled};
};

struct MemoryCallback {
  void(CL_CALLBACK* function)(cl_mem, void*);
  void* user_data;
};

// One mapping that the application holds.
struct MappedRegion {
  void* pointer = nullptr;
  cl_map_flags flags = 0;
  uint64_t offset = 0;  // of a buffer, with `size`
  uint64_t size = 0;
  uint64_t geometry[8] = {};         // of an image, as in EnqueueMapImage
  flexai::shim::ArenaRange staging;  // empty if the mapping is the object's own storage
  flexai::shim::HostLayout host;     // data set: USE_HOST_PTR, the pointer lies in the application's memory
  uint64_t arena_offset = 0;         // where the contents stand in the arena
};

// Buffers, images and pipes. Immutable but for what `mutex` guards.
struct _cl_mem final : flexai::shim::Object {
  static constexpr flexai::shim::Kind kKind = flexai::shim::Kind::kMemory;
  _cl_mem(flexai::shim::Session* owner, uint64_t name) : Object(kKind, owner, name) {}

  bool is_buffer() const { return type == CL_MEM_OBJECT_BUFFER; }
  bool is_image() const { return type != CL_MEM_OBJECT_BUFFER && type != CL_MEM_OBJECT_PIPE; }
  // Buffers whose bytes the shim can reach.
  bool in_arena() const { return bool{storage}; }
  std::byte* data() const { return session->arena().At(storage.offset); }
  // Whether a write of `bytes` likely goes where no pages exist, of which there are fewer afterwards.
  bool TakeUntouched(uint64_t bytes) {
    const uint64_t left = untouched.load(std::memory_order_relaxed);
    if (left != 0) {
      untouched.store(left > bytes ? left - bytes : 0, std::memory_order_relaxed);
    }
    return left != 0;
  }

  _cl_context* context = nullptr;  // held
  _cl_mem* parent = nullptr;       // held: of a sub-buffer, or the buffer behind an image
  cl_mem_object_type type = CL_MEM_OBJECT_BUFFER;
  cl_mem_flags flags = 0;
  size_t size = 0;
  size_t origin = 0;                   // of a sub-buffer in its parent
  void* host_ptr = nullptr;            // CL_MEM_USE_HOST_PTR
  flexai::shim::ArenaRange storage;    // a view for sub-buffers and SVM
  std::atomic<uint64_t> untouched{0};  // bytes of `storage` that were never written, about
  bool has_properties = false;
  flexai::shim::Array<cl_mem_properties> properties;
  bool svm_backed = false;

  cl_image_format format{};
  cl_image_desc descriptor{};
  size_t element_bytes = 0;
  size_t row_pitch = 0;  // as CL_IMAGE_ROW_PITCH answers
  size_t slice_pitch = 0;
  cl_uint packet_bytes = 0;
  cl_uint max_packets = 0;

  flexai::wire::FutexMutex mutex;
  flexai::shim::Array<MappedRegion> maps;
  flexai::shim::Array<MemoryCallback> callbacks;
  // While it waits for the executor to let go (DeferredWork).
  uint32_t release_slot = flexai::wire::kNoSlot;
  _cl_mem* next_dying = nullptr;
};

struct _cl_sampler final : flexai::shim::Object {
  static constexpr flexai::shim::Kind kKind = flexai::shim::Kind::kSampler;
  _cl_sampler(flexai::shim::Session* owner, uint64_t name) : Object(kKind, owner, name) {}

  _cl_context* context = nullptr;  // held
  cl_bool normalized = CL_TRUE;
  cl_addressing_mode addressing = CL_ADDRESS_CLAMP;
  cl_filter_mode filter = CL_FILTER_NEAREST;
  bool has_properties = false;
  flexai::shim::Array<cl_sampler_properties> properties;
};

namespace flexai::shim {

using Context = _cl_context;
using Queue = _cl_command_queue;
using Event = _cl_event;
using Memory = _cl_mem;
using Sampler = _cl_sampler;

// How each kind goes when its counts are zero. Destroy chooses.
void DestroyDevice(Device* device);
void DestroyContext(Context* context);
void DestroyQueue(Queue* queue);
void DestroyEvent(Event* event);
void DestroyMemory(Memory* memory);
void DestroySampler(Sampler* sampler);
// The second half of DestroyMemory: the executor has let it go.
void FinishMemory(Memory* memory);

// Copies a zero-terminated list of (name, value) pairs with its terminator; false without memory. A null list
// leaves `copy` empty.
template <class T>
bool CopyProperties(const T* list, Array<T>* copy) {
  if (list == nullptr) {
    return true;
  }
  size_t count = 0;
  while (list[count] != 0) {
    count += 2;
  }
  return copy->Assign(list, count + 1);
}

}  // namespace flexai::shim
