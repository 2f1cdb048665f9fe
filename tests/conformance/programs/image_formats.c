// The image formats of each kind of image, and what each format says of itself.
#include "program.h"

int main(void) {
  Begin();
  const cl_mem_object_type types[] = {CL_MEM_OBJECT_IMAGE1D,       CL_MEM_OBJECT_IMAGE1D_BUFFER,
                                      CL_MEM_OBJECT_IMAGE1D_ARRAY, CL_MEM_OBJECT_IMAGE2D,
                                      CL_MEM_OBJECT_IMAGE2D_ARRAY, CL_MEM_OBJECT_IMAGE3D};
  const cl_mem_flags flags[] = {CL_MEM_READ_WRITE, CL_MEM_READ_ONLY, CL_MEM_WRITE_ONLY,
                                CL_MEM_KERNEL_READ_AND_WRITE};
  for (size_t t = 0; t < COUNT(types); ++t) {
    for (size_t f = 0; f < COUNT(flags); ++f) {
      cl_image_format formats[256];
      cl_uint count = 0;
      cl_int code = clGetSupportedImageFormats(context, flags[f], types[t], 256, formats, &count);
      printf("type %#x flags %#llx: %s %u:", types[t], (unsigned long long)flags[f], CodeName(code), count);
      for (cl_uint i = 0; i < count && i < 256; ++i)
        printf(" %x/%x", formats[i].image_channel_order, formats[i].image_channel_data_type);
      puts("");
    }
  }
  cl_uint count;
  cl_image_format one;
  SHOW(clGetSupportedImageFormats(context, CL_MEM_READ_ONLY, CL_MEM_OBJECT_IMAGE2D, 1, &one, &count));
  printf("all %u\n", count);
  SHOW(clGetSupportedImageFormats(context, CL_MEM_READ_ONLY, CL_MEM_OBJECT_IMAGE2D, 1, &one, NULL));
  SHOW(clGetSupportedImageFormats(context, CL_MEM_READ_ONLY, CL_MEM_OBJECT_IMAGE2D, 0, NULL, &count));
  SHOW(clGetSupportedImageFormats(context, CL_MEM_READ_ONLY, CL_MEM_OBJECT_IMAGE2D, 0, &one, &count));
  SHOW(clGetSupportedImageFormats(context, CL_MEM_READ_ONLY, CL_MEM_OBJECT_BUFFER, 1, &one, &count));
  SHOW(clGetSupportedImageFormats(context, CL_MEM_READ_ONLY | CL_MEM_WRITE_ONLY, CL_MEM_OBJECT_IMAGE2D, 1,
                                  &one, &count));
  SHOW(clGetSupportedImageFormats(NULL, CL_MEM_READ_ONLY, CL_MEM_OBJECT_IMAGE2D, 1, &one, &count));

  // Each format in one small image: element size, pitches, and the contents coming back.
  cl_image_format formats[256];
  OK(clGetSupportedImageFormats(context, CL_MEM_READ_WRITE, CL_MEM_OBJECT_IMAGE2D, 256, formats, &count));
  for (cl_uint i = 0; i < count && i < 256; ++i) {
    cl_image_desc desc = {.image_type = CL_MEM_OBJECT_IMAGE2D, .image_width = 9, .image_height = 5};
    unsigned char in[9 * 5 * 16], out[9 * 5 * 16];
    Pattern(in, sizeof in, i);
    cl_mem image = MAKE(clCreateImage(context, CL_MEM_COPY_HOST_PTR, &formats[i], &desc, in, &err));
    size_t element, row, slice, width, height, depth, size;
    OK(clGetImageInfo(image, CL_IMAGE_ELEMENT_SIZE, sizeof element, &element, NULL));
    OK(clGetImageInfo(image, CL_IMAGE_ROW_PITCH, sizeof row, &row, NULL));
    OK(clGetImageInfo(image, CL_IMAGE_SLICE_PITCH, sizeof slice, &slice, NULL));
    OK(clGetImageInfo(image, CL_IMAGE_WIDTH, sizeof width, &width, NULL));
    OK(clGetImageInfo(image, CL_IMAGE_HEIGHT, sizeof height, &height, NULL));
    OK(clGetImageInfo(image, CL_IMAGE_DEPTH, sizeof depth, &depth, NULL));
    OK(clGetMemObjectInfo(image, CL_MEM_SIZE, sizeof size, &size, NULL));
    size_t origin[3] = {0}, region[3] = {9, 5, 1};
    memset(out, 0, sizeof out);
    OK(clEnqueueReadImage(queue, image, CL_TRUE, origin, region, 0, 0, out, 0, NULL, NULL));
    printf("%x/%x: element %zu row %zu slice %zu %zux%zux%zu size %zu contents %s\n",
           formats[i].image_channel_order, formats[i].image_channel_data_type, element, row, slice, width,
           height, depth, size, memcmp(in, out, element * 45) ? "differ" : "equal");
    OK(clReleaseMemObject(image));
  }
  End();
}
