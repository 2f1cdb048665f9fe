// Buffers and sub-buffers.
#include <cstring>

#include "shim/opencl/memory.h"

namespace flexai::shim {

namespace {

struct BufferRequest {
  Context* context = nullptr;
  const cl_mem_properties* properties = nullptr;
  cl_mem_flags flags = 0;
  size_t size = 0;
  void* host_ptr = nullptr;
};

cl_int CheckRequest(const BufferRequest& request) {
  if (!IsValid(request.context)) {
    return CL_INVALID_CONTEXT;
  }
  if (const cl_int status = CheckMemoryProperties(request.properties); status != CL_SUCCESS) {
    return status;
  }
  if (request.size == 0) {
    return CL_INVALID_BUFFER_SIZE;
  }
  if (const cl_int status = CheckMemoryFlags(request.flags, request.host_ptr); status != CL_SUCCESS) {
    return status;
  }
  if (request.size > request.context->max_allocation) {
    return CL_INVALID_BUFFER_SIZE;
  }
  return request.context->session->lost() ? CL_OUT_OF_RESOURCES : CL_SUCCESS;
}

uint64_t StorageAlignment(const Context* context) {
  constexpr uint64_t kLeast = 64;
  constexpr uint64_t kMost = 4096;
  const uint64_t wanted = context->base_align_bytes;
  return wanted < kLeast ? kLeast : wanted > kMost ? kMost : wanted;
}

// Where the bytes live, and what of the application's contents still has to cross.
cl_int PlaceContents(const BufferRequest& request, Memory* buffer, wire::Payload* initial,
                     ArenaRange* staging) {
  Session* session = buffer->session;
  const bool has_contents = (request.flags & (CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR)) != 0;
  if (request.context->unified) {
    if ((request.flags & CL_MEM_USE_HOST_PTR) != 0 &&
        session->arena().Contains(request.host_ptr, request.size)) {
      buffer->storage = {session->arena().OffsetOf(request.host_ptr), request.size, nullptr};
      return CL_SUCCESS;
    }
    buffer->storage = AllocateArena(session, request.size, StorageAlignment(request.context));
    if (!buffer->storage) {
      return CL_MEM_OBJECT_ALLOCATION_FAILURE;
    }
    if (has_contents) {
      session->CopyIn(buffer->storage.offset, request.host_ptr, request.size, buffer->storage.fresh);
    } else if (buffer->storage.fresh) {
      buffer->untouched.store(request.size, std::memory_order_relaxed);
    }
    return CL_SUCCESS;
  }
  if (!has_contents || session->MakePayload(request.host_ptr, request.size, initial, staging)) {
    return CL_SUCCESS;
  }
  return CL_OUT_OF_RESOURCES;
}

cl_int SendCreate(const BufferRequest& request, Memory* buffer) {
  Session* session = buffer->session;
  opencl::CreateBuffer message;
  ArenaRange staging;
  cl_int status = PlaceContents(request, buffer, &message.initial, &staging);
  if (status == CL_SUCCESS) {
    message.buffer = buffer->id;
    message.context = request.context->id;
    message.flags = SentFlags(request.flags);
    message.size = request.size;
    message.storage = {buffer->storage.offset, buffer->storage.length};
    status = CallForMemory(session, [&] { return session->Call(message); });
  }
  session->arena().Free(&staging);
  if (status != CL_SUCCESS) {
    session->arena().Free(&buffer->storage);
  }
  return status;
}

Memory* MakeBuffer(const BufferRequest& request, cl_int* status) {
  *status = CheckRequest(request);
  if (*status != CL_SUCCESS) {
    return nullptr;
  }
  Session* session = request.context->session;
  session->deferred().SettleReleases();
  auto* buffer = New<Memory>(session, session->NewId());
  if (buffer == nullptr || !CopyProperties(request.properties, &buffer->properties)) {
    Delete(buffer);
    *status = CL_OUT_OF_HOST_MEMORY;
    return nullptr;
  }
  buffer->context = request.context;
  buffer->flags = EffectiveFlags(request.flags);
  buffer->size = request.size;
  if ((request.flags & CL_MEM_USE_HOST_PTR) != 0) {
    SvmRange svm;
    buffer->host_ptr = request.host_ptr;
    buffer->svm_backed = session->svm().Find(request.host_ptr, request.size, &svm);
  }
  *status = SendCreate(request, buffer);
  if (*status != CL_SUCCESS) {
    Delete(buffer);
    return nullptr;
  }
  Hold(request.context);
  session->live_handles().Add(buffer);
  return buffer;
}

cl_int CheckRegion(const Memory* parent, const cl_buffer_region& region) {
  if (region.size == 0) {
    return CL_INVALID_BUFFER_SIZE;
  }
  if (region.origin > parent->size || region.size > parent->size - region.origin) {
    return CL_INVALID_VALUE;
  }
  for (const Device* device : parent->context->devices) {
    if (region.origin % (device->base_align_bits / 8) == 0) {
      return CL_SUCCESS;
    }
  }
  return CL_MISALIGNED_SUB_BUFFER_OFFSET;
}

}  // namespace

}  // namespace flexai::shim

