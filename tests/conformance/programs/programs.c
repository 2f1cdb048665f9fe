// Programs: source, options, logs, failures, binaries, compile and link, callbacks, info.
#include <pthread.h>

#include "program.h"

static const char* kGood =
    "kernel void one(global int* p) { p[0] = ONE; }\nkernel void two(global int* p) { p[0] = 2; }\n";

static void ShowBuild(const char* label, cl_program program) {
  cl_build_status status = 99;
  cl_program_binary_type type = 99;
  size_t log = 0, global = 99;
  char options[256] = "";
  OK(clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_STATUS, sizeof status, &status, NULL));
  OK(clGetProgramBuildInfo(program, device, CL_PROGRAM_BINARY_TYPE, sizeof type, &type, NULL));
  OK(clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_OPTIONS, sizeof options, options, NULL));
  cl_int code = clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, 0, NULL, &log);
  if (code != CL_SUCCESS) printf("(log: %s) ", CodeName(code));
  code = clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_GLOBAL_VARIABLE_TOTAL_SIZE, sizeof global,
                               &global, NULL);
  printf("%s: status %d type %d options '%s' log %s globals %s %zu\n", label, status, type, options,
         log > 1 ? "some" : "empty", CodeName(code), global);
}

static void ShowInfo(cl_program program) {
  cl_uint references, devices;
  cl_context owner;
  size_t kernels = 99, length = 0;
  char names[256] = "", source[512] = "";
  OK(clGetProgramInfo(program, CL_PROGRAM_REFERENCE_COUNT, sizeof references, &references, NULL));
  OK(clGetProgramInfo(program, CL_PROGRAM_NUM_DEVICES, sizeof devices, &devices, NULL));
  OK(clGetProgramInfo(program, CL_PROGRAM_CONTEXT, sizeof owner, &owner, NULL));
  OK(clGetProgramInfo(program, CL_PROGRAM_SOURCE, sizeof source, source, &length));
  cl_int code = clGetProgramInfo(program, CL_PROGRAM_NUM_KERNELS, sizeof kernels, &kernels, NULL);
  printf("info: references %u devices %u context %d source %zu %016llx kernels %s %zu", references, devices,
         owner == context, length, Hash(source, strlen(source)), CodeName(code), kernels);
  code = clGetProgramInfo(program, CL_PROGRAM_KERNEL_NAMES, sizeof names, names, NULL);
  printf(" names %s %s\n", CodeName(code), names);
}

static int RunKernel(cl_program program, const char* name) {
  cl_kernel kernel = MAKE(clCreateKernel(program, name, &err));
  cl_mem mem = MAKE(clCreateBuffer(context, 0, 4, NULL, &err));
  size_t one = 1;
  int value = -1;
  OK(clSetKernelArg(kernel, 0, sizeof mem, &mem));
  OK(clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &one, NULL, 0, NULL, NULL));
  OK(clEnqueueReadBuffer(queue, mem, CL_TRUE, 0, 4, &value, 0, NULL, NULL));
  OK(clReleaseMemObject(mem));
  OK(clReleaseKernel(kernel));
  return value;
}

static void Sources(void) {
  puts("--- sources");
  const char* parts[] = {"kernel void one(global int* p)garbage", " { p[0] = ONE", "; }\n"};
  size_t lengths[] = {30, 0, 4};
  cl_program program = GET(clCreateProgramWithSource(context, 3, parts, lengths, &err));
  ShowBuild("unbuilt", program);
  SHOW(clBuildProgram(program, 1, &device, "-DONE=11 -w -cl-fast-relaxed-math", NULL, NULL));
  ShowBuild("built", program);
  ShowInfo(program);
  printf("value %d\n", RunKernel(program, "one"));
  SHOW(clBuildProgram(program, 0, NULL, "-D ONE=12", NULL, NULL));
  printf("value after a second build %d\n", RunKernel(program, "one"));
  cl_kernel kernel = MAKE(clCreateKernel(program, "one", &err));
  SHOW(clBuildProgram(program, 0, NULL, "-D ONE=13", NULL, NULL));  // a kernel is attached
  OK(clReleaseKernel(kernel));
  OK(clReleaseProgram(program));
  GET(clCreateProgramWithSource(context, 0, parts, NULL, &err));
  GET(clCreateProgramWithSource(NULL, 1, parts, NULL, &err));
  parts[1] = NULL;
  GET(clCreateProgramWithSource(context, 3, parts, NULL, &err));
}

