// Buffers: creation with every kind of host pointer, info, read, write, copy, fill, destructor callbacks.
#include "program.h"

static void ShowInfo(const char* label, cl_mem mem, const void* host) {
  cl_mem_object_type type;
  cl_mem_flags flags;
  size_t size, offset;
  void* pointer;
  cl_uint maps, references;
  cl_context owner;
  cl_mem parent;
  cl_bool svm;
  OK(clGetMemObjectInfo(mem, CL_MEM_TYPE, sizeof type, &type, NULL));
  OK(clGetMemObjectInfo(mem, CL_MEM_FLAGS, sizeof flags, &flags, NULL));
  OK(clGetMemObjectInfo(mem, CL_MEM_SIZE, sizeof size, &size, NULL));
  OK(clGetMemObjectInfo(mem, CL_MEM_HOST_PTR, sizeof pointer, &pointer, NULL));
  OK(clGetMemObjectInfo(mem, CL_MEM_MAP_COUNT, sizeof maps, &maps, NULL));
  OK(clGetMemObjectInfo(mem, CL_MEM_REFERENCE_COUNT, sizeof references, &references, NULL));
  OK(clGetMemObjectInfo(mem, CL_MEM_CONTEXT, sizeof owner, &owner, NULL));
  OK(clGetMemObjectInfo(mem, CL_MEM_ASSOCIATED_MEMOBJECT, sizeof parent, &parent, NULL));
  OK(clGetMemObjectInfo(mem, CL_MEM_OFFSET, sizeof offset, &offset, NULL));
  OK(clGetMemObjectInfo(mem, CL_MEM_USES_SVM_POINTER, sizeof svm, &svm, NULL));
  printf(
      "%s: type %#x flags %#llx size %zu host %s maps %u references %u context %s parent %s offset %zu svm "
      "%u\n",
      label, type, (unsigned long long)flags, size,
      pointer == NULL   ? "null"
      : pointer == host ? "mine"
                        : "other",
      maps, references, owner == context ? "mine" : "other", parent ? "some" : "none", offset, svm);
}

static void Destroyed(cl_mem mem, void* data) {
  (void)mem;
  printf("destroyed %s\n", (const char*)data);
  fflush(stdout);
}

static void HostPointers(void) {
  static _Alignas(4096) unsigned char host[4096];
  Pattern(host, sizeof host, 1);
  const cl_mem_flags kinds[] = {0,
                                CL_MEM_READ_WRITE,
                                CL_MEM_READ_ONLY,
                                CL_MEM_WRITE_ONLY,
                                CL_MEM_ALLOC_HOST_PTR,
                                CL_MEM_COPY_HOST_PTR,
                                CL_MEM_ALLOC_HOST_PTR | CL_MEM_COPY_HOST_PTR,
                                CL_MEM_USE_HOST_PTR,
                                CL_MEM_READ_ONLY | CL_MEM_USE_HOST_PTR,
                                CL_MEM_HOST_READ_ONLY | CL_MEM_COPY_HOST_PTR,
                                CL_MEM_HOST_WRITE_ONLY,
                                CL_MEM_HOST_NO_ACCESS | CL_MEM_COPY_HOST_PTR};
  for (size_t i = 0; i < COUNT(kinds); ++i) {
    int wants_host = (kinds[i] & (CL_MEM_COPY_HOST_PTR | CL_MEM_USE_HOST_PTR)) != 0;
    cl_mem mem = MAKE(clCreateBuffer(context, kinds[i], sizeof host, wants_host ? host : NULL, &err));
    char label[32];
    snprintf(label, sizeof label, "flags %#llx", (unsigned long long)kinds[i]);
    ShowInfo(label, mem, host);
    if (wants_host && !(kinds[i] & CL_MEM_HOST_NO_ACCESS))
      printf("  contents %s\n",
             BufferHash(mem, 0, sizeof host) == Hash(host, sizeof host) ? "equal" : "differ");
    OK(clReleaseMemObject(mem));
  }
}

