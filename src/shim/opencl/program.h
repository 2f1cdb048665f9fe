// Programs, kernels and what is known of a kernel's arguments.
#pragma once

#include <atomic>

#include "api/opencl/session_info.h"
#include "shim/opencl/objects.h"

namespace flexai::shim {

// What an argument's bytes stand for.
enum class ArgumentMeaning : uint8_t { kUnknown, kValue, kMemory, kSampler, kQueue, kLocal };

// SetKernelArg's `kind`.
enum class ArgumentKind : uint32_t {
  kValue = 0,
  kMemory = 1,
  kSampler = 2,
  kQueue = 3,
  kLocal = 4,
  kSvmPointer = 5,
  kNullValue = 6,
};

struct ArgumentDefinition {
  opencl::KernelArgument info;  // points into the definition's description
  ArgumentMeaning meaning = ArgumentMeaning::kUnknown;
};

// A kernel's limits on one device.
struct KernelLimits {
  uint64_t device = 0;
  opencl::InfoTable values;
  size_t work_group_size = 0;
  size_t required_size[3] = {};  // reqd_work_group_size, or zeros
};

// What all kernel objects of one name in one build of a program share. Immutable but for the accepted ways.
class KernelDefinition {
 public:
  // From the bytes of a kernel description; null without memory or if they are malformed.
  static KernelDefinition* Read(const char* name, size_t name_length, std::span<const std::byte> description);

  const char* name() const { return name_.data(); }
  std::span<const ArgumentDefinition> arguments() const { return arguments_.span(); }
  opencl::InfoBytes attributes() const { return attributes_; }
  // Null if the kernel was not built for the device.
  const KernelLimits* LimitsFor(uint64_t device) const;

  // Whether the device has accepted argument `index` given in this `way` (kind and size in one number)
  // before.
  bool Accepted(uint32_t index, uint64_t way) const;
  void NoteAccepted(uint32_t index, uint64_t way);

  KernelDefinition* next = nullptr;  // in its program

 private:
  static constexpr size_t kWays = 4;
  // A ring of the last ways of one argument; 0 is none.
  struct Accepts {
    uint64_t ways[kWays];
    uint32_t next;
  };

  Array<char> name_;  // with a terminating NUL
  Array<std::byte> description_;
  Array<ArgumentDefinition> arguments_;
  Array<KernelLimits> limits_;
  opencl::InfoBytes attributes_;
  Array<Accepts> accepts_;
};

struct ProgramCallback {
  void(CL_CALLBACK* function)(cl_program, void*);
  void* user_data;
};

}  // namespace flexai::shim

struct _cl_program final : flexai::shim::Object {
  static constexpr flexai::shim::Kind kKind = flexai::shim::Kind::kProgram;
  _cl_program(flexai::shim::Session* owner, uint64_t name) : Object(kKind, owner, name) {}

  _cl_context* context = nullptr;  // held
  flexai::shim::Array<cl_device_id> devices;
  flexai::shim::Array<char> source;  // with a terminating NUL, if it was made from source
  flexai::shim::Array<std::byte> il;
  std::atomic<uint32_t> kernels{0};  // kernel objects that are alive

  // False for kernels of OpenCL C before 2.0, and by option: ranges must be whole work-groups.
  std::atomic<bool> non_uniform{true};

  flexai::wire::FutexMutex mutex;               // guards what follows
  uint32_t build_slot = flexai::wire::kNoSlot;  // of a build that runs
  flexai::shim::KernelDefinition* definitions = nullptr;
  flexai::shim::Array<char> options;  // of the last build, with NUL, if others were sent
  bool described = false;             // `definitions` are all there are
  flexai::shim::Array<flexai::shim::ProgramCallback> callbacks;
};

struct _cl_kernel final : flexai::shim::Object {
  static constexpr flexai::shim::Kind kKind = flexai::shim::Kind::kKernel;
  _cl_kernel(flexai::shim::Session* owner, uint64_t name) : Object(kKind, owner, name) {}

  // The last value of an argument, as far as it is worth keeping to see that a new one is the same.
  struct Argument {
    bool set = false;
    bool known = false;  // `kind`, `size` and `value` are what the executor has
    uint32_t kind = 0;
    uint64_t size = 0;
    uint64_t value = 0;  // object id, or up to 8 bytes
  };

  _cl_program* program = nullptr;                        // held
  flexai::shim::KernelDefinition* definition = nullptr;  // of the program
  flexai::shim::Array<Argument> arguments;
  std::atomic<uint32_t> unset{0};  // arguments that were never set
};

namespace flexai::shim {

using Program = _cl_program;
using Kernel = _cl_kernel;

void DestroyProgram(Program* program);
void DestroyKernel(Kernel* kernel);

// Takes from a build's options what later checks must know.
void NoteBuildOptions(Program* program, const char* options);
// The definition of a kernel of the program, if it is known.
KernelDefinition* FindDefinition(Program* program, const char* name);
// Fetches the definitions of all kernels of a built program. The device's code if there is no executable.
cl_int DescribeKernels(Program* program);
// Whether a build is running.
bool IsBuilding(Program* program);
// Waits for a running build.
void WaitForBuild(Program* program);
// Checks a device list against a program's or a context's devices. Null and 0 together mean all.
cl_int CheckDeviceList(std::span<const cl_device_id> known, cl_uint count, const cl_device_id* list);

// The new program object of a context, not known to the executor yet. Null without memory.
Program* MakeProgram(Context* context, std::span<const cl_device_id> devices);
// Takes back a program that the executor refused.
void DiscardProgram(Program* program);

}  // namespace flexai::shim
