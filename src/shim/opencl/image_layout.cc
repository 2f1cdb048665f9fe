#include "shim/opencl/image_layout.h"

namespace flexai::shim {

namespace {

unsigned Channels(cl_channel_order order) {
  switch (order) {
    case CL_R:
    case CL_A:
    case CL_Rx:
    case CL_INTENSITY:
    case CL_LUMINANCE:
    case CL_DEPTH:
      return 1;
    case CL_RG:
    case CL_RA:
    case CL_RGx:
    case CL_DEPTH_STENCIL:
      return 2;
    case CL_RGB:
    case CL_RGBx:
    case CL_sRGB:
      return 3;
    case CL_RGBA:
    case CL_BGRA:
    case CL_ARGB:
    case CL_ABGR:
    case CL_sRGBx:
    case CL_sRGBA:
    case CL_sBGRA:
      return 4;
    default:
      return 0;
  }
}

}  // namespace

size_t ElementBytes(const cl_image_format& format) {
  const size_t channels = Channels(format.image_channel_order);
  switch (format.image_channel_data_type) {
    case CL_SNORM_INT8:
    case CL_UNORM_INT8:
    case CL_SIGNED_INT8:
    case CL_UNSIGNED_INT8:
      return channels;
    case CL_SNORM_INT16:
    case CL_UNORM_INT16:
    case CL_SIGNED_INT16:
    case CL_UNSIGNED_INT16:
    case CL_HALF_FLOAT:
      return 2 * channels;
    case CL_SIGNED_INT32:
    case CL_UNSIGNED_INT32:
    case CL_FLOAT:
      return 4 * channels;
    case CL_UNORM_SHORT_565:
    case CL_UNORM_SHORT_555:
      return 2;
    case CL_UNORM_INT_101010:
    case CL_UNORM_INT_101010_2:
    case CL_UNORM_INT24:
      return 4;
    default:
      return 0;
  }
}

bool IsImageType(cl_mem_object_type type) {
  return type >= CL_MEM_OBJECT_IMAGE2D && type <= CL_MEM_OBJECT_IMAGE1D_BUFFER;
}

bool IsArray(cl_mem_object_type type) {
  return type == CL_MEM_OBJECT_IMAGE1D_ARRAY || type == CL_MEM_OBJECT_IMAGE2D_ARRAY;
}

unsigned Dimensions(cl_mem_object_type type) {
  switch (type) {
    case CL_MEM_OBJECT_IMAGE1D:
    case CL_MEM_OBJECT_IMAGE1D_BUFFER:
      return 1;
    case CL_MEM_OBJECT_IMAGE2D:
    case CL_MEM_OBJECT_IMAGE1D_ARRAY:
      return 2;
    default:
      return 3;
  }
}

void FullRegion(const cl_image_desc& descriptor, size_t* region) {
  region[0] = descriptor.image_width;
  region[1] = region[2] = 1;
  switch (descriptor.image_type) {
    case CL_MEM_OBJECT_IMAGE1D_ARRAY:
      region[1] = descriptor.image_array_size;
      break;
    case CL_MEM_OBJECT_IMAGE2D:
      region[1] = descriptor.image_height;
      break;
    case CL_MEM_OBJECT_IMAGE2D_ARRAY:
      region[1] = descriptor.image_height;
      region[2] = descriptor.image_array_size;
      break;
    case CL_MEM_OBJECT_IMAGE3D:
      region[1] = descriptor.image_height;
      region[2] = descriptor.image_depth;
      break;
    default:
      break;
  }
}

cl_int CheckImageRegion(const Memory* image, const size_t* origin, const size_t* region) {
  if (origin == nullptr || region == nullptr) {
    return CL_INVALID_VALUE;
  }
  size_t full[3];
  FullRegion(image->descriptor, full);
  for (unsigned i = 0; i < 3; ++i) {
    if (region[i] == 0 || origin[i] > full[i] || region[i] > full[i] - origin[i]) {
      return CL_INVALID_VALUE;
    }
  }
  return CL_SUCCESS;
}

cl_int LayoutRegion(const Memory* image, const size_t* region, size_t row_pitch, size_t slice_pitch,
                    void* pointer, HostLayout* layout) {
  const size_t row_bytes = region[0] * image->element_bytes;
  if (row_pitch == 0) {
    row_pitch = row_bytes;
  }
  // The images of a 1D array lie one slice pitch apart.
  const bool rows_are_slices = image->type == CL_MEM_OBJECT_IMAGE1D_ARRAY;
  const size_t rows = rows_are_slices ? 1 : region[1];
  const size_t slices = rows_are_slices ? region[1] : region[2];
  const bool has_slices = rows_are_slices || Dimensions(image->type) == 3;
  if (slice_pitch == 0) {
    slice_pitch = row_pitch * rows;
  } else if (!has_slices) {
    return CL_INVALID_VALUE;
  }
  if (row_pitch < row_bytes || slice_pitch < row_pitch * rows) {
    return CL_INVALID_VALUE;
  }
  *layout = {static_cast<std::byte*>(pointer), row_bytes, rows, slices, row_pitch, slice_pitch};
  return CL_SUCCESS;
}

}  // namespace flexai::shim
