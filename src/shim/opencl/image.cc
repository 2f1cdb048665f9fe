// Images.
#include "shim/opencl/image_layout.h"
#include "shim/opencl/info.h"
#include "shim/opencl/memory.h"
#include "shim/opencl/query.h"

namespace flexai::shim {

namespace {

struct ImageRequest {
  Context* context = nullptr;
  const cl_mem_properties* properties = nullptr;
  cl_mem_flags flags = 0;
  const cl_image_format* format = nullptr;
  const cl_image_desc* descriptor = nullptr;
  void* host_ptr = nullptr;
};

// What must hold here; whether there are such images is the device's to say.
cl_int CheckRequest(const ImageRequest& request) {
  if (!IsValid(request.context)) {
    return CL_INVALID_CONTEXT;
  }
  if (const cl_int status = CheckMemoryProperties(request.properties); status != CL_SUCCESS) {
    return status;
  }
  if (request.format == nullptr) {
    return CL_INVALID_IMAGE_FORMAT_DESCRIPTOR;
  }
  // Mip levels and samples belong to extensions with calls of their own; some drivers abort when asked.
  if (request.descriptor == nullptr || request.descriptor->num_mip_levels != 0 ||
      request.descriptor->num_samples != 0) {
    return CL_INVALID_IMAGE_DESCRIPTOR;
  }
  if (!request.context->images) {
    return CL_INVALID_OPERATION;
  }
  const Memory* memory = request.descriptor->mem_object;
  if (memory == nullptr) {
    return CheckMemoryFlags(request.flags, request.host_ptr);
  }
  if (!IsValid(memory) || memory->context != request.context || request.host_ptr != nullptr) {
    return CL_INVALID_IMAGE_DESCRIPTOR;
  }
  cl_mem_flags inherited = 0;
  return InheritFlags(memory, request.flags, &inherited);
}

// The application's pixels for the executor, with the application's pitches: the device judges those too.
cl_int CopyContents(const Memory* image, const ImageRequest& request, wire::Payload* initial,
                    ArenaRange* staging) {
  if (image->element_bytes == 0) {
    return CL_SUCCESS;  // a format we do not know: the device says what is wrong with it
  }
  size_t region[3];
  FullRegion(*request.descriptor, region);
  const bool has_slices = Dimensions(image->type) == 3 || IsArray(image->type);
  HostLayout layout;
  const cl_int status =
      LayoutRegion(image, region, request.descriptor->image_row_pitch,
                   has_slices ? request.descriptor->image_slice_pitch : 0, request.host_ptr, &layout);
  if (status != CL_SUCCESS) {
    return CL_INVALID_IMAGE_DESCRIPTOR;
  }
  if (layout.bytes() == 0) {
    return CL_SUCCESS;
  }
  return image->session->MakePayload(layout.data, layout.extent(), initial, staging) ? CL_SUCCESS
                                                                                     : CL_OUT_OF_RESOURCES;
}

void NotePitches(Memory* image, const ImageRequest& request, const opencl::CreateImageReply& reply) {
  image->element_bytes = reply.element_bytes;
  image->row_pitch = reply.row_pitch;
  image->slice_pitch = reply.slice_pitch;
  image->size = reply.size;
  if (request.host_ptr == nullptr || (request.flags & CL_MEM_USE_HOST_PTR) == 0) {
    return;
  }
  // The pitches that mappings will have are those of the application's memory.
  size_t region[3];
  FullRegion(*request.descriptor, region);
  const size_t row = request.descriptor->image_row_pitch;
  image->row_pitch = row != 0 ? row : region[0] * image->element_bytes;
  if (Dimensions(image->type) == 3 || IsArray(image->type)) {
    const size_t slice = request.descriptor->image_slice_pitch;
    const size_t rows = image->type == CL_MEM_OBJECT_IMAGE1D_ARRAY ? 1 : region[1];
    image->slice_pitch = slice != 0 ? slice : image->row_pitch * rows;
  }
}

cl_int SendCreate(Memory* image, const ImageRequest& request) {
  Session* session = image->session;
  opencl::CreateImage message;
  ArenaRange staging;
  cl_image_desc descriptor = *request.descriptor;
  descriptor.mem_object = nullptr;
  cl_int status = CL_SUCCESS;
  if (request.host_ptr != nullptr) {
    status = CopyContents(image, request, &message.initial, &staging);
  }
  if (status == CL_SUCCESS) {
    message.image = image->id;
    message.context = request.context->id;
    message.flags = SentFlags(image->flags);
    message.format = std::as_bytes(std::span(request.format, 1));
    message.descriptor = std::as_bytes(std::span(&descriptor, 1));
    message.memory = image->parent == nullptr ? 0 : image->parent->id;
    Reply<opencl::CreateImageReply> reply;
    status = CallForMemory(session, [&] { return session->Call(message, &reply); });
    if (status == CL_SUCCESS) {
      NotePitches(image, request, reply.message);
    }
  }
  if (!session->lost()) {
    session->arena().Free(&staging);
  }
  return status;
}

Memory* MakeImage(const ImageRequest& request, cl_int* status) {
  *status = CheckRequest(request);
  if (*status != CL_SUCCESS) {
    return nullptr;
  }
  Session* session = request.context->session;
  session->deferred().SettleReleases();
  auto* image = New<Memory>(session, session->NewId());
  if (image == nullptr || !CopyProperties(request.properties, &image->properties)) {
    Delete(image);
    *status = CL_OUT_OF_HOST_MEMORY;
    return nullptr;
  }
  image->context = request.context;
  image->type = request.descriptor->image_type;
  image->format = *request.format;
  image->descriptor = *request.descriptor;
  image->element_bytes = ElementBytes(*request.format);
  image->parent = request.descriptor->mem_object;
  if (image->parent != nullptr) {
    InheritFlags(image->parent, request.flags, &image->flags);
  } else {
    image->flags = EffectiveFlags(request.flags);
  }
  image->host_ptr = (request.flags & CL_MEM_USE_HOST_PTR) != 0 ? request.host_ptr : nullptr;
  *status = SendCreate(image, request);
  if (*status != CL_SUCCESS) {
    Delete(image);
    return nullptr;
  }
  Hold(request.context);
  if (image->parent != nullptr) {
    Hold(image->parent);
  }
  session->live_handles().Add(image);
  return image;
}

cl_mem Create(const ImageRequest& request, cl_int* errcode_ret) {
  cl_int status = CL_SUCCESS;
  Memory* image = MakeImage(request, &status);
  return image != nullptr ? Success(image, errcode_ret) : Failure(status, errcode_ret);
}

}  // namespace

}  // namespace flexai::shim