static void Failures(void) {
  puts("--- failures");
  const char* bad = "kernel void broken(global int* p) { p[0] = undeclared_name; }";
  cl_program program = MAKE(clCreateProgramWithSource(context, 1, &bad, NULL, &err));
  SHOW(clBuildProgram(program, 1, &device, "", NULL, NULL));
  ShowBuild("failed", program);
  static char log[65536];
  OK(clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, sizeof log, log, NULL));
  printf("log names the fault %d\n", strstr(log, "undeclared_name") != NULL);
  GET(clCreateKernel(program, "broken", &err));
  OK(clReleaseProgram(program));

  program = MAKE(clCreateProgramWithSource(context, 1, &kGood, NULL, &err));
  GET(clCreateKernel(program, "one", &err));
  SHOW(clBuildProgram(program, 1, &device, "--no-such-option", NULL, NULL));
  SHOW(clBuildProgram(program, 0, &device, "", NULL, NULL));
  SHOW(clBuildProgram(program, 1, NULL, "", NULL, NULL));
  SHOW(clBuildProgram(program, 0, NULL, "-DONE=1", NULL, &program));
  SHOW(clBuildProgram(NULL, 0, NULL, "", NULL, NULL));
  SHOW(clBuildProgram(program, 1, &device, "-DONE=1", NULL, NULL));
  GET(clCreateKernel(program, "three", &err));
  GET(clCreateKernel(program, NULL, &err));
  GET(clCreateKernel(NULL, "one", &err));
  OK(clReleaseProgram(program));
}

static void Binaries(void) {
  puts("--- binaries");
  cl_program program = Build(kGood, "-DONE=21");
  size_t size = 0;
  OK(clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL));
  unsigned char* binary = malloc(size + 1);
  binary[size] = 0x5a;
  OK(clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL));
  printf("binary %s, no overrun %d\n", size > 0 ? "some" : "none", binary[size] == 0x5a);
  OK(clReleaseProgram(program));

  cl_int status = 99;
  const unsigned char* bytes = binary;
  program = GET(clCreateProgramWithBinary(context, 1, &device, &size, &bytes, &status, &err));
  printf("status %s\n", CodeName(status));
  ShowBuild("from binary", program);
  SHOW(clBuildProgram(program, 1, &device, "", NULL, NULL));
  ShowBuild("from binary, built", program);
  printf("value %d and %d\n", RunKernel(program, "one"), RunKernel(program, "two"));
  size_t again = 0;
  OK(clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof again, &again, NULL));
  printf("same size %d\n", again == size);
  OK(clReleaseProgram(program));

  const unsigned char* junk = (const unsigned char*)"this is no program";
  size_t junk_size = 18;
  status = 99;
  GET(clCreateProgramWithBinary(context, 1, &device, &junk_size, &junk, &status, &err));
  printf("status %s\n", CodeName(status));
  size_t zero = 0;
  GET(clCreateProgramWithBinary(context, 1, &device, &zero, &bytes, NULL, &err));
  bytes = NULL;
  GET(clCreateProgramWithBinary(context, 1, &device, &size, &bytes, NULL, &err));
  GET(clCreateProgramWithBinary(context, 0, &device, &size, &junk, NULL, &err));
  GET(clCreateProgramWithBinary(context, 1, NULL, &size, &junk, NULL, &err));
  free(binary);
}

