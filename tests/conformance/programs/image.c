// Images of every kind: info, read, write, copy, fill, map, and copies from and to buffers.
#include "program.h"

static const cl_image_format kRgba8 = {CL_RGBA, CL_UNSIGNED_INT8};
enum { kW = 13, kH = 7, kD = 4 };
static unsigned char start[kW * kH * kD * 4], back[sizeof start];

static void ShowInfo(cl_mem image) {
  const struct {
    cl_image_info parameter;
    const char* name;
  } sizes[] = {{CL_IMAGE_ELEMENT_SIZE, "element"}, {CL_IMAGE_ROW_PITCH, "row"},
               {CL_IMAGE_SLICE_PITCH, "slice"},    {CL_IMAGE_WIDTH, "width"},
               {CL_IMAGE_HEIGHT, "height"},        {CL_IMAGE_DEPTH, "depth"},
               {CL_IMAGE_ARRAY_SIZE, "array"}};
  printf("  info:");
  for (size_t i = 0; i < COUNT(sizes); ++i) {
    size_t value = 99;
    OK(clGetImageInfo(image, sizes[i].parameter, sizeof value, &value, NULL));
    printf(" %s %zu", sizes[i].name, value);
  }
  cl_uint levels, samples;
  cl_image_format format;
  cl_mem buffer;
  cl_mem_object_type type;
  OK(clGetImageInfo(image, CL_IMAGE_NUM_MIP_LEVELS, sizeof levels, &levels, NULL));
  OK(clGetImageInfo(image, CL_IMAGE_NUM_SAMPLES, sizeof samples, &samples, NULL));
  OK(clGetImageInfo(image, CL_IMAGE_FORMAT, sizeof format, &format, NULL));
  OK(clGetImageInfo(image, CL_IMAGE_BUFFER, sizeof buffer, &buffer, NULL));
  OK(clGetMemObjectInfo(image, CL_MEM_TYPE, sizeof type, &type, NULL));
  printf(" levels %u samples %u format %x/%x buffer %d type %#x\n", levels, samples,
         format.image_channel_order, format.image_channel_data_type, buffer != NULL, type);
}

static unsigned long long Contents(cl_mem image, const size_t* region) {
  const size_t origin[3] = {0, 0, 0};
  memset(back, 0, sizeof back);
  OK(clEnqueueReadImage(queue, image, CL_TRUE, origin, region, 0, 0, back, 0, NULL, NULL));
  return Hash(back, region[0] * region[1] * region[2] * 4);
}