static void ReadWriteCopyFill(void) {
  enum { kSize = 100003 };
  unsigned char* source = malloc(kSize);
  unsigned char* target = malloc(kSize);
  Pattern(source, kSize, 2);
  cl_mem a = MAKE(clCreateBuffer(context, CL_MEM_READ_WRITE, kSize, NULL, &err));
  cl_mem b = MAKE(clCreateBuffer(context, CL_MEM_READ_WRITE, kSize, NULL, &err));
  OK(clEnqueueFillBuffer(queue, b, "z", 1, 0, kSize, 0, NULL, NULL));
  SHOW(clEnqueueWriteBuffer(queue, a, CL_TRUE, 0, kSize, source, 0, NULL, NULL));
  printf("hash %s\n", BufferHash(a, 0, kSize) == Hash(source, kSize) ? "equal" : "differs");
  SHOW(clEnqueueWriteBuffer(queue, a, CL_FALSE, 17, 1, source + 5, 0, NULL, NULL));
  SHOW(clEnqueueWriteBuffer(queue, a, CL_FALSE, kSize - 1, 1, source, 0, NULL, NULL));
  SHOW(clEnqueueCopyBuffer(queue, a, b, 3, 1001, 50001, 0, NULL, NULL));
  memset(target, 0, kSize);
  SHOW(clEnqueueReadBuffer(queue, b, CL_FALSE, 1001, 50001, target + 1, 0, NULL, NULL));
  SHOW(clFinish(queue));
  printf("copied %016llx\n", Hash(target, 60000));
  SHOW(clEnqueueCopyBuffer(queue, a, a, 0, 60000, 40000, 0, NULL, NULL));
  printf("within %016llx\n", BufferHash(a, 0, kSize));

  for (size_t width = 1; width <= 128; width *= 2) {
    OK(clEnqueueFillBuffer(queue, b, source + 100, width, width * 3, width * 37, 0, NULL, NULL));
    printf("fill %zu: %016llx\n", width, BufferHash(b, 0, 8192));
  }
  // A blocking read returns what every earlier command left, and later changes of the host copy don't matter.
  unsigned char byte = 7;
  OK(clEnqueueWriteBuffer(queue, a, CL_TRUE, 0, 1, &byte, 0, NULL, NULL));
  byte = 9;
  OK(clEnqueueReadBuffer(queue, a, CL_TRUE, 0, 1, target, 0, NULL, NULL));
  printf("byte %d\n", target[0]);
  OK(clReleaseMemObject(a));
  OK(clReleaseMemObject(b));
  free(source);
  free(target);
}

static void Destructors(void) {
  cl_mem mem = MAKE(clCreateBuffer(context, 0, 64, NULL, &err));
  SHOW(clSetMemObjectDestructorCallback(mem, Destroyed, "first"));
  SHOW(clSetMemObjectDestructorCallback(mem, Destroyed, "second"));
  SHOW(clSetMemObjectDestructorCallback(mem, NULL, NULL));
  OK(clRetainMemObject(mem));
  OK(clReleaseMemObject(mem));
  puts("one reference left");
  OK(clReleaseMemObject(mem));
  OK(clFinish(queue));
  usleep(200000);  // the callbacks may come from another thread
  puts("released");
}

static void Properties(void) {
  GET(clCreateBuffer(context, CL_MEM_KERNEL_READ_AND_WRITE, 32, NULL, &err));
  const cl_mem_properties none[] = {0};
  cl_mem mem = GET(clCreateBufferWithProperties(context, none, CL_MEM_READ_ONLY, 32, NULL, &err));
  size_t size = 99;
  SHOW(clGetMemObjectInfo(mem, CL_MEM_PROPERTIES, 0, NULL, &size));
  printf("properties bytes %zu\n", size);
  OK(clReleaseMemObject(mem));
  mem = GET(clCreateBufferWithProperties(context, NULL, 0, 32, NULL, &err));
  SHOW(clGetMemObjectInfo(mem, CL_MEM_PROPERTIES, 0, NULL, &size));
  printf("properties bytes %zu\n", size);
  OK(clReleaseMemObject(mem));
  const cl_mem_properties unknown[] = {0x12345, 1, 0};
  GET(clCreateBufferWithProperties(context, unknown, 0, 32, NULL, &err));
}

static void Large(void) {
  // Larger than any ring or staging area of a forwarder, and of odd size.
  enum { kLarge = 40 * 1024 * 1024 + 13 };
  unsigned char* bytes = malloc(kLarge);
  Pattern(bytes, kLarge, 3);
  cl_mem mem = MAKE(clCreateBuffer(context, CL_MEM_COPY_HOST_PTR, kLarge, bytes, &err));
  unsigned long long expected = Hash(bytes, kLarge);
  printf("large %s\n", BufferHash(mem, 0, kLarge) == expected ? "equal" : "differs");
  memset(bytes, 0, kLarge);
  OK(clEnqueueReadBuffer(queue, mem, CL_FALSE, 0, kLarge, bytes, 0, NULL, NULL));
  OK(clFinish(queue));
  printf("large %s\n", Hash(bytes, kLarge) == expected ? "equal" : "differs");
  OK(clEnqueueWriteBuffer(queue, mem, CL_FALSE, 5, kLarge - 5, bytes, 0, NULL, NULL));
  OK(clFinish(queue));
  printf("large %016llx\n", BufferHash(mem, 0, kLarge));
  OK(clReleaseMemObject(mem));
  free(bytes);
}

int main(void) {
  Begin();
  HostPointers();
  ReadWriteCopyFill();
  Destructors();
  Properties();
  Large();
  End();
}
