// A lying executor: arbitrary bytes as the descriptions that a shim reads inside its host process.
#include "api/opencl/session_info.h"

using namespace flexai::opencl;

namespace {

volatile uint64_t sink;

void Touch(const InfoBytes& bytes) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < bytes.length; ++i) {
    sum += static_cast<uint64_t>(bytes.data[i]);
  }
  sink = sum;
}

void Touch(const InfoTable& table) {
  InfoBytes value;
  for (uint32_t parameter = 0; parameter < 4; ++parameter) {
    if (table.Find(parameter, &value)) {
      Touch(value);
    }
  }
}

void ReadKernel(const std::byte* data, size_t size) {
  KernelInfo kernel(data, size);
  for (uint32_t i = 0; i < kernel.argument_count() && kernel.ok(); ++i) {
    const KernelArgument argument = kernel.NextArgument();
    Touch(argument.type_name);
    Touch(argument.name);
  }
  Touch(kernel.Attributes());
  for (uint32_t i = 0; i < kernel.device_count() && kernel.ok(); ++i) {
    Touch(kernel.NextDevice().values);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  SessionInfo session(bytes, size);
  Touch(session.platform());
  for (uint32_t i = 0; i < session.device_count() && session.ok(); ++i) {
    Touch(session.NextDevice().values);
  }
  ProgramInfo program(bytes, size);
  for (uint32_t i = 0; i < program.kernel_count() && program.ok(); ++i) {
    const ProgramInfo::Kernel kernel = program.NextKernel();
    Touch(kernel.name);
    ReadKernel(kernel.description.data, kernel.description.length);
  }
  ReadKernel(bytes, size);
  return 0;
}