using namespace flexai::shim;

extern "C" {

cl_mem CL_API_CALL clCreateImage(cl_context context, cl_mem_flags flags, const cl_image_format* image_format,
                                 const cl_image_desc* image_desc, void* host_ptr, cl_int* errcode_ret) {
  return Create({context, nullptr, flags, image_format, image_desc, host_ptr}, errcode_ret);
}

cl_mem CL_API_CALL clCreateImageWithProperties(cl_context context, const cl_mem_properties* properties,
                                               cl_mem_flags flags, const cl_image_format* image_format,
                                               const cl_image_desc* image_desc, void* host_ptr,
                                               cl_int* errcode_ret) {
  return Create({context, properties, flags, image_format, image_desc, host_ptr}, errcode_ret);
}

cl_mem CL_API_CALL clCreateImage2D(cl_context context, cl_mem_flags flags,
                                   const cl_image_format* image_format, size_t image_width,
                                   size_t image_height, size_t image_row_pitch, void* host_ptr,
                                   cl_int* errcode_ret) {
  cl_image_desc descriptor{};
  descriptor.image_type = CL_MEM_OBJECT_IMAGE2D;
  descriptor.image_width = image_width;
  descriptor.image_height = image_height;
  descriptor.image_row_pitch = image_row_pitch;
  return Create({context, nullptr, flags, image_format, &descriptor, host_ptr}, errcode_ret);
}

cl_mem CL_API_CALL clCreateImage3D(cl_context context, cl_mem_flags flags,
                                   const cl_image_format* image_format, size_t image_width,
                                   size_t image_height, size_t image_depth, size_t image_row_pitch,
                                   size_t image_slice_pitch, void* host_ptr, cl_int* errcode_ret) {
  cl_image_desc descriptor{};
  descriptor.image_type = CL_MEM_OBJECT_IMAGE3D;
  descriptor.image_width = image_width;
  descriptor.image_height = image_height;
  descriptor.image_depth = image_depth;
  descriptor.image_row_pitch = image_row_pitch;
  descriptor.image_slice_pitch = image_slice_pitch;
  return Create({context, nullptr, flags, image_format, &descriptor, host_ptr}, errcode_ret);
}

cl_int CL_API_CALL clGetSupportedImageFormats(cl_context context, cl_mem_flags flags,
                                              cl_mem_object_type image_type, cl_uint num_entries,
                                              cl_image_format* image_formats, cl_uint* num_image_formats) {
  if (!IsValid(context)) {
    return CL_INVALID_CONTEXT;
  }
  if (!IsImageType(image_type) || (num_entries == 0 && image_formats != nullptr)) {
    return CL_INVALID_VALUE;
  }
  flexai::opencl::GetSupportedImageFormats message;
  message.context = context->id;
  message.flags = flags;
  message.image_type = image_type;
  Reply<flexai::opencl::GetSupportedImageFormatsReply> reply;
  const cl_int status = context->session->Call(message, &reply);
  if (status != CL_SUCCESS) {
    return status;
  }
  const std::span<const std::byte> formats = reply.message.formats;
  const auto count = static_cast<cl_uint>(formats.size() / sizeof(cl_image_format));
  if (image_formats != nullptr) {
    const cl_uint taken = num_entries < count ? num_entries : count;
    std::memcpy(image_formats, formats.data(), taken * sizeof(cl_image_format));
  }
  if (num_image_formats != nullptr) {
    *num_image_formats = count;
  }
  return CL_SUCCESS;
}

cl_int CL_API_CALL clGetImageInfo(cl_mem image, cl_image_info param_name, size_t param_value_size,
                                  void* param_value, size_t* param_value_size_ret) {
  if (!IsImage(image)) {
    return CL_INVALID_MEM_OBJECT;
  }
  const InfoTarget target{param_value_size, param_value, param_value_size_ret};
  size_t region[3];
  FullRegion(image->descriptor, region);
  const bool flat = Dimensions(image->type) == 1 || image->type == CL_MEM_OBJECT_IMAGE1D_ARRAY;
  switch (param_name) {
    case CL_IMAGE_FORMAT:
      return target.Value(image->format);
    case CL_IMAGE_ELEMENT_SIZE:
      return target.Value(image->element_bytes);
    case CL_IMAGE_ROW_PITCH:
      return target.Value(image->row_pitch);
    case CL_IMAGE_SLICE_PITCH:
      return target.Value(image->slice_pitch);
    case CL_IMAGE_WIDTH:
      return target.Value(region[0]);
    case CL_IMAGE_HEIGHT:
      return target.Value(flat ? size_t{0} : region[1]);
    case CL_IMAGE_DEPTH:
      return target.Value(image->type == CL_MEM_OBJECT_IMAGE3D ? region[2] : size_t{0});
    case CL_IMAGE_ARRAY_SIZE:
      return target.Value(IsArray(image->type) ? image->descriptor.image_array_size : size_t{0});
    case CL_IMAGE_BUFFER:
      return target.Value(image->parent);
    case CL_IMAGE_NUM_MIP_LEVELS:
      return target.Value(image->descriptor.num_mip_levels);
    case CL_IMAGE_NUM_SAMPLES:
      return target.Value(image->descriptor.num_samples);
    default:
      break;
  }
  InfoQuery query;
  query.function = FLEXAI_FUNCTION_INDEX(clGetImageInfo);
  query.object = image->id;
  query.parameter = param_name;
  return query.Answer(image->session, target);
}

}  // extern "C"
