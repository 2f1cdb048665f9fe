// What every measured program needs of OpenCL: the first device, a context, one in-order queue, and the spin
// kernel. A failed call ends the program with one line of JSON that names it: a measurement with a failed
// call is void.
#pragma once

#define CL_TARGET_OPENCL_VERSION 300
#include <CL/cl.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace flexai::bench {

// CLOCK_MONOTONIC, one time line for all processes of a measurement.
int64_t NowNs();
void SleepUntilNs(int64_t when_ns);

// Ends the process unless `status` is CL_SUCCESS.
void Check(cl_int status, const char* call);
// Ends the process with {"error": message}.
[[noreturn]] void Fail(const std::string& message);

// Owned by main; everything is released at its end. One thread.
class Session {
 public:
  Session();
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Enqueues one spin kernel of `iterations`; `event` may be null. A work-item's time is proportional to
  // `iterations`: a chain of dependent integer operations that no compiler can shorten.
  void Spin(uint32_t iterations, cl_event* event = nullptr);
  void Finish() { Check(clFinish(queue_), "clFinish"); }
  void Flush() { Check(clFlush(queue_), "clFlush"); }
  // Waits for `event` and releases it.
  void Await(cl_event event);

  cl_mem CreateBuffer(size_t bytes);

  cl_context context() const { return context_; }
  cl_command_queue queue() const { return queue_; }
  cl_kernel spin() const { return spin_; }
  cl_mem result() const { return result_; }

 private:
  cl_device_id device_ = nullptr;
  cl_context context_ = nullptr;
  cl_command_queue queue_ = nullptr;
  cl_program program_ = nullptr;
  cl_kernel spin_ = nullptr;
  cl_mem result_ = nullptr;
};

}  // namespace flexai::bench
