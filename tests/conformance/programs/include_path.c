// Build options that name files: #include from a folder given by an absolute path and by one relative to the
// program's own working folder. The folders are readable by this user alone, as home folders often are.
#include <sys/stat.h>

#include "program.h"

int main(void) {
  char folder[] = "/tmp/opencl-include-XXXXXX";
  if (!mkdtemp(folder) || chdir(folder) != 0 || mkdir("headers", 0755) != 0) return 1;
  FILE* file = fopen("headers/value.h", "w");
  fputs("#define VALUE 4711\n", file);
  fclose(file);
  Begin();
  const char* source = "#include \"value.h\"\nkernel void k(global int* p) { p[0] = VALUE; }\n";
  char absolute[128];
  snprintf(absolute, sizeof absolute, "-I %s/headers", folder);
  const char* options[] = {absolute, "-I headers", "-Iheaders", "-I ./headers"};
  for (size_t i = 0; i < COUNT(options); ++i) {
    cl_program program = MAKE(clCreateProgramWithSource(context, 1, &source, NULL, &err));
    printf("%s: %s\n", i ? options[i] : "-I absolute",
           CodeName(clBuildProgram(program, 0, NULL, options[i], NULL, NULL)));
    OK(clReleaseProgram(program));
  }
  remove("headers/value.h");
  rmdir("headers");
  if (chdir("/") == 0) rmdir(folder);
  End();
}
