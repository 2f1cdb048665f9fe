// Buffers, images, pipes, samplers and shared virtual memory. Every byte is charged to a vXPU's quota before
// the driver is asked for it.
#include <cstring>
#include <limits>

#include "executor/opencl/handler.h"
#include "executor/opencl/image_layout.h"

namespace flexai::executor::opencl {
namespace {

constexpr cl_mem_flags kHostPointerFlags = CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR | CL_MEM_ALLOC_HOST_PTR;

std::vector<cl_mem_properties> MemoryProperties(std::span<const uint64_t> from) {
  std::vector<cl_mem_properties> properties(from.begin(), from.end());
  if (properties.empty() || properties.back() != 0) {
    properties.push_back(0);
  }
  return properties;
}

cl_mem MakeBuffer(const Api& api, const Context& context, std::span<const uint64_t> properties,
                  cl_mem_flags flags, size_t size, void* host, cl_int* status) {
  if (properties.empty() || properties.front() == 0) {
    return api.clCreateBuffer(context.native(), flags, size, host, status);
  }
  if (api.clCreateBufferWithProperties == nullptr) {
    *status = CL_INVALID_PROPERTY;
    return nullptr;
  }
  return api.clCreateBufferWithProperties(context.native(), MemoryProperties(properties).data(), flags, size,
                                          host, status);
}

// Whether an image is larger than every device of the context says it can be.
bool BeyondLimits(const Context& context, const cl_image_desc& descriptor) {
  const bool volume = descriptor.image_type == CL_MEM_OBJECT_IMAGE3D;
  for (const Ref<Device>& device : context.devices()) {
    const auto limit = [&](cl_device_info parameter) {
      return device::opencl::DeviceNumber<size_t>(context.runtime().platform, device->native(), parameter,
                                                  SIZE_MAX);
    };
    const bool fits =
        descriptor.image_width <= limit(volume ? CL_DEVICE_IMAGE3D_MAX_WIDTH : CL_DEVICE_IMAGE2D_MAX_WIDTH) &&
        descriptor.image_height <=
            limit(volume ? CL_DEVICE_IMAGE3D_MAX_HEIGHT : CL_DEVICE_IMAGE2D_MAX_HEIGHT) &&
        (!volume || descriptor.image_depth <= limit(CL_DEVICE_IMAGE3D_MAX_DEPTH));
    if (fits) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool Handler::Charge(MemoryCharge* charge, const Context& context, uint64_t bytes) {
  if (charge->Take(context, bytes)) {
    return true;
  }
  // The application may know of an end, and have released what the command used, before we let go of it.
  runtime_.graph->Harvest();
  return charge->Take(context, bytes);
}

void Handler::On(const FrameHeader& header, const calls::CreateBuffer& call) {
  Context* context = Find<Context>(call.context);
  if (context == nullptr || call.size == 0) {
    Answer(header, context == nullptr ? CL_INVALID_CONTEXT : CL_INVALID_BUFFER_SIZE);
    return;
  }
  std::byte* storage = call.storage.length != 0 ? runtime_.ArenaRange(call.storage) : nullptr;
  const std::span<const std::byte> initial = runtime_.Find(call.initial);
  if ((call.storage.length != 0 && (storage == nullptr || call.storage.length < call.size)) ||
      (call.initial.length() != 0 && initial.size() < call.size)) {
    Answer(header, CL_INVALID_VALUE);
    return;
  }
  MemoryCharge charge;
  if (!Charge(&charge, *context, call.size)) {
    Answer(header, CL_MEM_OBJECT_ALLOCATION_FAILURE);
    return;
  }
  cl_mem_flags flags = call.flags & ~cl_mem_flags{kHostPointerFlags};
  void* host = nullptr;
  if (storage != nullptr) {
    if (!initial.empty()) {
      std::memmove(storage, initial.data(), call.size);  // both may lie in the arena
    }
    flags |= CL_MEM_USE_HOST_PTR;
    host = storage;
  } else if (!initial.empty()) {
    flags |= CL_MEM_COPY_HOST_PTR;
    host = const_cast<std::byte*>(initial.data());  // only read
  }
  cl_int status = CL_SUCCESS;
  cl_mem native = MakeBuffer(api(), *context, call.properties, flags, call.size, host, &status);
  if (native != nullptr) {
    auto* memory = new Memory(runtime_, ObjectKind::kBuffer, call.buffer, native, Ref<Context>(context), {},
                              std::move(charge));
    memory->storage = storage;
    memory->size = call.size;
    if (!Adopt(memory)) {
      return;
    }
  }
  Answer(header, status);
}

void Handler::On(const FrameHeader& header, const calls::CreateSubBuffer& call) {
  Memory* parent = Find<Memory>(call.parent);
  if (parent == nullptr || parent->kind() != ObjectKind::kBuffer) {
    Answer(header, CL_INVALID_MEM_OBJECT);
    return;
  }
  if (call.size == 0 || call.origin > parent->size || call.size > parent->size - call.origin) {
    Answer(header, call.size == 0 ? CL_INVALID_BUFFER_SIZE : CL_INVALID_VALUE);
    return;
  }
  const cl_buffer_region region{call.origin, call.size};
  cl_int status = CL_SUCCESS;
  cl_mem native = api().clCreateSubBuffer(parent->native(), call.flags & ~cl_mem_flags{kHostPointerFlags},
                                          CL_BUFFER_CREATE_TYPE_REGION, &region, &status);
  if (native != nullptr) {
    auto* memory = new Memory(runtime_, ObjectKind::kBuffer, call.buffer, native,
                              Ref<Context>(&parent->context()), Ref<Memory>(parent), {});
    memory->storage = parent->storage != nullptr ? parent->storage + call.origin : nullptr;
    memory->size = call.size;
    if (!Adopt(memory)) {
      return;
    }
  }
  Answer(header, status);
}

cl_int Handler::MakeImage(const calls::CreateImage& call, calls::CreateImageReply* reply) {
  Context* context = Find<Context>(call.context);
  Memory* memory = call.memory != 0 ? Find<Memory>(call.memory) : nullptr;
  if (context == nullptr || (call.memory != 0 && memory == nullptr)) {
    return context == nullptr ? CL_INVALID_CONTEXT : CL_INVALID_MEM_OBJECT;
  }
  cl_image_format format{};
  cl_image_desc descriptor{};
  if (call.format.size() != sizeof format || call.descriptor.size() != sizeof descriptor) {
    return CL_INVALID_IMAGE_DESCRIPTOR;
  }
  std::memcpy(&format, call.format.data(), sizeof format);
  std::memcpy(&descriptor, call.descriptor.data(), sizeof descriptor);
  descriptor.mem_object = memory != nullptr ? memory->native() : nullptr;
  const ImageLayout layout = LayoutOf(format, descriptor);
  if (!layout.valid) {
    return CL_INVALID_IMAGE_SIZE;
  }
  const std::span<const std::byte> initial = runtime_.Find(call.initial);
  if (call.initial.length() != 0 && (!layout.host_valid || initial.size() < layout.host_bytes)) {
    return layout.host_valid ? CL_INVALID_VALUE : CL_INVALID_IMAGE_DESCRIPTOR;
  }
  MemoryCharge charge;
  // The driver refuses what is larger than it supports by itself, and with a code of its own.
  if (memory == nullptr && !BeyondLimits(*context, descriptor) &&
      !Charge(&charge, *context, layout.device_bytes)) {
    return CL_MEM_OBJECT_ALLOCATION_FAILURE;
  }
  const cl_mem_flags flags =
      (call.flags & ~cl_mem_flags{kHostPointerFlags}) | (initial.empty() ? 0 : CL_MEM_COPY_HOST_PTR);
  void* host = initial.empty() ? nullptr : const_cast<std::byte*>(initial.data());
  cl_int status = CL_SUCCESS;
  cl_mem native = nullptr;
  if (call.properties.empty() || call.properties.front() == 0 ||
      api().clCreateImageWithProperties == nullptr) {
    native = api().clCreateImage(context->native(), flags, &format, &descriptor, host, &status);
  } else {
    native = api().clCreateImageWithProperties(context->native(), MemoryProperties(call.properties).data(),
                                               flags, &format, &descriptor, host, &status);
  }
  if (native == nullptr) {
    return status != CL_SUCCESS ? status : CL_OUT_OF_RESOURCES;
  }
  if (memory == nullptr && charge.bytes() == 0) {
    api().clReleaseMemObject(native);  // it was not beyond the driver's limits after all
    return CL_INVALID_IMAGE_SIZE;
  }
  auto* image = new Memory(runtime_, ObjectKind::kImage, call.image, native, Ref<Context>(context),
                           Ref<Memory>(memory), std::move(charge));
  const auto number = [&](cl_image_info parameter) {
    size_t value = 0;
    return api().clGetImageInfo(native, parameter, sizeof value, &value, nullptr) == CL_SUCCESS ? value : 0;
  };
  reply->element_bytes = image->element_bytes = number(CL_IMAGE_ELEMENT_SIZE);
  reply->row_pitch = number(CL_IMAGE_ROW_PITCH);
  reply->slice_pitch = number(CL_IMAGE_SLICE_PITCH);
  size_t size = 0;
  (void)api().clGetMemObjectInfo(native, CL_MEM_SIZE, sizeof size, &size, nullptr);
  reply->size = image->size = size;
  Adopt(image);
  return CL_SUCCESS;
}

void Handler::On(const FrameHeader& header, const calls::CreateImage& call) {
  calls::CreateImageReply reply{};
  const cl_int status = MakeImage(call, &reply);
  AnswerWith(header, status, reply);
}

void Handler::On(const FrameHeader& header, const calls::CreatePipe& call) {
  Context* context = Find<Context>(call.context);
  if (context == nullptr || api().clCreatePipe == nullptr) {
    Answer(header, context == nullptr ? CL_INVALID_CONTEXT : CL_INVALID_OPERATION);
    return;
  }
  MemoryCharge charge;
  if (!Charge(&charge, *context, uint64_t{call.packet_bytes} * call.max_packets)) {
    Answer(header, CL_MEM_OBJECT_ALLOCATION_FAILURE);
    return;
  }
  cl_int status = CL_SUCCESS;
  cl_mem native = api().clCreatePipe(context->native(), call.flags & ~cl_mem_flags{kHostPointerFlags},
                                     call.packet_bytes, call.max_packets, nullptr, &status);
  if (native != nullptr && !Adopt(new Memory(runtime_, ObjectKind::kPipe, call.pipe, native,
                                             Ref<Context>(context), {}, std::move(charge)))) {
    return;
  }
  Answer(header, status);
}

void Handler::On(const FrameHeader& header, const calls::CreateSampler& call) {
  Context* context = Find<Context>(call.context);
  if (context == nullptr) {
    Answer(header, CL_INVALID_CONTEXT);
    return;
  }
  std::vector<cl_sampler_properties> properties(call.properties.begin(), call.properties.end());
  properties.push_back(0);
  cl_bool normalized = CL_TRUE;
  cl_addressing_mode addressing = CL_ADDRESS_CLAMP;
  cl_filter_mode filter = CL_FILTER_NEAREST;
  for (size_t i = 0; i + 1 < call.properties.size() && call.properties[i] != 0; i += 2) {
    const auto value = static_cast<cl_uint>(call.properties[i + 1]);
    switch (call.properties[i]) {
      case CL_SAMPLER_NORMALIZED_COORDS:
        normalized = value;
        break;
      case CL_SAMPLER_ADDRESSING_MODE:
        addressing = value;
        break;
      case CL_SAMPLER_FILTER_MODE:
        filter = value;
        break;
      default:
        break;
    }
  }
  cl_int status = CL_SUCCESS;
  cl_sampler native =
      api().clCreateSamplerWithProperties == nullptr
          ? api().clCreateSampler(context->native(), normalized, addressing, filter, &status)
          : api().clCreateSamplerWithProperties(context->native(), properties.data(), &status);
  if (native != nullptr && !Adopt(new Sampler(runtime_, call.sampler, native, Ref<Context>(context)))) {
    return;
  }
  Answer(header, status);
}

void Handler::On(const FrameHeader& header, const calls::GetSupportedImageFormats& call) {
  calls::GetSupportedImageFormatsReply reply;
  Context* context = Find<Context>(call.context);
  if (context == nullptr) {
    AnswerWith(header, CL_INVALID_CONTEXT, reply);
    return;
  }
  cl_uint count = 0;
  cl_int status =
      api().clGetSupportedImageFormats(context->native(), call.flags, call.image_type, 0, nullptr, &count);
  std::vector<cl_image_format> formats(count);
  if (status == CL_SUCCESS && count > 0) {
    status = api().clGetSupportedImageFormats(context->native(), call.flags, call.image_type, count,
                                              formats.data(), nullptr);
  }
  if (status == CL_SUCCESS) {
    reply.formats = std::as_bytes(std::span(formats));
  }
  AnswerWith(header, status, reply);
}

void Handler::On(const FrameHeader& header, const calls::SvmAlloc& call) {
  Context* context = Find<Context>(call.context);
  if (context == nullptr || !runtime_.arena_at_base || runtime_.ArenaRange(call.storage) == nullptr ||
      call.storage.length == 0) {
    Answer(header, context == nullptr ? CL_INVALID_CONTEXT : CL_INVALID_VALUE);
    return;
  }
  MemoryCharge charge;
  if (!Charge(&charge, *context, call.storage.length)) {
    Answer(header, CL_MEM_OBJECT_ALLOCATION_FAILURE);
    return;
  }
  if (Adopt(new Svm(runtime_, call.memory, Ref<Context>(context), std::move(charge)))) {
    Answer(header, CL_SUCCESS);
  }
}

}  // namespace flexai::executor::opencl
