// The kinds of objects an OpenCL session has. Each owns one native handle and the references that keep it
// usable.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "executor/graph/command.h"
#include "executor/opencl/cost.h"
#include "executor/opencl/header_files.h"
#include "executor/opencl/object.h"

namespace flexai::executor::opencl {

class Device final : public Object {
 public:
  static bool Is(ObjectKind kind) { return kind == ObjectKind::kDevice; }
  // `parent` null: a vXPU's own device, not released with this object.
  Device(Runtime& runtime, uint64_t id, cl_device_id native, uint32_t lane, Ref<Device> parent)
      : Object(runtime, ObjectKind::kDevice, id), native_(native), lane_(lane), parent_(std::move(parent)) {}

  cl_device_id native() const { return native_; }
  uint32_t lane() const { return lane_; }
  const Vxpu& vxpu() const { return runtime().vxpus[lane_]; }

 private:
  ~Device() override;

  const cl_device_id native_;
  const uint32_t lane_;
  const Ref<Device> parent_;
};

class Context final : public Object {
 public:
  static bool Is(ObjectKind kind) { return kind == ObjectKind::kContext; }
  Context(Runtime& runtime, uint64_t id, cl_context native, std::vector<Ref<Device>> devices)
      : Object(runtime, ObjectKind::kContext, id), native_(native), devices_(std::move(devices)) {}

  cl_context native() const { return native_; }
  const std::vector<Ref<Device>>& devices() const { return devices_; }
  bool Has(const Device* device) const;

 private:
  ~Context() override;

  const cl_context native_;
  const std::vector<Ref<Device>> devices_;
};

class Queue final : public Object {
 public:
  static bool Is(ObjectKind kind) { return kind == ObjectKind::kQueue; }
  Queue(Runtime& runtime, uint64_t id, cl_command_queue native, Ref<Context> context, Ref<Device> device)
      : Object(runtime, ObjectKind::kQueue, id),
        native_(native),
        context_(std::move(context)),
        device_(std::move(device)) {
    commands.lane = device_->lane();
    commands.native = native;
  }

  cl_command_queue native() const { return native_; }
  Context& context() const { return *context_; }
  Device& device() const { return *device_; }

  CommandQueue commands;
  bool on_device = false;  // CL_QUEUE_ON_DEVICE: takes no commands from the host

 private:
  ~Queue() override;

  const cl_command_queue native_;
  const Ref<Context> context_;
  const Ref<Device> device_;
};

// Bytes of a vXPU's quota, given back when this goes.
class MemoryCharge {
 public:
  MemoryCharge() = default;
  MemoryCharge(const MemoryCharge&) = delete;
  MemoryCharge& operator=(const MemoryCharge&) = delete;
  MemoryCharge(MemoryCharge&& other) noexcept { *this = std::move(other); }
  MemoryCharge& operator=(MemoryCharge&& other) noexcept;
  ~MemoryCharge() { GiveBack(); }

  // Charges the first vXPU of the context that has room. False if none has.
  bool Take(const Context& context, uint64_t bytes);
  void GiveBack();
  uint64_t bytes() const { return bytes_; }

 private:
  LaneLease access_;
  uint64_t bytes_ = 0;
};

// Buffers, images and pipes.
class Memory final : public Object {
 public:
  static bool Is(ObjectKind kind) {
    return kind == ObjectKind::kBuffer || kind == ObjectKind::kImage || kind == ObjectKind::kPipe;
  }
  Memory(Runtime& runtime, ObjectKind kind, uint64_t id, cl_mem native, Ref<Context> context,
         Ref<Memory> parent, MemoryCharge charge)
      : Object(runtime, kind, id),
        native_(native),
        context_(std::move(context)),
        parent_(std::move(parent)),
        charge_(std::move(charge)) {}

  cl_mem native() const { return native_; }
  Context& context() const { return *context_; }
  const Memory* parent() const { return parent_.get(); }
  bool is_image() const { return kind() == ObjectKind::kImage; }

  std::byte* storage = nullptr;  // in the arena, or null: the device's own
  uint64_t size = 0;             // of buffers and images
  uint64_t element_bytes = 1;    // of images

 private:
  ~Memory() override;

  const cl_mem native_;
  const Ref<Context> context_;
  const Ref<Memory> parent_;
  MemoryCharge charge_;
};

// Shared virtual memory: a range of the arena that kernels reach by the application's own pointers.
class Svm final : public Object {
 public:
  static bool Is(ObjectKind kind) { return kind == ObjectKind::kSvm; }
  Svm(Runtime& runtime, uint64_t id, Ref<Context> context, MemoryCharge charge)
      : Object(runtime, ObjectKind::kSvm, id), context_(std::move(context)), charge_(std::move(charge)) {}

 private:
  ~Svm() override = default;

  const Ref<Context> context_;
  MemoryCharge charge_;
};

class Sampler final : public Object {
 public:
  static bool Is(ObjectKind kind) { return kind == ObjectKind::kSampler; }
  Sampler(Runtime& runtime, uint64_t id, cl_sampler native, Ref<Context> context)
      : Object(runtime, ObjectKind::kSampler, id), native_(native), context_(std::move(context)) {}

  cl_sampler native() const { return native_; }

 private:
  ~Sampler() override;

  const cl_sampler native_;
  const Ref<Context> context_;
};

class Program final : public Object {
 public:
  static bool Is(ObjectKind kind) { return kind == ObjectKind::kProgram; }
  // `native` may come later (LinkProgram) or never (`status` says why).
  // `program_devices`: as the application listed them; several may be shares of one native device.
  Program(Runtime& runtime, uint64_t id, cl_program native_program, cl_int status, Ref<Context> context,
          std::vector<cl_device_id> program_devices)
      : Object(runtime, ObjectKind::kProgram, id),
        native(native_program),
        creation_status(status),
        devices(std::move(program_devices)),
        context_(std::move(context)) {}

  Context& context() const { return *context_; }
  // The costs of the kernel of that name, shared by all kernel objects made from it.
  std::shared_ptr<KernelCost> CostOf(const std::string& kernel);

  cl_program native;
  cl_int creation_status;
  const std::vector<cl_device_id> devices;
  uint32_t builds_running = 0;
  HeaderFiles headers;
  std::string headers_folder;  // where the last build found them; empty without

 private:
  ~Program() override;

  const Ref<Context> context_;
  std::unordered_map<std::string, std::shared_ptr<KernelCost>> costs_;
};

// An event of the application: the command behind it (for a user event one without a queue).
class Event final : public Object {
 public:
  static bool Is(ObjectKind kind) { return kind == ObjectKind::kEvent; }
  Event(Runtime& runtime, uint64_t id, Command* command, Ref<Context> context)
      : Object(runtime, ObjectKind::kEvent, id), command_(command), context_(std::move(context)) {
    command_->Keep();
  }

  Command* command() const { return command_; }
  Context& context() const { return *context_; }

 private:
  ~Event() override { command_->Drop(); }

  Command* const command_;
  const Ref<Context> context_;
};

}  // namespace flexai::executor::opencl
