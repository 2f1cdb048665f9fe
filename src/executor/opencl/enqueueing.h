// The part that all enqueue calls have in common: queue, wait list, event, objects used, and what to do when
// one of them is wrong. Used as a temporary inside one On():
//
//   Enqueueing enqueue(*this, header, call);
//   Memory* buffer = enqueue.Use<Memory>(call.buffer, CL_INVALID_MEM_OBJECT);
//   ... enqueue.Fail(CL_INVALID_VALUE) ...
//   enqueue.Submit(cost kind, bytes, [=](queue, count, waits, event) { return native enqueue; });
//
// The first failure decides; the command then ends with it at once.
#pragma once

#include <memory>
#include <vector>

#include "executor/opencl/handler.h"

namespace flexai::executor::opencl {

class Enqueueing {
 public:
  template <typename Call>
  Enqueueing(Handler& handler, const FrameHeader& header, const Call& call)
      : Enqueueing(handler, header.sequence, call.queue, call.waits, call.event, call.event_slot) {}

  Queue* queue() const { return queue_; }
  bool failed() const { return status_ != CL_SUCCESS; }
  void Fail(cl_int status) {
    if (!failed()) {
      status_ = status;
    }
  }

  // The object of that id, kept until the command has ended; null, and the command fails with `otherwise`, if
  // there is none in the queue's context.
  template <typename T>
  T* Use(uint64_t id, cl_int otherwise) {
    T* object = handler_.Find<T>(id);
    if (object == nullptr) {
      Fail(otherwise);
    } else {
      used_.emplace_back(object);
    }
    return object;
  }
  Memory* UseBuffer(uint64_t id) { return UseMemory(id, ObjectKind::kBuffer); }
  Memory* UseImage(uint64_t id) { return UseMemory(id, ObjectKind::kImage); }

  // The arena bytes of a region that must hold `bytes`; null, and the command fails, if it does not.
  std::byte* Arena(const wire::Region& region, uint64_t bytes);
  // The bytes of a payload that must hold `bytes`. Inline bytes are copied and live as long as the command.
  const std::byte* Data(const wire::Payload& payload, uint64_t bytes);

  template <typename Function>
  void Submit(TransferCost::Kind kind, uint64_t bytes, Function function) {
    if (failed()) {
      Refuse();
      return;
    }
    Launch(std::make_unique<CallCommand<Function>>(handler_.runtime_,
                                                   handler_.transfer_cost_.Cell(kind, bytes),
                                                   TransferCost::Guess(bytes), std::move(function)));
  }
  void SubmitKernel(Kernel& kernel, const KernelCommand::Range& range);
  // A marker or barrier, or a command for which nothing is to be done here.
  void SubmitOrder(Graph::Ordering ordering = Graph::Ordering::kWaitList, bool is_barrier = false);
  // A bracket around an access of the application itself.
  void SubmitHostAccess();

 private:
  Enqueueing(Handler& handler, uint64_t sequence, uint64_t queue, std::span<const uint64_t> waits,
             uint64_t event, uint32_t event_slot);
  Memory* UseMemory(uint64_t id, ObjectKind kind);
  void FindWaits(std::span<const uint64_t> waits);
  void Launch(std::unique_ptr<NativeCommand> command);
  void Admit(Command* command, Graph::Ordering ordering, bool is_barrier);
  void Refuse();

  Handler& handler_;
  const uint64_t sequence_;
  const uint64_t event_;
  const uint32_t event_slot_;
  Queue* queue_ = nullptr;
  cl_int status_ = CL_SUCCESS;
  std::vector<Command*> waits_;
  std::vector<Ref<Object>> used_;
  std::shared_ptr<std::vector<std::byte>> inline_data_;
};

}  // namespace flexai::executor::opencl
