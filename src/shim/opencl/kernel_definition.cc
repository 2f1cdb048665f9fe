#include <cstring>

#include "shim/opencl/program.h"

namespace flexai::shim {

namespace {

constexpr uint32_t kMaxArguments = 1 << 16;

bool Is(const opencl::InfoBytes& text, const char* word) {
  return text.length == std::strlen(word) && std::memcmp(text.data, word, text.length) == 0;
}

bool Begins(const opencl::InfoBytes& text, const char* word) {
  const size_t length = std::strlen(word);
  return text.length >= length && std::memcmp(text.data, word, length) == 0;
}

ArgumentMeaning MeaningOf(const opencl::KernelArgument& argument) {
  if (!argument.present) {
    return ArgumentMeaning::kUnknown;
  }
  switch (argument.address_qualifier) {
    case CL_KERNEL_ARG_ADDRESS_LOCAL:
      return ArgumentMeaning::kLocal;
    case CL_KERNEL_ARG_ADDRESS_GLOBAL:
    case CL_KERNEL_ARG_ADDRESS_CONSTANT:
      return ArgumentMeaning::kMemory;
    default:
      break;
  }
  if ((argument.type_qualifier & CL_KERNEL_ARG_TYPE_PIPE) != 0 || Begins(argument.type_name, "image")) {
    return ArgumentMeaning::kMemory;
  }
  if (Is(argument.type_name, "sampler_t")) {
    return ArgumentMeaning::kSampler;
  }
  return Is(argument.type_name, "queue_t") ? ArgumentMeaning::kQueue : ArgumentMeaning::kValue;
}

void ReadSizes(const opencl::InfoTable& values, cl_kernel_work_group_info parameter, size_t* sizes,
               size_t count) {
  opencl::InfoBytes bytes;
  if (values.Find(parameter, &bytes) && bytes.length >= count * sizeof(size_t)) {
    std::memcpy(sizes, bytes.data, count * sizeof(size_t));
  }
}

}  // namespace

KernelDefinition* KernelDefinition::Read(const char* name, size_t name_length,
                                         std::span<const std::byte> description) {
  auto* definition = New<KernelDefinition>();
  if (definition == nullptr || !definition->name_.Append(name, name_length) ||
      !definition->name_.Push('\0') ||
      !definition->description_.Append(description.data(), description.size())) {
    Delete(definition);
    return nullptr;
  }
  opencl::KernelInfo info(definition->description_.data(), definition->description_.size());
  bool fits = info.argument_count() <= kMaxArguments && definition->accepts_.Resize(info.argument_count());
  for (uint32_t i = 0; fits && i < info.argument_count(); ++i) {
    const opencl::KernelArgument argument = info.NextArgument();
    fits = info.ok() && definition->arguments_.Push({argument, MeaningOf(argument)});
  }
  definition->attributes_ = info.Attributes();
  for (uint32_t i = 0; fits && i < info.device_count(); ++i) {
    const opencl::KernelDevice device = info.NextDevice();
    KernelLimits limits;
    limits.device = device.id;
    limits.values = device.values;
    ReadSizes(device.values, CL_KERNEL_WORK_GROUP_SIZE, &limits.work_group_size, 1);
    ReadSizes(device.values, CL_KERNEL_COMPILE_WORK_GROUP_SIZE, limits.required_size, 3);
    fits = info.ok() && definition->limits_.Push(limits);
  }
  if (!fits || !info.ok()) {
    Delete(definition);
    return nullptr;
  }
  return definition;
}

const KernelLimits* KernelDefinition::LimitsFor(uint64_t device) const {
  for (const KernelLimits& limits : limits_) {
    if (limits.device == device) {
      return &limits;
    }
  }
  return nullptr;
}

// Threads race here with whole words: the worst is that the device is asked once more.
bool KernelDefinition::Accepted(uint32_t index, uint64_t way) const {
  for (const uint64_t& accepted : accepts_[index].ways) {
    if (__atomic_load_n(&accepted, __ATOMIC_RELAXED) == way) {
      return true;
    }
  }
  return false;
}

void KernelDefinition::NoteAccepted(uint32_t index, uint64_t way) {
  Accepts& accepts = accepts_[index];
  const uint32_t at = __atomic_fetch_add(&accepts.next, 1, __ATOMIC_RELAXED) % kWays;
  __atomic_store_n(&accepts.ways[at], way, __ATOMIC_RELAXED);
}

}  // namespace flexai::shim
