// Shapes of images: element sizes, which coordinates mean what, how a region lies in the application's
// memory.
#pragma once

#include "shim/opencl/objects.h"

namespace flexai::shim {

// Bytes of one pixel; 0 if the format is none that the standard knows.
size_t ElementBytes(const cl_image_format& format);

bool IsImageType(cl_mem_object_type type);
bool IsArray(cl_mem_object_type type);
// How many coordinates of a region count: 1, 2 or 3.
unsigned Dimensions(cl_mem_object_type type);
// The size of an image in region's coordinates; unused ones are 1.
void FullRegion(const cl_image_desc& descriptor, size_t* region);

// Whether a region is not empty, fits the image and has 0 and 1 in the coordinates that do not count.
// CL_INVALID_VALUE.
cl_int CheckImageRegion(const Memory* image, const size_t* origin, const size_t* region);

// How `region` lies at `pointer` with the application's pitches (0: packed). CL_INVALID_VALUE if a pitch does
// not fit.
cl_int LayoutRegion(const Memory* image, const size_t* region, size_t row_pitch, size_t slice_pitch,
                    void* pointer, HostLayout* layout);

}  // namespace flexai::shim