static void Kind(const char* label, cl_image_desc desc, const size_t* region) {
  printf("--- %s\n", label);
  cl_mem image = GET(clCreateImage(context, CL_MEM_COPY_HOST_PTR, &kRgba8, &desc, start, &err));
  if (!image) return;
  ShowInfo(image);
  size_t bytes = region[0] * region[1] * region[2] * 4;
  printf("  start %d\n", Contents(image, region) == Hash(start, bytes));

  size_t origin[3] = {2, region[1] > 2, region[2] > 2},
         part[3] = {5, region[1] > 2 ? 3 : 1, region[2] > 2 ? 2 : 1};
  unsigned char small[5 * 3 * 2 * 4];
  Pattern(small, sizeof small, 9);
  SHOW(clEnqueueWriteImage(queue, image, CL_FALSE, origin, part, 0, 0, small, 0, NULL, NULL));
  OK(clFinish(queue));
  printf("  written %016llx\n", Contents(image, region));
  memset(small, 0, sizeof small);
  SHOW(clEnqueueReadImage(queue, image, CL_TRUE, origin, part, 0, 0, small, 0, NULL, NULL));
  printf("  read part %016llx\n", Hash(small, sizeof small));

  cl_uint color[4] = {1, 2, 300, 4};
  SHOW(clEnqueueFillImage(queue, image, color, origin, part, 0, NULL, NULL));
  printf("  filled %016llx\n", Contents(image, region));

  cl_mem other = MAKE(clCreateImage(context, CL_MEM_READ_WRITE, &kRgba8, &desc, NULL, &err));
  size_t zero[3] = {0, 0, 0};
  OK(clEnqueueWriteImage(queue, other, CL_TRUE, zero, region, 0, 0, start, 0, NULL, NULL));
  SHOW(clEnqueueCopyImage(queue, image, other, origin, zero, part, 0, NULL, NULL));
  printf("  copied %016llx\n", Contents(other, region));

  cl_mem buffer = MAKE(clCreateBuffer(context, CL_MEM_READ_WRITE, sizeof start, NULL, &err));
  unsigned char pad = 0x11;
  OK(clEnqueueFillBuffer(queue, buffer, &pad, 1, 0, sizeof start, 0, NULL, NULL));
  SHOW(clEnqueueCopyImageToBuffer(queue, image, buffer, origin, part, 8, 0, NULL, NULL));
  printf("  buffer %016llx\n", BufferHash(buffer, 0, sizeof start));
  SHOW(clEnqueueCopyBufferToImage(queue, buffer, other, 16, zero, part, 0, NULL, NULL));
  printf("  from buffer %016llx\n", Contents(other, region));

  size_t row = 99, slice = 99;
  unsigned char* p = GET(clEnqueueMapImage(queue, image, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, origin, part,
                                           &row, &slice, 0, NULL, NULL, &err));
  if (p) {
    printf("  map row %zu slice %zu", row, slice);
    for (size_t z = 0; z < part[2]; ++z)
      for (size_t y = 0; y < part[1]; ++y) {
        printf(" %02x", p[z * slice + y * row]);
        p[z * slice + y * row] ^= 0xff;
      }
    puts("");
    SHOW(clEnqueueUnmapMemObject(queue, image, p, 0, NULL, NULL));
    printf("  after map %016llx\n", Contents(image, region));
  }
  OK(clReleaseMemObject(buffer));
  OK(clReleaseMemObject(other));
  OK(clReleaseMemObject(image));
}

static void HostPitches(void) {
  puts("--- pitches of the host");
  cl_image_desc desc = {
      .image_type = CL_MEM_OBJECT_IMAGE2D, .image_width = 6, .image_height = 5, .image_row_pitch = 32};
  cl_mem image = GET(clCreateImage(context, CL_MEM_COPY_HOST_PTR, &kRgba8, &desc, start, &err));
  ShowInfo(image);
  size_t region[3] = {6, 5, 1}, origin[3] = {0, 0, 0};
  printf("  %016llx\n", Contents(image, region));
  unsigned char padded[48 * 5];
  memset(padded, 0xaa, sizeof padded);
  SHOW(clEnqueueReadImage(queue, image, CL_TRUE, origin, region, 48, 0, padded, 0, NULL, NULL));
  printf("  %016llx\n", Hash(padded, sizeof padded));
  SHOW(clEnqueueWriteImage(queue, image, CL_TRUE, origin, region, 40, 0, padded, 0, NULL, NULL));
  printf("  %016llx\n", Contents(image, region));
  OK(clReleaseMemObject(image));

  static _Alignas(4096) unsigned char host[32 * 5];
  Pattern(host, sizeof host, 3);
  image = GET(clCreateImage(context, CL_MEM_USE_HOST_PTR, &kRgba8, &desc, host, &err));
  size_t row = 0;
  cl_uint color[4] = {9, 8, 7, 6};
  size_t corner[3] = {2, 2, 1};
  OK(clEnqueueFillImage(queue, image, color, origin, corner, 0, NULL, NULL));
  void* p = GET(
      clEnqueueMapImage(queue, image, CL_TRUE, CL_MAP_READ, origin, region, &row, NULL, 0, NULL, NULL, &err));
  printf("  mapped at the host pointer %d row %zu contents %016llx\n", p == host, row,
         Hash(host, sizeof host));
  OK(clEnqueueUnmapMemObject(queue, image, p, 0, NULL, NULL));
  OK(clFinish(queue));
  OK(clReleaseMemObject(image));
}

