// Writes what session_info.h reads.
#pragma once

#include <cstddef>
#include <vector>

#include "executor/opencl/objects.h"

namespace flexai::executor::opencl {

// The session's platform and vXPUs as the application may see them: memory sizes are the quota's, and nothing
// is announced that can't be forwarded.
std::vector<std::byte> DescribeSession(const Runtime& runtime);

// Makes of a device's (or sub-device's) own value what the application may see: the same as in the
// description.
void AdjustDeviceValue(const Runtime& runtime, const Vxpu& vxpu, cl_device_info parameter,
                       std::vector<std::byte>* value);

// One kernel with its arguments and what it needs on each device of the context.
std::vector<std::byte> DescribeKernel(const Context& context, cl_kernel kernel);

// Every kernel of a built program.
cl_int DescribeProgram(const Program& program, std::vector<std::byte>* description);

// The names in `extensions` (separated by spaces) that are forwarded.
std::string ForwardedExtensions(const std::string& extensions);

}  // namespace flexai::executor::opencl
