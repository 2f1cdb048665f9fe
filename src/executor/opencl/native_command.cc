#include "executor/opencl/native_command.h"

#include <cstdio>

namespace flexai::executor::opencl {
namespace {

uint64_t EventTime(const Api& api, cl_event event, cl_profiling_info parameter) {
  cl_ulong value = 0;
  return api.clGetEventProfilingInfo(event, parameter, sizeof value, &value, nullptr) == CL_SUCCESS ? value
                                                                                                    : 0;
}

wire::CommandTimes TimesOf(const Api& api, cl_event event) {
  return {EventTime(api, event, CL_PROFILING_COMMAND_QUEUED),
          EventTime(api, event, CL_PROFILING_COMMAND_SUBMIT),
          EventTime(api, event, CL_PROFILING_COMMAND_START), EventTime(api, event, CL_PROFILING_COMMAND_END)};
}

}  // namespace

NativeCommand::~NativeCommand() { NativeCommand::DropWork(); }

void NativeCommand::DropWork() {
  if (native != nullptr) {
    api().clReleaseEvent(std::exchange(native, nullptr));
  }
  QueuedCommand::DropWork();
}

uint64_t KernelCommand::Range::Items() const {
  uint64_t items = 1;
  for (cl_uint i = 0; i < dimensions; ++i) {
    items *= global[i];
  }
  return items;
}

KernelCommand::KernelCommand(Kernel& kernel, const Range& range)
    : NativeCommand(kernel.runtime()),
      kernel_(kernel),
      range_(range),
      args_(kernel.args()),
      cost_(kernel.cost().Entry(range.Items())) {}

cl_int KernelCommand::EnqueueNative(cl_command_queue native_queue, cl_uint wait_count, const cl_event* waits,
                                    cl_event* event) {
  const cl_int applied = kernel_.Apply(args_);
  args_.Reset();  // the driver has its own copy from here on
  if (applied != CL_SUCCESS) {
    return applied;
  }
  return api().clEnqueueNDRangeKernel(native_queue, kernel_.native(), range_.dimensions,
                                      range_.has_offset ? range_.offset : nullptr, range_.global,
                                      range_.has_local ? range_.local : nullptr, wait_count, waits, event);
}

int32_t NativeLayer::Submit(Command& command, std::span<Command* const> waits, bool report_start) {
  auto& native = static_cast<NativeCommand&>(command);
  const Api& api = *runtime_.api;
  waits_.clear();
  for (Command* wait : waits) {
    waits_.push_back(static_cast<NativeCommand*>(wait)->native);
  }
  cl_event event = nullptr;
  const cl_int status = native.EnqueueNative(static_cast<cl_command_queue>(command.queue->native),
                                             static_cast<cl_uint>(waits_.size()),
                                             waits_.empty() ? nullptr : waits_.data(), &event);
  if (status != CL_SUCCESS) {
    return status < 0 ? status : CL_OUT_OF_RESOURCES;
  }
  native.native = event;
  if (report_start) {
    // Only a hint to the lease: the end reports the start again.
    (void)api.clSetEventCallback(event, CL_RUNNING, OnRunning, &runtime_.vxpus[command.queue->lane]);
  }
  if (api.clSetEventCallback(event, CL_COMPLETE, OnComplete, &native) != CL_SUCCESS) {
    (void)api.clWaitForEvents(1, &event);
    OnComplete(event, StatusOf(command), &native);
  }
  return CL_SUCCESS;
}

void NativeLayer::Flush(CommandQueue& queue) {
  (void)runtime_.api->clFlush(static_cast<cl_command_queue>(queue.native));
}

int32_t NativeLayer::StatusOf(Command& command) {
  cl_int status = CL_SUBMITTED;
  const cl_int result =
      runtime_.api->clGetEventInfo(static_cast<NativeCommand&>(command).native,
                                   CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, nullptr);
  return result == CL_SUCCESS ? status : CL_OUT_OF_RESOURCES;
}

void CL_CALLBACK NativeLayer::OnComplete(cl_event event, cl_int status, void* user) {
  auto* command = static_cast<NativeCommand*>(user);
  Runtime& runtime = command->runtime();
  // What kernels printed must be out before anybody can see that they ended.
  (void)std::fflush(stdout);
  runtime.graph->OnDeviceDone(command, status, TimesOf(*runtime.api, event));
}

void CL_CALLBACK NativeLayer::OnRunning(cl_event, cl_int, void* user) {
  const auto* vxpu = static_cast<const Vxpu*>(user);
  vxpu->runtime->graph->OnDeviceStarted(vxpu->lane);
}

}  // namespace flexai::executor::opencl