static void CompileAndLink(void) {
  puts("--- compile and link");
  const char* header = "#define FACTOR 3\nint shared(int);\n";
  const char* main_source =
      "#include \"sub/shared.h\"\nkernel void k(global int* p) { p[0] = shared(FACTOR); }\n";
  const char* library_source = "int shared(int v) { return v * 7; }\n";
  cl_program header_program = MAKE(clCreateProgramWithSource(context, 1, &header, NULL, &err));
  cl_program main_program = MAKE(clCreateProgramWithSource(context, 1, &main_source, NULL, &err));
  cl_program library = MAKE(clCreateProgramWithSource(context, 1, &library_source, NULL, &err));
  const char* name = "sub/shared.h";
  SHOW(clCompileProgram(main_program, 1, &device, "", 1, &header_program, &name, NULL, NULL));
  ShowBuild("compiled", main_program);
  SHOW(clCompileProgram(library, 0, NULL, NULL, 0, NULL, NULL, NULL, NULL));
  cl_program inputs[] = {main_program, library};
  cl_program linked = GET(clLinkProgram(context, 1, &device, "", 2, inputs, NULL, NULL, &err));
  if (linked) {
    ShowBuild("linked", linked);
    ShowInfo(linked);
    printf("value %d\n", RunKernel(linked, "k"));
    OK(clReleaseProgram(linked));
  }
  cl_program archive =
      GET(clLinkProgram(context, 1, &device, "-create-library", 1, &library, NULL, NULL, &err));
  if (archive) {
    ShowBuild("library", archive);
    cl_program both[] = {main_program, archive};
    linked = GET(clLinkProgram(context, 0, NULL, NULL, 2, both, NULL, NULL, &err));
    if (linked) printf("value %d\n", RunKernel(linked, "k"));
    if (linked) OK(clReleaseProgram(linked));
    OK(clReleaseProgram(archive));
  }
  linked =
      GET(clLinkProgram(context, 1, &device, "", 1, &main_program, NULL, NULL, &err));  // `shared` is missing
  if (linked) OK(clReleaseProgram(linked));
  GET(clLinkProgram(context, 1, &device, "", 0, inputs, NULL, NULL, &err));
  GET(clLinkProgram(context, 1, &device, "", 1, NULL, NULL, NULL, &err));
  GET(clLinkProgram(context, 1, &device, "", 1, &header_program, NULL, NULL, &err));  // never compiled
  GET(clLinkProgram(NULL, 1, &device, "", 1, &main_program, NULL, NULL, &err));
  SHOW(clCompileProgram(main_program, 1, &device, "", 0, &header_program, &name, NULL, NULL));
  SHOW(clCompileProgram(NULL, 1, &device, "", 0, NULL, NULL, NULL, NULL));
  const char* bad = "int f( {";
  cl_program broken = MAKE(clCreateProgramWithSource(context, 1, &bad, NULL, &err));
  SHOW(clCompileProgram(broken, 1, &device, "", 0, NULL, NULL, NULL, NULL));
  ShowBuild("broken", broken);
  cl_program all[] = {header_program, main_program, library, broken};
  for (size_t i = 0; i < COUNT(all); ++i) OK(clReleaseProgram(all[i]));
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int built;

static void Built(cl_program program, void* data) {
  (void)program;
  pthread_mutex_lock(&mutex);
  built += *(int*)data;
  pthread_cond_signal(&condition);
  pthread_mutex_unlock(&mutex);
}

static void WaitBuilt(int value) {
  pthread_mutex_lock(&mutex);
  while (built < value) pthread_cond_wait(&condition, &mutex);
  printf("callbacks so far %d\n", built);
  pthread_mutex_unlock(&mutex);
}

static void Callbacks(void) {
  puts("--- callbacks");
  int one = 1, ten = 10, hundred = 100;
  cl_program program = MAKE(clCreateProgramWithSource(context, 1, &kGood, NULL, &err));
  SHOW(clBuildProgram(program, 1, &device, "-DONE=5", Built, &one));
  WaitBuilt(1);
  ShowBuild("built", program);
  printf("value %d\n", RunKernel(program, "one"));
  OK(clReleaseProgram(program));
  const char* simple = "kernel void k(global int* p) { p[0] = 31; }";
  program = MAKE(clCreateProgramWithSource(context, 1, &simple, NULL, &err));
  SHOW(clCompileProgram(program, 1, &device, "", 0, NULL, NULL, Built, &ten));
  WaitBuilt(11);
  cl_program linked = GET(clLinkProgram(context, 1, &device, "", 1, &program, Built, &hundred, &err));
  WaitBuilt(111);
  printf("value %d\n", RunKernel(linked, "k"));
  OK(clReleaseProgram(linked));
  OK(clReleaseProgram(program));
  const char* bad = "no program";
  program = MAKE(clCreateProgramWithSource(context, 1, &bad, NULL, &err));
  clBuildProgram(program, 1, &device, "", Built, &one);  // the code may come at once or by the status only
  WaitBuilt(112);
  ShowBuild("failed", program);
  OK(clReleaseProgram(program));
}

static void Others(void) {
  puts("--- others");
  size_t size = 99;
  cl_program program = Build(kGood, "-DONE=1");
  SHOW(clGetProgramInfo(program, CL_PROGRAM_IL, 0, NULL, &size));
  printf("IL bytes %zu\n", size);
  cl_bool flag = 9;
  SHOW(clGetProgramInfo(program, CL_PROGRAM_SCOPE_GLOBAL_CTORS_PRESENT, sizeof flag, &flag, NULL));
  printf("constructors %u\n", flag);
  cl_uint value = 1;
  SHOW(clSetProgramSpecializationConstant(program, 0, sizeof value, &value));
  SHOW(clSetProgramSpecializationConstant(NULL, 0, sizeof value, &value));
  SHOW(clSetProgramReleaseCallback(program, NULL, NULL));
  GET(clCreateProgramWithIL(context, "not spirv", 9, &err));
  GET(clCreateProgramWithIL(context, NULL, 0, &err));
  GET(clCreateProgramWithBuiltInKernels(context, 1, &device, "no.such.kernel", &err));
  GET(clCreateProgramWithBuiltInKernels(context, 1, &device, NULL, &err));
  SHOW(clUnloadPlatformCompiler(platform));
  SHOW(clUnloadPlatformCompiler(NULL));
  SHOW(clUnloadCompiler());
  cl_uint devices = 0;
  cl_device_id found = NULL;
  OK(clGetProgramInfo(program, CL_PROGRAM_NUM_DEVICES, sizeof devices, &devices, NULL));
  OK(clGetProgramInfo(program, CL_PROGRAM_DEVICES, sizeof found, &found, NULL));
  printf("devices %u mine %d\n", devices, found == device);
  cl_kernel kernels[3] = {NULL, NULL, NULL};
  cl_uint count = 0;
  SHOW(clCreateKernelsInProgram(program, 3, kernels, &count));
  printf("kernels %u\n", count);
  for (cl_uint i = 0; i < count; ++i) {
    char name[64];
    OK(clGetKernelInfo(kernels[i], CL_KERNEL_FUNCTION_NAME, sizeof name, name, NULL));
    printf("kernel %s\n", name);
    OK(clReleaseKernel(kernels[i]));
  }
  SHOW(clCreateKernelsInProgram(program, 0, NULL, &count));
  SHOW(clCreateKernelsInProgram(program, 1, kernels, NULL));
  OK(clRetainProgram(program));
  OK(clReleaseProgram(program));
  OK(clReleaseProgram(program));
}

int main(void) {
  Begin();
  Sources();
  Failures();
  Binaries();
  CompileAndLink();
  Callbacks();
  Others();
  End();
}
