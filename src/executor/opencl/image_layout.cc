#include "executor/opencl/image_layout.h"

#include <algorithm>

namespace flexai::executor::opencl {
namespace {

uint64_t ChannelBytes(cl_channel_type type) {
  switch (type) {
    case CL_SNORM_INT8:
    case CL_UNORM_INT8:
    case CL_SIGNED_INT8:
    case CL_UNSIGNED_INT8:
      return 1;
    case CL_SNORM_INT16:
    case CL_UNORM_INT16:
    case CL_SIGNED_INT16:
    case CL_UNSIGNED_INT16:
    case CL_HALF_FLOAT:
      return 2;
    default:
      return 4;
  }
}

uint64_t Channels(cl_channel_order order) {
  switch (order) {
    case CL_R:
    case CL_A:
    case CL_INTENSITY:
    case CL_LUMINANCE:
    case CL_DEPTH:
      return 1;
    case CL_RG:
    case CL_RA:
    case CL_Rx:
      return 2;
    case CL_RGB:
    case CL_RGx:
    case CL_sRGB:
      return 3;
    default:
      return 4;
  }
}

bool Multiply(uint64_t a, uint64_t b, uint64_t* product) { return !__builtin_mul_overflow(a, b, product); }
bool Add(uint64_t a, uint64_t b, uint64_t* sum) { return !__builtin_add_overflow(a, b, sum); }

}  // namespace

uint64_t ElementBytes(const cl_image_format& format) {
  switch (format.image_channel_data_type) {
    case CL_UNORM_SHORT_565:
    case CL_UNORM_SHORT_555:
      return 2;
    case CL_UNORM_INT_101010:
    case CL_UNORM_INT_101010_2:
    case CL_UNORM_INT24:
      return 4;
    default:
      return ChannelBytes(format.image_channel_data_type) * Channels(format.image_channel_order);
  }
}

bool PitchedBytes(uint64_t row_bytes, uint64_t rows, uint64_t slices, uint64_t row_pitch,
                  uint64_t slice_pitch, uint64_t* bytes) {
  *bytes = 0;
  if (row_bytes == 0 || rows == 0 || slices == 0) {
    return true;
  }
  const uint64_t row = row_pitch != 0 ? row_pitch : row_bytes;
  uint64_t slice = slice_pitch;
  if (row < row_bytes || (slice == 0 && !Multiply(row, rows, &slice))) {
    return false;
  }
  uint64_t last_row = 0;
  uint64_t last_slice = 0;
  return Multiply(row, rows - 1, &last_row) && Multiply(slice, slices - 1, &last_slice) &&
         Add(last_row, last_slice, bytes) && Add(*bytes, row_bytes, bytes);
}

ImageLayout LayoutOf(const cl_image_format& format, const cl_image_desc& descriptor) {
  ImageLayout layout;
  layout.element_bytes = ElementBytes(format);
  const uint64_t width = std::max<uint64_t>(descriptor.image_width, 1);
  uint64_t rows = 1;
  uint64_t slices = 1;
  switch (descriptor.image_type) {
    case CL_MEM_OBJECT_IMAGE2D:
      rows = descriptor.image_height;
      break;
    case CL_MEM_OBJECT_IMAGE3D:
      rows = descriptor.image_height;
      slices = descriptor.image_depth;
      break;
    case CL_MEM_OBJECT_IMAGE1D_ARRAY:
      slices = descriptor.image_array_size;
      break;
    case CL_MEM_OBJECT_IMAGE2D_ARRAY:
      rows = descriptor.image_height;
      slices = descriptor.image_array_size;
      break;
    default:
      break;
  }
  uint64_t row_bytes = 0;
  uint64_t slice_pitch = descriptor.image_slice_pitch;
  if (descriptor.image_type == CL_MEM_OBJECT_IMAGE1D_ARRAY && slice_pitch == 0) {
    slice_pitch = descriptor.image_row_pitch;
  }
  rows = std::max<uint64_t>(rows, 1);
  slices = std::max<uint64_t>(slices, 1);
  layout.valid = Multiply(width, layout.element_bytes, &row_bytes) &&
                 PitchedBytes(row_bytes, rows, slices, 0, 0, &layout.device_bytes);
  layout.host_valid = layout.valid && PitchedBytes(row_bytes, rows, slices, descriptor.image_row_pitch,
                                                   slice_pitch, &layout.host_bytes);
  return layout;
}

}  // namespace flexai::executor::opencl
