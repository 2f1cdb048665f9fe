// Images and samplers in kernels: reads with every addressing and filter mode, writes, arrays, 3D,
// read-write.
#include "program.h"

static const char* kSource =
    "kernel void sample(read_only image2d_t image, sampler_t s, global float4* out, float step) {\n"
    "  int i = get_global_id(0);\n"
    "  out[i] = read_imagef(image, s, (float2)((i - 4) * step, (i - 3) * step * 0.5f));\n"
    "}\n"
    "kernel void invert(read_only image2d_t in, write_only image2d_t out) {\n"
    "  const sampler_t s = CLK_NORMALIZED_COORDS_FALSE | CLK_ADDRESS_CLAMP | CLK_FILTER_NEAREST;\n"
    "  int2 at = (int2)(get_global_id(0), get_global_id(1));\n"
    "  write_imagef(out, at, 1.0f - read_imagef(in, s, at));\n"
    "}\n"
    "kernel void sum3(read_only image3d_t in, global uint4* out) {\n"
    "  const sampler_t s = CLK_NORMALIZED_COORDS_FALSE | CLK_ADDRESS_NONE | CLK_FILTER_NEAREST;\n"
    "  uint4 sum = 0;\n"
    "  for (int z = 0; z < get_image_depth(in); ++z)\n"
    "    sum += read_imageui(in, s, (int4)(get_global_id(0), get_global_id(1), z, 0));\n"
    "  out[get_global_id(1) * get_global_size(0) + get_global_id(0)] = sum;\n"
    "}\n"
    "kernel void layers(read_only image2d_array_t in, global int4* out) {\n"
    "  const sampler_t s = CLK_NORMALIZED_COORDS_FALSE | CLK_ADDRESS_CLAMP_TO_EDGE | CLK_FILTER_NEAREST;\n"
    "  out[get_global_id(0)] = read_imagei(in, s, (int4)(1, 1, get_global_id(0), 0));\n"
    "}\n"
    "kernel void dimensions(read_only image2d_t a, read_only image3d_t b, global int* out) {\n"
    "  out[0] = get_image_width(a); out[1] = get_image_height(a); out[2] = get_image_depth(b);\n"
    "  out[3] = get_image_channel_order(a); out[4] = get_image_channel_data_type(a);\n"
    "}\n";

static cl_program program;

static cl_mem Image(cl_mem_object_type type, cl_channel_type channel, size_t w, size_t h, size_t d,
                    size_t array, const void* data) {
  cl_image_format format = {CL_RGBA, channel};
  cl_image_desc desc = {
      .image_type = type, .image_width = w, .image_height = h, .image_depth = d, .image_array_size = array};
  return MAKE(clCreateImage(context, data ? CL_MEM_COPY_HOST_PTR : 0, &format, &desc, (void*)data, &err));
}

static void Samplers(void) {
  const cl_addressing_mode modes[] = {CL_ADDRESS_NONE, CL_ADDRESS_CLAMP_TO_EDGE, CL_ADDRESS_CLAMP,
                                      CL_ADDRESS_REPEAT, CL_ADDRESS_MIRRORED_REPEAT};
  float pixels[4 * 4 * 4];
  for (int i = 0; i < 64; ++i) pixels[i] = (float)((i * 7) % 11);
  cl_mem image = Image(CL_MEM_OBJECT_IMAGE2D, CL_FLOAT, 4, 4, 0, 0, pixels);
  cl_mem out = MAKE(clCreateBuffer(context, 0, 8 * 16, NULL, &err));
  cl_kernel kernel = MAKE(clCreateKernel(program, "sample", &err));
  for (int normalized = 0; normalized < 2; ++normalized)
    for (size_t mode = 0; mode < COUNT(modes); ++mode) {
      if (!normalized && mode >= 3) continue;  // repeating needs normalized coordinates
      cl_sampler sampler = MAKE(clCreateSampler(context, normalized, modes[mode], CL_FILTER_NEAREST, &err));
      float step = normalized ? 0.25f : 1.0f;
      OK(clSetKernelArg(kernel, 0, sizeof image, &image));
      OK(clSetKernelArg(kernel, 1, sizeof sampler, &sampler));
      OK(clSetKernelArg(kernel, 2, sizeof out, &out));
      OK(clSetKernelArg(kernel, 3, sizeof step, &step));
      // Without an addressing mode only coordinates inside the image are defined.
      size_t count = modes[mode] == CL_ADDRESS_NONE ? 3 : 8, from = modes[mode] == CL_ADDRESS_NONE ? 4 : 0;
      OK(clEnqueueNDRangeKernel(queue, kernel, 1, &from, &count, NULL, 0, NULL, NULL));
      printf("normalized %d mode %#x: %016llx\n", normalized, modes[mode],
             BufferHash(out, from * 16, count * 16));
      OK(clReleaseSampler(sampler));
    }
  OK(clReleaseKernel(kernel));
  OK(clReleaseMemObject(out));
  OK(clReleaseMemObject(image));
}