static void OnBuffer(void) {
  puts("--- image on a buffer");
  cl_mem buffer = MAKE(clCreateBuffer(context, CL_MEM_COPY_HOST_PTR, 1024, start, &err));
  cl_image_desc desc = {.image_type = CL_MEM_OBJECT_IMAGE1D_BUFFER, .image_width = 256, .mem_object = buffer};
  cl_mem image = GET(clCreateImage(context, CL_MEM_READ_WRITE, &kRgba8, &desc, NULL, &err));
  if (image) {
    ShowInfo(image);
    size_t origin[3] = {10, 0, 0}, region[3] = {20, 1, 1};
    // No fill: PoCL 3.1 crashes in it for this kind.
    SHOW(clEnqueueWriteImage(queue, image, CL_TRUE, origin, region, 0, 0, start + 3, 0, NULL, NULL));
    printf("  buffer sees it %016llx\n", BufferHash(buffer, 0, 1024));
    OK(clReleaseMemObject(buffer));
    size_t all[3] = {256, 1, 1};
    printf("  after the buffer's release %016llx\n", Contents(image, all));
    OK(clReleaseMemObject(image));
  } else {
    OK(clReleaseMemObject(buffer));
  }
  cl_mem parent = MAKE(clCreateBuffer(context, CL_MEM_COPY_HOST_PTR, 2048, start, &err));
  cl_image_desc flat = {.image_type = CL_MEM_OBJECT_IMAGE2D,
                        .image_width = 16,
                        .image_height = 8,
                        .image_row_pitch = 64,
                        .mem_object = parent};
  image = GET(clCreateImage(context, CL_MEM_READ_WRITE, &kRgba8, &flat, NULL, &err));
  if (image) {
    size_t region[3] = {16, 8, 1};
    ShowInfo(image);
    printf("  2D on a buffer %016llx\n", Contents(image, region));
    OK(clReleaseMemObject(image));
  }
  OK(clReleaseMemObject(parent));
}

int main(void) {
  Begin();
  Pattern(start, sizeof start, 1);
  size_t line[3] = {kW, 1, 1}, area[3] = {kW, kH, 1}, volume[3] = {kW, kH, kD}, lines[3] = {kW, kD, 1};
  Kind("1D", (cl_image_desc){.image_type = CL_MEM_OBJECT_IMAGE1D, .image_width = kW}, line);
  Kind("2D", (cl_image_desc){.image_type = CL_MEM_OBJECT_IMAGE2D, .image_width = kW, .image_height = kH},
       area);
  Kind("3D",
       (cl_image_desc){
           .image_type = CL_MEM_OBJECT_IMAGE3D, .image_width = kW, .image_height = kH, .image_depth = kD},
       volume);
  Kind("1D array",
       (cl_image_desc){.image_type = CL_MEM_OBJECT_IMAGE1D_ARRAY, .image_width = kW, .image_array_size = kD},
       lines);
  Kind("2D array",
       (cl_image_desc){.image_type = CL_MEM_OBJECT_IMAGE2D_ARRAY,
                       .image_width = kW,
                       .image_height = kH,
                       .image_array_size = kD},
       volume);
  HostPitches();
  OnBuffer();
  cl_mem old2 = GET(clCreateImage2D(context, CL_MEM_COPY_HOST_PTR, &kRgba8, kW, kH, 0, start, &err));
  printf("clCreateImage2D %016llx\n", Contents(old2, area));
  OK(clReleaseMemObject(old2));
  cl_mem old3 = GET(clCreateImage3D(context, CL_MEM_COPY_HOST_PTR, &kRgba8, kW, kH, kD, 0, 0, start, &err));
  printf("clCreateImage3D %016llx\n", Contents(old3, volume));
  OK(clReleaseMemObject(old3));
  cl_image_desc desc = {.image_type = CL_MEM_OBJECT_IMAGE2D, .image_width = kW, .image_height = kH};
  cl_mem with = GET(clCreateImageWithProperties(context, NULL, CL_MEM_READ_ONLY, &kRgba8, &desc, NULL, &err));
  size_t size = 99;
  SHOW(clGetMemObjectInfo(with, CL_MEM_PROPERTIES, 0, NULL, &size));
  printf("properties %zu\n", size);
  OK(clReleaseMemObject(with));
  End();
}
