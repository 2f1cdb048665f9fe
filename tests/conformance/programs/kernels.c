// Kernels: every sort of argument, info, argument info, work-group info, clones.
#include "program.h"

static const char* kSource =
    "typedef struct { int a; float b; short c; char d; } Record;\n"
    "kernel __attribute__((reqd_work_group_size(4, 1, 1))) void fixed(global int* out) {\n"
    "  out[get_global_id(0)] = get_local_size(0); }\n"
    "kernel __attribute__((vec_type_hint(float4))) void hinted(global const float4* restrict in, constant "
    "int* table,\n"
    "    local int* scratch, volatile global uint* out, Record record, uchar c, double4 big, read_only "
    "image2d_t image,\n"
    "    sampler_t sampler, write_only image3d_t target) {}\n"
    "kernel void values(global int* out, char a, short b, int c, long d, float e, double f, int3 g, uchar16 "
    "h, Record r) {\n"
    "  out[0] = a; out[1] = b; out[2] = c; out[3] = (int)(d >> 32); out[4] = (int)(e * 4); out[5] = (int)(f "
    "* 8);\n"
    "  out[6] = g.x + 10 * g.y + 100 * g.z; out[7] = h.s0 + h.sf; out[8] = r.a; out[9] = (int)r.b; out[10] = "
    "r.c;\n"
    "  out[11] = r.d; }\n"
    "kernel void shared(global int* out, local int* a, local int* b) {\n"
    "  int i = get_local_id(0); a[i] = i; b[i] = i * 100; barrier(CLK_LOCAL_MEM_FENCE);\n"
    "  int n = get_local_size(0); out[get_global_id(0)] = a[n - 1 - i] + b[(i + 1) % n]; }\n"
    "kernel void maybe(global int* out, global int* null, constant int* table) {\n"
    "  out[0] = null == 0; out[1] = table[2]; }\n"
    "kernel void nothing() {}\n";

typedef struct {
  cl_int a;
  cl_float b;
  cl_short c;
  cl_char d;
} Record;

static cl_program program;
static cl_mem out;

static void Run(cl_kernel kernel, size_t count, size_t local) {
  OK(clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &count, local ? &local : NULL, 0, NULL, NULL));
}

static void ShowOut(const char* label, size_t count) {
  int values[64];
  OK(clEnqueueReadBuffer(queue, out, CL_TRUE, 0, count * 4, values, 0, NULL, NULL));
  ShowInts(label, values, count);
}

static void Info(void) {
  const char* names[] = {"fixed", "hinted", "values", "shared", "nothing"};
  for (size_t i = 0; i < COUNT(names); ++i) {
    cl_kernel kernel = MAKE(clCreateKernel(program, names[i], &err));
    char name[64] = "", attributes[256] = "";
    cl_uint arguments, references;
    cl_context owner;
    cl_program parent;
    OK(clGetKernelInfo(kernel, CL_KERNEL_FUNCTION_NAME, sizeof name, name, NULL));
    OK(clGetKernelInfo(kernel, CL_KERNEL_NUM_ARGS, sizeof arguments, &arguments, NULL));
    OK(clGetKernelInfo(kernel, CL_KERNEL_REFERENCE_COUNT, sizeof references, &references, NULL));
    OK(clGetKernelInfo(kernel, CL_KERNEL_CONTEXT, sizeof owner, &owner, NULL));
    OK(clGetKernelInfo(kernel, CL_KERNEL_PROGRAM, sizeof parent, &parent, NULL));
    cl_int code = clGetKernelInfo(kernel, CL_KERNEL_ATTRIBUTES, sizeof attributes, attributes, NULL);
    printf("%s: arguments %u references %u context %d program %d attributes %s '%s'\n", name, arguments,
           references, owner == context, parent == program, CodeName(code), attributes);
    size_t size = 0, compile[3] = {9, 9, 9}, multiple = 0;
    cl_ulong local = 9, private_bytes = 9;
    OK(clGetKernelWorkGroupInfo(kernel, device, CL_KERNEL_WORK_GROUP_SIZE, sizeof size, &size, NULL));
    OK(clGetKernelWorkGroupInfo(kernel, device, CL_KERNEL_COMPILE_WORK_GROUP_SIZE, sizeof compile, compile,
                                NULL));
    OK(clGetKernelWorkGroupInfo(kernel, device, CL_KERNEL_LOCAL_MEM_SIZE, sizeof local, &local, NULL));
    OK(clGetKernelWorkGroupInfo(kernel, device, CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE, sizeof multiple,
                                &multiple, NULL));
    OK(clGetKernelWorkGroupInfo(kernel, device, CL_KERNEL_PRIVATE_MEM_SIZE, sizeof private_bytes,
                                &private_bytes, NULL));
    printf("  group %zu compile %zu %zu %zu local %llu multiple %zu private %llu\n", size, compile[0],
           compile[1], compile[2], (unsigned long long)local, multiple, (unsigned long long)private_bytes);
    for (cl_uint a = 0; a < arguments; ++a) {
      cl_kernel_arg_address_qualifier address = 0;
      cl_kernel_arg_access_qualifier access = 0;
      cl_kernel_arg_type_qualifier type = 0;
      char type_name[64] = "", argument[64] = "";
      code = clGetKernelArgInfo(kernel, a, CL_KERNEL_ARG_ADDRESS_QUALIFIER, sizeof address, &address, NULL);
      clGetKernelArgInfo(kernel, a, CL_KERNEL_ARG_ACCESS_QUALIFIER, sizeof access, &access, NULL);
      clGetKernelArgInfo(kernel, a, CL_KERNEL_ARG_TYPE_QUALIFIER, sizeof type, &type, NULL);
      clGetKernelArgInfo(kernel, a, CL_KERNEL_ARG_TYPE_NAME, sizeof type_name, type_name, NULL);
      clGetKernelArgInfo(kernel, a, CL_KERNEL_ARG_NAME, sizeof argument, argument, NULL);
      printf("  %u %s: %#x %#x %#llx '%s' '%s'\n", a, CodeName(code), address, access,
             (unsigned long long)type, type_name, argument);
    }
    SHOW(clGetKernelArgInfo(kernel, arguments, CL_KERNEL_ARG_NAME, 0, NULL, NULL));
    OK(clReleaseKernel(kernel));
  }
}