static void SamplerInfo(void) {
  cl_sampler sampler = GET(clCreateSampler(context, CL_TRUE, CL_ADDRESS_REPEAT, CL_FILTER_LINEAR, &err));
  cl_bool normalized;
  cl_addressing_mode mode;
  cl_filter_mode filter;
  cl_uint references;
  cl_context owner;
  SHOW(clGetSamplerInfo(sampler, CL_SAMPLER_NORMALIZED_COORDS, sizeof normalized, &normalized, NULL));
  SHOW(clGetSamplerInfo(sampler, CL_SAMPLER_ADDRESSING_MODE, sizeof mode, &mode, NULL));
  SHOW(clGetSamplerInfo(sampler, CL_SAMPLER_FILTER_MODE, sizeof filter, &filter, NULL));
  SHOW(clGetSamplerInfo(sampler, CL_SAMPLER_REFERENCE_COUNT, sizeof references, &references, NULL));
  SHOW(clGetSamplerInfo(sampler, CL_SAMPLER_CONTEXT, sizeof owner, &owner, NULL));
  printf("sampler %u %#x %#x references %u context %d\n", normalized, mode, filter, references,
         owner == context);
  OK(clRetainSampler(sampler));
  OK(clReleaseSampler(sampler));
  OK(clReleaseSampler(sampler));
  const cl_sampler_properties properties[] = {CL_SAMPLER_NORMALIZED_COORDS,
                                              CL_FALSE,
                                              CL_SAMPLER_ADDRESSING_MODE,
                                              CL_ADDRESS_CLAMP,
                                              CL_SAMPLER_FILTER_MODE,
                                              CL_FILTER_NEAREST,
                                              0};
  sampler = GET(clCreateSamplerWithProperties(context, properties, &err));
  size_t size = 99;
  SHOW(clGetSamplerInfo(sampler, CL_SAMPLER_PROPERTIES, 0, NULL, &size));
  printf("properties %zu\n", size);
  OK(clReleaseSampler(sampler));
  sampler = GET(clCreateSamplerWithProperties(context, NULL, &err));
  if (sampler) {
    OK(clGetSamplerInfo(sampler, CL_SAMPLER_ADDRESSING_MODE, sizeof mode, &mode, NULL));
    printf("default mode %#x\n", mode);
    OK(clReleaseSampler(sampler));
  }
  GET(clCreateSampler(context, CL_TRUE, 0x99, CL_FILTER_LINEAR, &err));
  GET(clCreateSampler(context, CL_TRUE, CL_ADDRESS_REPEAT, 0x99, &err));
  const cl_sampler_properties bad[] = {0x99, 1, 0};
  GET(clCreateSamplerWithProperties(context, bad, &err));
  GET(clCreateSampler(NULL, CL_TRUE, CL_ADDRESS_REPEAT, CL_FILTER_LINEAR, &err));
}

