// What each call of opencl.api does. One Handler per session; On(header, message) is called for every frame
// in order, by the generated Dispatch.
//
// Hostile input: ids, kinds, sizes and ranges are checked here; a call that names something wrong fails with
// the API's own error. What no correct shim can send (an id used twice) ends the session: violated() then
// says why. Thread safety: the engine's thread.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "api/opencl/calls.h"
#include "executor/opencl/build_worker.h"
#include "executor/opencl/kernel.h"
#include "executor/opencl/native_command.h"
#include "executor/opencl/objects.h"

namespace flexai::executor::opencl {

namespace calls = flexai::opencl;
using wire::FrameHeader;

class Enqueueing;

class Handler {
 public:
  Handler(Runtime& runtime, BuildWorker& builds);
  ~Handler();

  // Empty, or the sentence that ends the session.
  const std::string& violated() const { return violated_; }
  ObjectTable& objects() { return objects_; }
  const ObjectTable& objects() const { return objects_; }
  // The status of the last answer since ClearStatus; calls that answer nothing leave it CL_SUCCESS.
  cl_int status() const { return status_; }
  void ClearStatus() { status_ = CL_SUCCESS; }
  // The event of a command that ended in an earlier executor.
  void AdoptEndedEvent(uint64_t id, uint64_t context, int32_t status);

  // Session (handler.cc).
  void On(const FrameHeader& header, const calls::OpenSession& call);
  void On(const FrameHeader& header, const calls::FetchReply& call);
  void On(const FrameHeader& header, const calls::Release& call);
  void On(const FrameHeader& header, const calls::Query& call);  // query.cc
  void On(const FrameHeader& header, const calls::Ping& call);
  // Devices, contexts, queues, events (handler_context.cc).
  void On(const FrameHeader& header, const calls::CreateSubDevices& call);
  void On(const FrameHeader& header, const calls::CreateContext& call);
  void On(const FrameHeader& header, const calls::CreateQueue& call);
  void On(const FrameHeader& header, const calls::SetDefaultDeviceQueue& call);
  void On(const FrameHeader& header, const calls::CreateUserEvent& call);
  void On(const FrameHeader& header, const calls::SetUserEventStatus& call);
  // Memory (handler_memory.cc).
  void On(const FrameHeader& header, const calls::CreateBuffer& call);
  void On(const FrameHeader& header, const calls::CreateSubBuffer& call);
  void On(const FrameHeader& header, const calls::CreateImage& call);
  void On(const FrameHeader& header, const calls::CreatePipe& call);
  void On(const FrameHeader& header, const calls::CreateSampler& call);
  void On(const FrameHeader& header, const calls::GetSupportedImageFormats& call);
  void On(const FrameHeader& header, const calls::SvmAlloc& call);
  // Programs (handler_program.cc).
  void On(const FrameHeader& header, const calls::CreateProgramWithSource& call);
  void On(const FrameHeader& header, const calls::CreateProgramWithBinary& call);
  void On(const FrameHeader& header, const calls::CreateProgramWithIl& call);
  void On(const FrameHeader& header, const calls::CreateProgramWithBuiltInKernels& call);
  void On(const FrameHeader& header, const calls::BuildProgram& call);
  void On(const FrameHeader& header, const calls::AddHeader& call);
  void On(const FrameHeader& header, const calls::CompileProgram& call);
  void On(const FrameHeader& header, const calls::LinkProgram& call);
  void On(const FrameHeader& header, const calls::DescribeProgram& call);
  void On(const FrameHeader& header, const calls::SetSpecializationConstant& call);
  void On(const FrameHeader& header, const calls::UnloadPlatformCompiler& call);
  // Kernels (handler_kernel.cc).
  void On(const FrameHeader& header, const calls::CreateKernel& call);
  void On(const FrameHeader& header, const calls::CloneKernel& call);
  void On(const FrameHeader& header, const calls::SetKernelArg& call);
  void On(const FrameHeader& header, const calls::SetKernelExecInfo& call);
  void On(const FrameHeader& header, const calls::EnqueueNDRangeKernel& call);
  // Commands on buffers and for order (enqueue_buffer.cc).
  void On(const FrameHeader& header, const calls::EnqueueReadBuffer& call);
  void On(const FrameHeader& header, const calls::EnqueueWriteBuffer& call);
  void On(const FrameHeader& header, const calls::HostAccessDone& call);
  void On(const FrameHeader& header, const calls::EnqueueReadBufferRect& call);
  void On(const FrameHeader& header, const calls::EnqueueWriteBufferRect& call);
  void On(const FrameHeader& header, const calls::EnqueueCopyBuffer& call);
  void On(const FrameHeader& header, const calls::EnqueueCopyBufferRect& call);
  void On(const FrameHeader& header, const calls::EnqueueFillBuffer& call);
  void On(const FrameHeader& header, const calls::EnqueueMapBuffer& call);
  void On(const FrameHeader& header, const calls::EnqueueUnmapBuffer& call);
  void On(const FrameHeader& header, const calls::EnqueueMigrateMemObjects& call);
  void On(const FrameHeader& header, const calls::EnqueueMarker& call);
  void On(const FrameHeader& header, const calls::EnqueueBarrier& call);
  // Commands on images (enqueue_image.cc).
  void On(const FrameHeader& header, const calls::EnqueueReadImage& call);
  void On(const FrameHeader& header, const calls::EnqueueWriteImage& call);
  void On(const FrameHeader& header, const calls::EnqueueCopyImage& call);
  void On(const FrameHeader& header, const calls::EnqueueCopyImageToBuffer& call);
  void On(const FrameHeader& header, const calls::EnqueueCopyBufferToImage& call);
  void On(const FrameHeader& header, const calls::EnqueueFillImage& call);
  void On(const FrameHeader& header, const calls::EnqueueMapImage& call);
  void On(const FrameHeader& header, const calls::EnqueueUnmapImage& call);
  // Commands on shared virtual memory (enqueue_svm.cc).
  void On(const FrameHeader& header, const calls::EnqueueSvmMemcpy& call);
  void On(const FrameHeader& header, const calls::EnqueueSvmMemFill& call);
  void On(const FrameHeader& header, const calls::EnqueueSvmMap& call);
  void On(const FrameHeader& header, const calls::EnqueueSvmUnmap& call);
  void On(const FrameHeader& header, const calls::EnqueueSvmFree& call);
  void On(const FrameHeader& header, const calls::EnqueueSvmMigrateMem& call);

