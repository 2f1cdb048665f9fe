// Every value of platform and device, and how clGet*Info calls treat sizes. Values that a quota changes are
// for the harness to leave out by their names (docs/compatibility.md).
#include "program.h"

#define P(name) \
  { name, #name }

static void ShowBytes(const unsigned char* value, size_t size, int text) {
  if (text) {
    printf("'%s'\n", value);
  } else {
    for (size_t i = 0; i < size && i < 256; ++i) printf("%02x", value[i]);
    printf(" (%zu)\n", size);
  }
}

static void Platform(void) {
  const struct {
    cl_platform_info parameter;
    const char* name;
    int text;
  } rows[] = {{CL_PLATFORM_PROFILE, "PROFILE", 1},
              {CL_PLATFORM_VERSION, "VERSION", 1},
              {CL_PLATFORM_NAME, "NAME", 1},
              {CL_PLATFORM_VENDOR, "VENDOR", 1},
              {CL_PLATFORM_EXTENSIONS, "EXTENSIONS", 1},
              {CL_PLATFORM_NUMERIC_VERSION, "NUMERIC_VERSION", 0},
              {CL_PLATFORM_HOST_TIMER_RESOLUTION, "HOST_TIMER_RESOLUTION", 0},
              {0x1234, "unknown", 0}};
  for (size_t i = 0; i < COUNT(rows); ++i) {
    unsigned char value[8192] = {0};
    size_t size = 0;
    cl_int code = clGetPlatformInfo(platform, rows[i].parameter, sizeof value, value, &size);
    printf("platform %s: %s ", rows[i].name, CodeName(code));
    ShowBytes(value, size, rows[i].text);
  }
}

static void Device(void) {
  const struct {
    cl_device_info parameter;
    const char* name;
  } texts[] = {P(CL_DEVICE_NAME),       P(CL_DEVICE_VENDOR),
               P(CL_DRIVER_VERSION),    P(CL_DEVICE_PROFILE),
               P(CL_DEVICE_VERSION),    P(CL_DEVICE_OPENCL_C_VERSION),
               P(CL_DEVICE_EXTENSIONS), P(CL_DEVICE_BUILT_IN_KERNELS),
               P(CL_DEVICE_IL_VERSION), P(CL_DEVICE_LATEST_CONFORMANCE_VERSION_PASSED)},
    numbers[] = {P(CL_DEVICE_TYPE),
                 P(CL_DEVICE_VENDOR_ID),
                 P(CL_DEVICE_MAX_COMPUTE_UNITS),
                 P(CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS),
                 P(CL_DEVICE_MAX_WORK_GROUP_SIZE),
                 P(CL_DEVICE_MAX_WORK_ITEM_SIZES),
                 P(CL_DEVICE_PREFERRED_VECTOR_WIDTH_CHAR),
                 P(CL_DEVICE_PREFERRED_VECTOR_WIDTH_SHORT),
                 P(CL_DEVICE_PREFERRED_VECTOR_WIDTH_INT),
                 P(CL_DEVICE_PREFERRED_VECTOR_WIDTH_LONG),
                 P(CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT),
                 P(CL_DEVICE_PREFERRED_VECTOR_WIDTH_DOUBLE),
                 P(CL_DEVICE_PREFERRED_VECTOR_WIDTH_HALF),
                 P(CL_DEVICE_NATIVE_VECTOR_WIDTH_CHAR),
                 P(CL_DEVICE_NATIVE_VECTOR_WIDTH_SHORT),
                 P(CL_DEVICE_NATIVE_VECTOR_WIDTH_INT),
                 P(CL_DEVICE_NATIVE_VECTOR_WIDTH_LONG),
                 P(CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT),
                 P(CL_DEVICE_NATIVE_VECTOR_WIDTH_DOUBLE),
                 P(CL_DEVICE_NATIVE_VECTOR_WIDTH_HALF),
                 P(CL_DEVICE_MAX_CLOCK_FREQUENCY),
                 P(CL_DEVICE_ADDRESS_BITS),
                 P(CL_DEVICE_MAX_READ_IMAGE_ARGS),
                 P(CL_DEVICE_MAX_WRITE_IMAGE_ARGS),
                 P(CL_DEVICE_MAX_READ_WRITE_IMAGE_ARGS),
                 P(CL_DEVICE_MAX_MEM_ALLOC_SIZE),
                 P(CL_DEVICE_IMAGE2D_MAX_WIDTH),
                 P(CL_DEVICE_IMAGE2D_MAX_HEIGHT),
                 P(CL_DEVICE_IMAGE3D_MAX_WIDTH),
                 P(CL_DEVICE_IMAGE3D_MAX_HEIGHT),
                 P(CL_DEVICE_IMAGE3D_MAX_DEPTH),
                 P(CL_DEVICE_IMAGE_MAX_BUFFER_SIZE),
                 P(CL_DEVICE_IMAGE_MAX_ARRAY_SIZE),
                 P(CL_DEVICE_IMAGE_SUPPORT),
                 P(CL_DEVICE_IMAGE_PITCH_ALIGNMENT),
                 P(CL_DEVICE_IMAGE_BASE_ADDRESS_ALIGNMENT),
                 P(CL_DEVICE_MAX_PARAMETER_SIZE),
                 P(CL_DEVICE_MAX_SAMPLERS),
                 P(CL_DEVICE_MEM_BASE_ADDR_ALIGN),
                 P(CL_DEVICE_MIN_DATA_TYPE_ALIGN_SIZE),
                 P(CL_DEVICE_SINGLE_FP_CONFIG),
                 P(CL_DEVICE_DOUBLE_FP_CONFIG),
                 P(CL_DEVICE_HALF_FP_CONFIG),
                 P(CL_DEVICE_GLOBAL_MEM_CACHE_TYPE),
                 P(CL_DEVICE_GLOBAL_MEM_CACHELINE_SIZE),
                 P(CL_DEVICE_GLOBAL_MEM_CACHE_SIZE),
                 P(CL_DEVICE_GLOBAL_MEM_SIZE),
                 P(CL_DEVICE_MAX_CONSTANT_BUFFER_SIZE),
                 P(CL_DEVICE_MAX_CONSTANT_ARGS),
                 P(CL_DEVICE_MAX_GLOBAL_VARIABLE_SIZE),
                 P(CL_DEVICE_GLOBAL_VARIABLE_PREFERRED_TOTAL_SIZE),
                 P(CL_DEVICE_LOCAL_MEM_TYPE),
                 P(CL_DEVICE_LOCAL_MEM_SIZE),
                 P(CL_DEVICE_ERROR_CORRECTION_SUPPORT),
                 P(CL_DEVICE_HOST_UNIFIED_MEMORY),
                 P(CL_DEVICE_PROFILING_TIMER_RESOLUTION),
                 P(CL_DEVICE_ENDIAN_LITTLE),
                 P(CL_DEVICE_AVAILABLE),
                 P(CL_DEVICE_COMPILER_AVAILABLE),
                 P(CL_DEVICE_LINKER_AVAILABLE),
                 P(CL_DEVICE_EXECUTION_CAPABILITIES),
                 P(CL_DEVICE_QUEUE_ON_HOST_PROPERTIES),
                 P(CL_DEVICE_QUEUE_ON_DEVICE_PROPERTIES),
                 P(CL_DEVICE_QUEUE_ON_DEVICE_PREFERRED_SIZE),
                 P(CL_DEVICE_QUEUE_ON_DEVICE_MAX_SIZE),
                 P(CL_DEVICE_MAX_ON_DEVICE_QUEUES),
                 P(CL_DEVICE_MAX_ON_DEVICE_EVENTS),
                 P(CL_DEVICE_PRINTF_BUFFER_SIZE),
                 P(CL_DEVICE_PREFERRED_INTEROP_USER_SYNC),
                 P(CL_DEVICE_PARTITION_MAX_SUB_DEVICES),
                 P(CL_DEVICE_PARTITION_PROPERTIES),
                 P(CL_DEVICE_PARTITION_AFFINITY_DOMAIN),
                 P(CL_DEVICE_PARTITION_TYPE),
                 P(CL_DEVICE_REFERENCE_COUNT),
                 P(CL_DEVICE_SVM_CAPABILITIES),
                 P(CL_DEVICE_PREFERRED_PLATFORM_ATOMIC_ALIGNMENT),
                 P(CL_DEVICE_PREFERRED_GLOBAL_ATOMIC_ALIGNMENT),
                 P(CL_DEVICE_PREFERRED_LOCAL_ATOMIC_ALIGNMENT),
                 P(CL_DEVICE_MAX_NUM_SUB_GROUPS),
                 P(CL_DEVICE_SUB_GROUP_INDEPENDENT_FORWARD_PROGRESS),
                 P(CL_DEVICE_MAX_PIPE_ARGS),
                 P(CL_DEVICE_PIPE_MAX_ACTIVE_RESERVATIONS),
                 P(CL_DEVICE_PIPE_MAX_PACKET_SIZE),
                 P(CL_DEVICE_NUMERIC_VERSION),
                 P(CL_DEVICE_EXTENSIONS_WITH_VERSION),
                 P(CL_DEVICE_ILS_WITH_VERSION),
                 P(CL_DEVICE_BUILT_IN_KERNELS_WITH_VERSION),
                 P(CL_DEVICE_ATOMIC_MEMORY_CAPABILITIES),
                 P(CL_DEVICE_ATOMIC_FENCE_CAPABILITIES),
                 P(CL_DEVICE_NON_UNIFORM_WORK_GROUP_SUPPORT),
                 P(CL_DEVICE_OPENCL_C_ALL_VERSIONS),
                 P(CL_DEVICE_PREFERRED_WORK_GROUP_SIZE_MULTIPLE),
                 P(CL_DEVICE_WORK_GROUP_COLLECTIVE_FUNCTIONS_SUPPORT),
                 P(CL_DEVICE_GENERIC_ADDRESS_SPACE_SUPPORT),
                 P(CL_DEVICE_OPENCL_C_FEATURES),
                 P(CL_DEVICE_DEVICE_ENQUEUE_CAPABILITIES),
                 P(CL_DEVICE_PIPE_SUPPORT),
                 {0x1fff, "unknown"}};
  static unsigned char value[65536];
  for (size_t i = 0; i < COUNT(texts); ++i) {
    size_t size = 0;
    memset(value, 0, sizeof value);
    cl_int code = clGetDeviceInfo(device, texts[i].parameter, sizeof value, value, &size);
    printf("%s: %s ", texts[i].name, CodeName(code));
    ShowBytes(value, size, 1);
  }
  for (size_t i = 0; i < COUNT(numbers); ++i) {
    size_t size = 0;
    memset(value, 0, sizeof value);
    cl_int code = clGetDeviceInfo(device, numbers[i].parameter, sizeof value, value, &size);
    printf("%s: %s ", numbers[i].name, CodeName(code));
    ShowBytes(value, size, 0);
  }
}

static void Sizes(void) {
  size_t size = 0;
  cl_uint units;
  char name[512];
  SHOW(clGetDeviceInfo(device, CL_DEVICE_MAX_COMPUTE_UNITS, 0, NULL, &size));
  printf("size %zu\n", size);
  SHOW(clGetDeviceInfo(device, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL));
  SHOW(clGetDeviceInfo(device, CL_DEVICE_MAX_COMPUTE_UNITS, 3, &units, NULL));
  SHOW(clGetDeviceInfo(device, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof name, name, &size));
  printf("size %zu\n", size);
  SHOW(clGetDeviceInfo(device, CL_DEVICE_NAME, 3, name, NULL));
  SHOW(clGetDeviceInfo(device, CL_DEVICE_NAME, 0, NULL, NULL));
  SHOW(clGetPlatformInfo(platform, CL_PLATFORM_NAME, 1, name, NULL));
  SHOW(clGetPlatformInfo(platform, CL_PLATFORM_NAME, 0, NULL, &size));
  SHOW(clGetPlatformInfo(NULL, 0x999, sizeof name, name, NULL));
  SHOW(clGetDeviceInfo(NULL, CL_DEVICE_NAME, sizeof name, name, NULL));
}

static void Lists(void) {
  cl_uint count = 0;
  cl_device_id devices[8];
  cl_platform_id owner;
  SHOW(clGetPlatformIDs(0, NULL, NULL));
  SHOW(clGetPlatformIDs(0, &owner, NULL));
  SHOW(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, &count));
  printf("all %u\n", count);
  SHOW(clGetDeviceIDs(platform, CL_DEVICE_TYPE_CPU, 8, devices, &count));
  printf("CPU %u\n", count);
  SHOW(clGetDeviceIDs(platform, CL_DEVICE_TYPE_GPU, 8, devices, &count));
  SHOW(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ACCELERATOR, 8, devices, &count));
  SHOW(clGetDeviceIDs(platform, CL_DEVICE_TYPE_DEFAULT, 8, devices, &count));
  printf("default %u mine %d\n", count, devices[0] == device);
  SHOW(clGetDeviceIDs(platform, 0, 8, devices, &count));
  SHOW(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, NULL));
  SHOW(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, devices, NULL));
  OK(clGetDeviceInfo(device, CL_DEVICE_PLATFORM, sizeof owner, &owner, NULL));
  cl_device_id parent = device;
  OK(clGetDeviceInfo(device, CL_DEVICE_PARENT_DEVICE, sizeof parent, &parent, NULL));
  printf("platform mine %d parent %s\n", owner == platform, parent ? "some" : "none");
  SHOW(clRetainDevice(device));
  SHOW(clReleaseDevice(device));
  SHOW(clReleaseDevice(device));
  SHOW(clRetainDevice(NULL));
  SHOW(clReleaseDevice(NULL));
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  FindDevice();
  Platform();
  Device();
  Sizes();
  Lists();
  puts("end");
}