static void Values(void) {
  cl_kernel kernel = MAKE(clCreateKernel(program, "values", &err));
  cl_char a = -3;
  cl_short b = -300;
  cl_int c = 70000;
  cl_long d = 0x1234500000007ll;
  cl_float e = 2.5f;
  cl_double f = -1.125;
  cl_int3 g = {{1, 2, 3}};
  cl_uchar16 h = {{1}};
  h.s[15] = 41;
  Record r = {5, 6.5f, 7, 8};
  OK(clSetKernelArg(kernel, 0, sizeof out, &out));
  OK(clSetKernelArg(kernel, 1, sizeof a, &a));
  OK(clSetKernelArg(kernel, 2, sizeof b, &b));
  OK(clSetKernelArg(kernel, 3, sizeof c, &c));
  OK(clSetKernelArg(kernel, 4, sizeof d, &d));
  OK(clSetKernelArg(kernel, 5, sizeof e, &e));
  OK(clSetKernelArg(kernel, 6, sizeof f, &f));
  OK(clSetKernelArg(kernel, 7, sizeof g, &g));
  OK(clSetKernelArg(kernel, 8, sizeof h, &h));
  OK(clSetKernelArg(kernel, 9, sizeof r, &r));
  Run(kernel, 1, 0);
  c = 1;  // the value was taken by clSetKernelArg, and a later one counts for later commands only
  Run(kernel, 1, 0);
  ShowOut("values", 12);
  for (int i = 0; i < 200; ++i) {
    OK(clSetKernelArg(kernel, 3, sizeof i, &i));
    Run(kernel, 1, 0);
  }
  ShowOut("last of 200", 3);
  SHOW(clSetKernelArg(kernel, 3, 8, &d));
  SHOW(clSetKernelArg(kernel, 3, 2, &b));
  SHOW(clSetKernelArg(kernel, 10, 4, &c));
  SHOW(clSetKernelArg(kernel, 0, 4, &out));
  SHOW(clSetKernelArg(kernel, 3, 4, NULL));
  SHOW(clSetKernelArg(NULL, 3, 4, &c));
  Run(kernel, 1, 0);
  ShowOut("unchanged", 12);
  OK(clReleaseKernel(kernel));
}

