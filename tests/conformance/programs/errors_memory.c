// What memory functions answer to each kind of invalid argument.
#include "program.h"

static const cl_image_format kRgba8 = {CL_RGBA, CL_UNSIGNED_INT8};

static void Buffers(void) {
  char host[64] = {0};
  cl_ulong largest;
  OK(clGetDeviceInfo(device, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof largest, &largest, NULL));
  GET(clCreateBuffer(NULL, 0, 64, NULL, &err));
  GET(clCreateBuffer(context, 0, 0, NULL, &err));
  GET(clCreateBuffer(context, 0, (size_t)largest + 1, NULL, &err));
  GET(clCreateBuffer(context, 0, SIZE_MAX, NULL, &err));
  GET(clCreateBuffer(context, CL_MEM_COPY_HOST_PTR, 64, NULL, &err));
  GET(clCreateBuffer(context, CL_MEM_USE_HOST_PTR, 64, NULL, &err));
  GET(clCreateBuffer(context, 0, 64, host, &err));
  GET(clCreateBuffer(context, CL_MEM_ALLOC_HOST_PTR, 64, host, &err));
  GET(clCreateBuffer(context, CL_MEM_USE_HOST_PTR | CL_MEM_ALLOC_HOST_PTR, 64, host, &err));
  GET(clCreateBuffer(context, CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR, 64, host, &err));
  GET(clCreateBuffer(context, CL_MEM_READ_ONLY | CL_MEM_WRITE_ONLY, 64, NULL, &err));
  GET(clCreateBuffer(context, CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY, 64, NULL, &err));
  GET(clCreateBuffer(context, CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_NO_ACCESS, 64, NULL, &err));
  GET(clCreateBuffer(context, CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_WRITE_ONLY, 64, NULL, &err));
  GET(clCreateBuffer(context, 1ull << 40, 64, NULL, &err));
  // The code is optional everywhere.
  cl_mem mem = clCreateBuffer(context, 0, 64, NULL, NULL);
  printf("without a code %d\n", mem != NULL);
  printf("without a code %d\n", clCreateBuffer(context, 0, 0, NULL, NULL) != NULL);
  cl_uint value;
  SHOW(clGetMemObjectInfo(mem, CL_MEM_MAP_COUNT, 3, &value, NULL));
  SHOW(clGetMemObjectInfo(mem, 0x999, sizeof value, &value, NULL));
  SHOW(clGetMemObjectInfo(NULL, CL_MEM_MAP_COUNT, sizeof value, &value, NULL));
  SHOW(clGetImageInfo(mem, CL_IMAGE_WIDTH, sizeof value, &value, NULL));
  SHOW(clSetMemObjectDestructorCallback(NULL, NULL, NULL));
  OK(clReleaseMemObject(mem));
}

static void Image(const char* label, cl_mem_flags flags, const cl_image_format* format,
                  const cl_image_desc* desc, void* host) {
  cl_mem image = clCreateImage(context, flags, format, desc, host, &err);
  printf("%s: %s %s\n", label, CodeName(err), image ? "some" : "null");
  if (image) OK(clReleaseMemObject(image));
}

static void Images(void) {
  static char host[65536];
  cl_image_desc good = {.image_type = CL_MEM_OBJECT_IMAGE2D, .image_width = 8, .image_height = 8}, desc;
  Image("good", 0, &kRgba8, &good, NULL);
  Image("no format", 0, NULL, &good, NULL);
  Image("no descriptor", 0, &kRgba8, NULL, NULL);
  cl_image_format odd = {0x9999, CL_FLOAT}, unsupported = {CL_RGB, CL_FLOAT},
                  mismatch = {CL_RGB, CL_UNSIGNED_INT8};
  Image("unknown order", 0, &odd, &good, NULL);
  Image("unsupported", 0, &unsupported, &good, NULL);
  Image("mismatch", 0, &mismatch, &good, NULL);
  desc = good, desc.image_width = 0;
  Image("no width", 0, &kRgba8, &desc, NULL);
  desc = good, desc.image_height = 0;
  Image("no height", 0, &kRgba8, &desc, NULL);
  desc = good, desc.image_width = 1u << 30;
  Image("too wide", 0, &kRgba8, &desc, NULL);
  desc = good, desc.image_type = 0x9999;
  Image("unknown type", 0, &kRgba8, &desc, NULL);
  desc = good, desc.image_row_pitch = 16;
  Image("pitch without host pointer", 0, &kRgba8, &desc, NULL);
  Image("pitch too small", CL_MEM_COPY_HOST_PTR, &kRgba8, &desc, host);
  desc = good, desc.image_row_pitch = 33;
  Image("pitch no multiple", CL_MEM_COPY_HOST_PTR, &kRgba8, &desc, host);
  Image("copy without host pointer", CL_MEM_COPY_HOST_PTR, &kRgba8, &good, NULL);
  Image("host pointer without flag", 0, &kRgba8, &good, host);
  Image("read and write only", CL_MEM_READ_ONLY | CL_MEM_WRITE_ONLY, &kRgba8, &good, NULL);
  desc = good, desc.image_type = CL_MEM_OBJECT_IMAGE3D;
  Image("no depth", 0, &kRgba8, &desc, NULL);
  desc = good, desc.image_type = CL_MEM_OBJECT_IMAGE1D_BUFFER;
  Image("no buffer", 0, &kRgba8, &desc, NULL);
  GET(clCreateImage(NULL, 0, &kRgba8, &good, NULL, &err));
  GET(clCreateImage2D(context, 0, &kRgba8, 0, 8, 0, NULL, &err));
  GET(clCreateImage3D(context, 0, &kRgba8, 8, 8, 0, 0, 0, NULL, &err));
  cl_mem image = MAKE(clCreateImage(context, 0, &kRgba8, &good, NULL, &err));
  size_t value;
  SHOW(clGetImageInfo(image, 0x999, sizeof value, &value, NULL));
  SHOW(clGetImageInfo(image, CL_IMAGE_WIDTH, 4, &value, NULL));
  SHOW(clGetImageInfo(NULL, CL_IMAGE_WIDTH, sizeof value, &value, NULL));
  OK(clReleaseMemObject(image));
}

int main(void) {
  Begin();
  Buffers();
  Images();
  End();
}