using namespace flexai::shim;

extern "C" {

cl_mem CL_API_CALL clCreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void* host_ptr,
                                  cl_int* errcode_ret) {
  cl_int status = CL_SUCCESS;
  Memory* buffer = MakeBuffer({context, nullptr, flags, size, host_ptr}, &status);
  return buffer != nullptr ? Success(buffer, errcode_ret) : Failure(status, errcode_ret);
}

cl_mem CL_API_CALL clCreateBufferWithProperties(cl_context context, const cl_mem_properties* properties,
                                                cl_mem_flags flags, size_t size, void* host_ptr,
                                                cl_int* errcode_ret) {
  cl_int status = CL_SUCCESS;
  Memory* buffer = MakeBuffer({context, properties, flags, size, host_ptr}, &status);
  return buffer != nullptr ? Success(buffer, errcode_ret) : Failure(status, errcode_ret);
}

cl_mem CL_API_CALL clCreateSubBuffer(cl_mem parent, cl_mem_flags flags, cl_buffer_create_type type,
                                     const void* create_info, cl_int* errcode_ret) {
  if (!IsBuffer(parent) || parent->parent != nullptr) {
    return Failure(CL_INVALID_MEM_OBJECT, errcode_ret);
  }
  if (type != CL_BUFFER_CREATE_TYPE_REGION || create_info == nullptr) {
    return Failure(CL_INVALID_VALUE, errcode_ret);
  }
  cl_buffer_region region{};
  std::memcpy(&region, create_info, sizeof(region));
  cl_mem_flags inherited = 0;
  cl_int status = InheritFlags(parent, flags, &inherited);
  if (status == CL_SUCCESS) {
    status = CheckRegion(parent, region);
  }
  if (status != CL_SUCCESS) {
    return Failure(status, errcode_ret);
  }
  Session* session = parent->session;
  auto* buffer = New<Memory>(session, session->NewId());
  if (buffer == nullptr) {
    return Failure(CL_OUT_OF_HOST_MEMORY, errcode_ret);
  }
  buffer->context = parent->context;
  buffer->parent = parent;
  buffer->flags = inherited;
  buffer->size = region.size;
  buffer->origin = region.origin;
  buffer->svm_backed = parent->svm_backed;
  if (parent->host_ptr != nullptr) {
    buffer->host_ptr = static_cast<char*>(parent->host_ptr) + region.origin;
  }
  if (parent->in_arena()) {
    buffer->storage = {parent->storage.offset + region.origin, region.size, nullptr};
  }
  flexai::opencl::CreateSubBuffer message;
  message.buffer = buffer->id;
  message.parent = parent->id;
  message.flags = SentFlags(inherited);
  message.origin = region.origin;
  message.size = region.size;
  status = session->Call(message);
  if (status != CL_SUCCESS) {
    Delete(buffer);
    return Failure(status, errcode_ret);
  }
  Hold(parent);
  Hold(parent->context);
  session->live_handles().Add(buffer);
  return Success(buffer, errcode_ret);
}

}  // extern "C"
