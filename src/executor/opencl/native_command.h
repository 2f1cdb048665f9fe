// Commands that go to the OpenCL driver.
#pragma once

#include <memory>
#include <vector>

#include "executor/graph/graph.h"
#include "executor/opencl/kernel.h"
#include "executor/opencl/objects.h"

namespace flexai::executor::opencl {

// Any command of a queue, with the objects that it keeps until it has ended.
class QueuedCommand : public Command {
 public:
  QueuedCommand(Runtime& runtime, CommandKind command_kind) : Command(command_kind), runtime_(runtime) {}

  void DropWork() override {
    held_.clear();
    data_.reset();
  }
  void Hold(std::vector<Ref<Object>> objects) { held_ = std::move(objects); }
  // Bytes of the frame that the command reads when it runs.
  void KeepData(std::shared_ptr<const std::vector<std::byte>> data) { data_ = std::move(data); }

  Runtime& runtime() const { return runtime_; }
  const Api& api() const { return *runtime_.api; }

 private:
  Runtime& runtime_;
  std::vector<Ref<Object>> held_;
  std::shared_ptr<const std::vector<std::byte>> data_;
};

class NativeCommand : public QueuedCommand {
 public:
  explicit NativeCommand(Runtime& runtime) : QueuedCommand(runtime, CommandKind::kDevice) {}
  ~NativeCommand() override;

  // The native enqueue. Runs under the graph's lock, maybe on a thread of the driver: nothing here may block.
  virtual cl_int EnqueueNative(cl_command_queue native_queue, cl_uint wait_count, const cl_event* waits,
                               cl_event* event) = 0;
  void DropWork() override;

  cl_event native = nullptr;
};

// A command whose native enqueue is `Function(queue, wait_count, waits, event)`, and whose cost is kept in a
// cell.
template <typename Function>
class CallCommand final : public NativeCommand {
 public:
  CallCommand(Runtime& runtime, CostCell& cost, Nanos guess, Function function)
      : NativeCommand(runtime), cost_(cost), guess_(guess), function_(std::move(function)) {}

  cl_int EnqueueNative(cl_command_queue native_queue, cl_uint wait_count, const cl_event* waits,
                       cl_event* event) override {
    return function_(native_queue, wait_count, waits, event);
  }
  Nanos Predict() const override { return cost_.Predict().value > 0 ? cost_.Predict() : guess_; }
  void Learn(Nanos busy) override { cost_.Learn(busy); }

 private:
  CostCell& cost_;
  const Nanos guess_;
  Function function_;
};

class KernelCommand final : public NativeCommand {
 public:
  struct Range {
    cl_uint dimensions = 0;
    bool has_offset = false, has_local = false;
    size_t offset[3] = {}, global[3] = {}, local[3] = {};
    uint64_t Items() const;
  };

  KernelCommand(Kernel& kernel, const Range& range);

  cl_int EnqueueNative(cl_command_queue native_queue, cl_uint wait_count, const cl_event* waits,
                       cl_event* event) override;
  Nanos Predict() const override { return kernel_.cost().Predict(*cost_); }
  void Learn(Nanos busy) override { kernel_.cost().Learn(*cost_, busy); }

 private:
  Kernel& kernel_;  // held
  const Range range_;
  KernelArgs args_;
  const std::shared_ptr<KernelCost::Size> cost_;
};

// The OpenCL driver as the graph sees it.
class NativeLayer final : public DeviceLayer {
 public:
  explicit NativeLayer(Runtime& runtime) : runtime_(runtime) {}

  int32_t Submit(Command& command, std::span<Command* const> waits, bool report_start) override;
  void Flush(CommandQueue& queue) override;
  int32_t StatusOf(Command& command) override;

 private:
  static void CL_CALLBACK OnComplete(cl_event event, cl_int status, void* command);
  static void CL_CALLBACK OnRunning(cl_event event, cl_int status, void* lane);

  Runtime& runtime_;
  std::vector<cl_event> waits_;  // scratch of Submit
};

}  // namespace flexai::executor::opencl