static void LocalAndNull(void) {
  cl_kernel kernel = MAKE(clCreateKernel(program, "shared", &err));
  OK(clSetKernelArg(kernel, 0, sizeof out, &out));
  OK(clSetKernelArg(kernel, 1, 32, NULL));
  OK(clSetKernelArg(kernel, 2, 32, NULL));
  SHOW(clSetKernelArg(kernel, 1, 0, NULL));
  int value = 1;
  SHOW(clSetKernelArg(kernel, 1, 32, &value));
  OK(clSetKernelArg(kernel, 1, 32, NULL));
  Run(kernel, 16, 8);
  ShowOut("local", 16);
  OK(clReleaseKernel(kernel));
  kernel = MAKE(clCreateKernel(program, "maybe", &err));
  int table[4] = {1, 2, 33, 4};
  cl_mem constants =
      MAKE(clCreateBuffer(context, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, sizeof table, table, &err));
  cl_mem null = NULL;
  OK(clSetKernelArg(kernel, 0, sizeof out, &out));
  SHOW(clSetKernelArg(kernel, 1, sizeof null, &null));
  OK(clSetKernelArg(kernel, 2, sizeof constants, &constants));
  OK(clReleaseMemObject(constants));  // an argument doesn't retain: another must be set before the launch
  constants =
      MAKE(clCreateBuffer(context, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, sizeof table, table, &err));
  OK(clSetKernelArg(kernel, 2, sizeof constants, &constants));
  Run(kernel, 1, 0);
  ShowOut("null and constant", 2);
  SHOW(clSetKernelArg(kernel, 1, sizeof null, NULL));
  Run(kernel, 1, 0);
  OK(clReleaseMemObject(constants));
  ShowOut("null pointer to null", 2);
  OK(clReleaseKernel(kernel));
}

static void Launches(void) {
  cl_kernel fixed = MAKE(clCreateKernel(program, "fixed", &err));
  size_t eight = 8, four = 4, two = 2, six = 6;
  SHOW(
      clEnqueueNDRangeKernel(queue, fixed, 1, NULL, &eight, &four, 0, NULL, NULL));  // an argument is missing
  OK(clSetKernelArg(fixed, 0, sizeof out, &out));
  SHOW(clEnqueueNDRangeKernel(queue, fixed, 1, NULL, &eight, &four, 0, NULL, NULL));
  ShowOut("fixed", 8);
  SHOW(clEnqueueNDRangeKernel(queue, fixed, 1, NULL, &eight, &two, 0, NULL, NULL));
  SHOW(clEnqueueNDRangeKernel(queue, fixed, 1, NULL, &six, &four, 0, NULL, NULL));
  cl_kernel nothing = MAKE(clCreateKernel(program, "nothing", &err));
  SHOW(clEnqueueTask(queue, nothing, 0, NULL, NULL));
  SHOW(clFinish(queue));
  OK(clReleaseKernel(nothing));
  OK(clReleaseKernel(fixed));
}

static void Clones(void) {
  cl_kernel kernel = MAKE(clCreateKernel(program, "maybe", &err));
  int table[4] = {1, 2, 44, 4};
  cl_mem constants =
      MAKE(clCreateBuffer(context, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, sizeof table, table, &err));
  cl_mem null = NULL;
  OK(clSetKernelArg(kernel, 0, sizeof out, &out));
  OK(clSetKernelArg(kernel, 1, sizeof null, &null));
  OK(clSetKernelArg(kernel, 2, sizeof constants, &constants));
  cl_kernel clone = GET(clCloneKernel(kernel, &err));
  OK(clSetKernelArg(kernel, 1, sizeof out, &out));
  OK(clReleaseKernel(kernel));
  if (clone) {
    // Not launched: PoCL 3.1 crashes in that.
    cl_uint arguments = 99;
    OK(clGetKernelInfo(clone, CL_KERNEL_NUM_ARGS, sizeof arguments, &arguments, NULL));
    printf("clone has %u arguments\n", arguments);
    OK(clReleaseKernel(clone));
  }
  GET(clCloneKernel(NULL, &err));
  OK(clReleaseMemObject(constants));
}

static void References(void) {
  cl_kernel kernel = MAKE(clCreateKernel(program, "nothing", &err));
  cl_uint references;
  OK(clRetainKernel(kernel));
  OK(clGetKernelInfo(kernel, CL_KERNEL_REFERENCE_COUNT, sizeof references, &references, NULL));
  printf("references %u\n", references);
  OK(clReleaseKernel(kernel));
  OK(clReleaseProgram(program));  // the kernel keeps it
  OK(clEnqueueTask(queue, kernel, 0, NULL, NULL));
  OK(clFinish(queue));
  OK(clReleaseKernel(kernel));
}

int main(void) {
  Begin();
  program = Build(kSource, "-cl-kernel-arg-info");
  out = MAKE(clCreateBuffer(context, CL_MEM_READ_WRITE, 64 * 4, NULL, &err));
  Info();
  Values();
  LocalAndNull();
  Launches();
  Clones();
  References();
  OK(clReleaseMemObject(out));
  End();
}
