// The size of images and of their pixels in host memory, computed without the driver: what a charge and a
// bounds check need before the driver is asked.
#pragma once

#include <cstdint>

#include "device/opencl/icd.h"

namespace flexai::executor::opencl {

struct ImageLayout {
  bool valid = false;          // false: the numbers overflow
  bool host_valid = false;     // false: or the pitches are no pitches
  uint64_t element_bytes = 0;  // 16 for a format unknown here (the largest there is)
  uint64_t device_bytes = 0;   // without padding
  uint64_t host_bytes = 0;     // by the descriptor's pitches
};

uint64_t ElementBytes(const cl_image_format& format);
ImageLayout LayoutOf(const cl_image_format& format, const cl_image_desc& descriptor);

// Bytes from the first to after the last of `rows` x `slices` rows of `row_bytes`, with these pitches (0:
// packed). False on overflow or a pitch smaller than what it holds.
bool PitchedBytes(uint64_t row_bytes, uint64_t rows, uint64_t slices, uint64_t row_pitch,
                  uint64_t slice_pitch, uint64_t* bytes);

}  // namespace flexai::executor::opencl