int main(void) {
  Begin();
  program = Build(kSource, "");
  SamplerInfo();
  Samplers();

  unsigned char bytes[16 * 8 * 4];
  Pattern(bytes, sizeof bytes, 4);
  cl_mem in = Image(CL_MEM_OBJECT_IMAGE2D, CL_UNORM_INT8, 16, 8, 0, 0, bytes);
  cl_mem out = Image(CL_MEM_OBJECT_IMAGE2D, CL_UNORM_INT8, 16, 8, 0, 0, NULL);
  cl_kernel invert = MAKE(clCreateKernel(program, "invert", &err));
  OK(clSetKernelArg(invert, 0, sizeof in, &in));
  OK(clSetKernelArg(invert, 1, sizeof out, &out));
  size_t area[2] = {16, 8};
  OK(clEnqueueNDRangeKernel(queue, invert, 2, NULL, area, NULL, 0, NULL, NULL));
  size_t origin[3] = {0}, region[3] = {16, 8, 1};
  unsigned char inverted[sizeof bytes];
  OK(clEnqueueReadImage(queue, out, CL_TRUE, origin, region, 0, 0, inverted, 0, NULL, NULL));
  printf("inverted %016llx, first %d + %d\n", Hash(inverted, sizeof inverted), bytes[0], inverted[0]);

  unsigned values[3 * 3 * 3 * 4];
  for (size_t i = 0; i < COUNT(values); ++i) values[i] = (unsigned)i;
  cl_mem volume = Image(CL_MEM_OBJECT_IMAGE3D, CL_UNSIGNED_INT32, 3, 3, 3, 0, values);
  cl_mem sums = MAKE(clCreateBuffer(context, 0, 9 * 16, NULL, &err));
  cl_kernel sum3 = MAKE(clCreateKernel(program, "sum3", &err));
  OK(clSetKernelArg(sum3, 0, sizeof volume, &volume));
  OK(clSetKernelArg(sum3, 1, sizeof sums, &sums));
  size_t three[2] = {3, 3};
  OK(clEnqueueNDRangeKernel(queue, sum3, 2, NULL, three, NULL, 0, NULL, NULL));
  printf("sum3 %016llx\n", BufferHash(sums, 0, 9 * 16));

  cl_mem array = Image(CL_MEM_OBJECT_IMAGE2D_ARRAY, CL_SIGNED_INT32, 3, 3, 0, 3, values);
  cl_kernel layers = MAKE(clCreateKernel(program, "layers", &err));
  OK(clSetKernelArg(layers, 0, sizeof array, &array));
  OK(clSetKernelArg(layers, 1, sizeof sums, &sums));
  OK(clEnqueueNDRangeKernel(queue, layers, 1, NULL, three, NULL, 0, NULL, NULL));
  int layer[12];
  OK(clEnqueueReadBuffer(queue, sums, CL_TRUE, 0, sizeof layer, layer, 0, NULL, NULL));
  ShowInts("layers", layer, 12);

  cl_kernel dimensions = MAKE(clCreateKernel(program, "dimensions", &err));
  OK(clSetKernelArg(dimensions, 0, sizeof in, &in));
  OK(clSetKernelArg(dimensions, 1, sizeof volume, &volume));
  OK(clSetKernelArg(dimensions, 2, sizeof sums, &sums));
  size_t one = 1;
  OK(clEnqueueNDRangeKernel(queue, dimensions, 1, NULL, &one, NULL, 0, NULL, NULL));
  OK(clEnqueueReadBuffer(queue, sums, CL_TRUE, 0, 20, layer, 0, NULL, NULL));
  ShowInts("dimensions", layer, 5);

  cl_kernel kernels[] = {invert, sum3, layers, dimensions};
  for (size_t i = 0; i < COUNT(kernels); ++i) OK(clReleaseKernel(kernels[i]));
  cl_mem mems[] = {in, out, volume, sums, array};
  for (size_t i = 0; i < COUNT(mems); ++i) OK(clReleaseMemObject(mems[i]));
  OK(clReleaseProgram(program));
  End();
}
