// The ways to find functions: extension addresses, the ICD entry, and dlopen of the loader.
#include <dlfcn.h>

#include "program.h"

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  FindDevice();
  printf("unknown function %s\n",
         clGetExtensionFunctionAddressForPlatform(platform, "clNoSuchFunctionKHR") ? "some" : "null");
  printf("unknown function, old call %s\n",
         clGetExtensionFunctionAddress("clNoSuchFunctionKHR") ? "some" : "null");

  void* library = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
  printf("dlopen %d\n", library != NULL);
  cl_int (*get)(cl_uint, cl_platform_id*, cl_uint*) =
      (cl_int(*)(cl_uint, cl_platform_id*, cl_uint*))dlsym(library, "clGetPlatformIDs");
  cl_platform_id found[8];
  cl_uint count = 0;
  printf("%s platforms %d\n", CodeName(get(8, found, &count)), count > 0);
  int same = 0;
  for (cl_uint i = 0; i < count && i < 8; ++i) same |= found[i] == platform;
  printf("same platform %d\n", same);
  const char* names[] = {"clCreateContext",
                         "clEnqueueNDRangeKernel",
                         "clSVMAlloc",
                         "clCreateImage",
                         "clCloneKernel",
                         "clSetContextDestructorCallback",
                         "clEnqueueSVMMigrateMem",
                         "clCreateBufferWithProperties"};
  for (size_t i = 0; i < COUNT(names); ++i) printf("%s %d\n", names[i], dlsym(library, names[i]) != NULL);
  printf("dlclose %d\n", dlclose(library));
  // Still usable after the close of the second handle.
  size_t size = 0;
  SHOW(clGetPlatformInfo(platform, CL_PLATFORM_NAME, 0, NULL, &size));
  puts("end");
}
