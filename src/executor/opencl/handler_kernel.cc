// Kernels, their arguments and their launch.
#include <cstring>

#include "executor/opencl/description.h"
#include "executor/opencl/enqueueing.h"
#include "executor/opencl/handler.h"

namespace flexai::executor::opencl {

void Handler::On(const FrameHeader& header, const calls::CreateKernel& call) {
  calls::CreateKernelReply reply;
  builds_.RunFinished();
  Program* program = Find<Program>(call.program);
  if (program == nullptr || program->builds_running != 0 || program->native == nullptr) {
    AnswerWith(header, program == nullptr ? CL_INVALID_PROGRAM : CL_INVALID_PROGRAM_EXECUTABLE, reply);
    return;
  }
  const std::string name(reinterpret_cast<const char*>(call.name.data()), call.name.size());
  cl_int status = CL_SUCCESS;
  cl_kernel native = api().clCreateKernel(program->native, name.c_str(), &status);
  if (native == nullptr) {
    AnswerWith(header, status, reply);
    return;
  }
  const std::vector<std::byte> description = DescribeKernel(program->context(), native);
  if (Adopt(new Kernel(runtime_, call.kernel, native, name, Ref<Program>(program)))) {
    reply.description = description;
    AnswerWith(header, CL_SUCCESS, reply);
  }
}

void Handler::On(const FrameHeader& header, const calls::CloneKernel& call) {
  Kernel* source = Find<Kernel>(call.source);
  if (source == nullptr) {
    Answer(header, CL_INVALID_KERNEL);
    return;
  }
  cl_int status = CL_SUCCESS;
  cl_kernel native = api().clCloneKernel != nullptr
                         ? api().clCloneKernel(source->native(), &status)
                         : api().clCreateKernel(source->program().native, source->name().c_str(), &status);
  if (native == nullptr) {
    Answer(header, status);
    return;
  }
  auto* clone = new Kernel(runtime_, call.kernel, native, source->name(), Ref<Program>(&source->program()));
  clone->CopyArgs(*source);
  if (Adopt(clone)) {
    Answer(header, CL_SUCCESS);
  }
}

cl_int Handler::ReadArgument(const calls::SetKernelArg& call, KernelArg* arg) const {
  arg->kind = static_cast<ArgKind>(call.kind);
  arg->size = call.size;
  arg->object = call.object;
  const void* handle = nullptr;
  switch (arg->kind) {
    case ArgKind::kBytes:
      if (call.value.size() != call.size) {
        return CL_INVALID_ARG_SIZE;
      }
      arg->value.Set(call.value.data(), call.value.size());
      return CL_SUCCESS;
    case ArgKind::kMemory:
      if (const Memory* memory = Find<Memory>(call.object); memory != nullptr) {
        handle = memory->native();
      } else if (call.object != 0) {
        return CL_INVALID_MEM_OBJECT;
      }
      break;
    case ArgKind::kSampler:
      if (const Sampler* sampler = Find<Sampler>(call.object); sampler != nullptr) {
        handle = sampler->native();
      } else if (call.object != 0) {
        return CL_INVALID_SAMPLER;
      }
      break;
    case ArgKind::kQueue:
      if (const Queue* queue = Find<Queue>(call.object); queue != nullptr) {
        handle = queue->native();
      } else if (call.object != 0) {
        return CL_INVALID_DEVICE_QUEUE;
      }
      break;
    case ArgKind::kSvmPointer:
      if (call.value.size() != sizeof(void*)) {
        return CL_INVALID_ARG_VALUE;
      }
      arg->value.Set(call.value.data(), call.value.size());
      return CL_SUCCESS;
    case ArgKind::kLocal:
    case ArgKind::kNull:
      return CL_SUCCESS;
    default:
      return CL_INVALID_ARG_VALUE;
  }
  arg->size = sizeof handle;
  arg->value.Set(&handle, sizeof handle);
  return CL_SUCCESS;
}

void Handler::On(const FrameHeader& header, const calls::SetKernelArg& call) {
  Kernel* kernel = Find<Kernel>(call.kernel);
  if (kernel == nullptr) {
    Answer(header, CL_INVALID_KERNEL);
    return;
  }
  KernelArg arg;
  cl_int status = ReadArgument(call, &arg);
  if (status == CL_SUCCESS && (header.flags & wire::kFlagReply) != 0) {
    status = runtime_.graph->Locked([&] { return kernel->Try(call.index, arg); });
  }
  if (status == CL_SUCCESS && !kernel->Set(call.index, std::move(arg))) {
    status = CL_INVALID_ARG_INDEX;
  }
  Answer(header, status);
}

void Handler::On(const FrameHeader& header, const calls::SetKernelExecInfo& call) {
  const Kernel* kernel = Find<Kernel>(call.kernel);
  if (kernel == nullptr || api().clSetKernelExecInfo == nullptr) {
    Answer(header, kernel == nullptr ? CL_INVALID_KERNEL : CL_INVALID_OPERATION);
    return;
  }
  Answer(header, runtime_.graph->Locked([&] {
    return api().clSetKernelExecInfo(kernel->native(), call.parameter, call.value.size(), call.value.data());
  }));
}

void Handler::On(const FrameHeader& header, const calls::EnqueueNDRangeKernel& call) {
  Enqueueing enqueue(*this, header, call);
  Kernel* kernel = enqueue.Use<Kernel>(call.kernel, CL_INVALID_KERNEL);
  KernelCommand::Range range;
  range.dimensions = call.dimensions;
  range.has_offset = !call.offset.empty();
  range.has_local = !call.local.empty();
  const auto copy = [&](std::span<const uint64_t> from, size_t* to) {
    if (from.size() == call.dimensions) {
      std::copy(from.begin(), from.end(), to);
    } else if (!from.empty()) {
      enqueue.Fail(CL_INVALID_VALUE);
    }
  };
  if (call.dimensions < 1 || call.dimensions > 3) {
    enqueue.Fail(CL_INVALID_WORK_DIMENSION);
  } else {
    copy(call.offset, range.offset);
    copy(call.global, range.global);
    copy(call.local, range.local);
  }
  if (call.global.empty()) {
    enqueue.Fail(CL_INVALID_GLOBAL_WORK_SIZE);
  }
  if (kernel == nullptr) {
    enqueue.SubmitOrder();
    return;
  }
  const KernelArgs& args = kernel->args();
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i].object == 0) {
      continue;
    }
    switch (args[i].kind) {
      case ArgKind::kMemory:
        enqueue.Use<Memory>(args[i].object, CL_INVALID_MEM_OBJECT);
        break;
      case ArgKind::kSampler:
        enqueue.Use<Sampler>(args[i].object, CL_INVALID_SAMPLER);
        break;
      case ArgKind::kQueue:
        enqueue.Use<Queue>(args[i].object, CL_INVALID_DEVICE_QUEUE);
        break;
      default:
        break;
    }
  }
  enqueue.SubmitKernel(*kernel, range);
}

}  // namespace flexai::executor::opencl