 private:
  friend class Enqueueing;

  const Api& api() const { return *runtime_.api; }
  template <typename T>
  T* Find(uint64_t id) const {
    return objects_.Find<T>(id);
  }
  // Puts a new object into the table under its id. False (and the session is over) if the id is taken.
  bool Adopt(Object* object);
  void Violate(std::string sentence);
  void Answer(const FrameHeader& header, cl_int status, std::span<const std::byte> reply = {});
  template <typename Reply>
  void AnswerWith(const FrameHeader& header, cl_int status, const Reply& reply) {
    std::vector<std::byte> bytes(reply.EncodedBytes());
    wire::Encoder encoder(bytes.data());
    reply.Encode(encoder);
    Answer(header, status, bytes);
  }
  // Takes bytes of the context's quota; false if there is no room.
  bool Charge(MemoryCharge* charge, const Context& context, uint64_t bytes);
  // Native handles of a list of our devices, each once. False if an id is no device.
  bool FindDevices(std::span<const uint64_t> ids, std::vector<cl_device_id>* natives,
                   std::vector<Ref<Device>>* devices) const;
  cl_int MakeImage(const calls::CreateImage& call, calls::CreateImageReply* reply);
  std::vector<cl_device_id> ProgramDevices(const Context& context, std::span<const uint64_t> ids) const;
  void AdoptProgram(uint64_t id, cl_program native, cl_int status, Context* context,
                    std::span<const uint64_t> devices = {});
  std::function<std::string()> OptionsFor(Program* program, std::span<const std::byte> options);
  void StartBuild(Program* program, uint32_t slot, std::vector<Ref<Program>> inputs,
                  std::function<cl_int()> run);
  cl_int ReadArgument(const calls::SetKernelArg& call, KernelArg* arg) const;
  void CalibrateDeviceClock(cl_command_queue queue);

  Runtime& runtime_;
  BuildWorker& builds_;
  ObjectTable objects_;
  TransferCost transfer_cost_;
  std::string violated_;
  cl_int status_ = CL_SUCCESS;
  bool clock_calibrated_ = false;
};

}  // namespace flexai::executor::opencl
