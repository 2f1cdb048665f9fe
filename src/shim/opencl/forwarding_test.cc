// What crosses to the executor, and when: the shim against a scripted one.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "shim/opencl/objects.h"
#include "shim/opencl/program.h"
#include "shim/opencl/scripted_executor.h"

namespace flexai::shim {
namespace {

using opencl::Call;

class ForwardingTest : public ::testing::Test {
 protected:
  explicit ForwardingTest(bool unified = true) : executor_(unified) {
    session_ = executor_.Attach();
    device_ = session_->devices()[0];
    cl_int status = -1;
    context_ = clCreateContext(nullptr, 1, &device_, nullptr, nullptr, &status);
    EXPECT_EQ(status, CL_SUCCESS);
    queue_ = clCreateCommandQueue(context_, device_, CL_QUEUE_PROFILING_ENABLE, &status);
    EXPECT_EQ(status, CL_SUCCESS);
  }

  void TearDown() override {
    executor_.HoldCommands(false);
    while (executor_.Held() > 0) {
      executor_.EndNext();
    }
    for (cl_event event : events_) {
      clReleaseEvent(event);
    }
    for (cl_kernel kernel : kernels_) {
      clReleaseKernel(kernel);
    }
    for (cl_mem buffer : buffers_) {
      clReleaseMemObject(buffer);
    }
    if (queue_ != nullptr) {
      clFinish(queue_);
      clReleaseCommandQueue(queue_);
    }
    if (context_ != nullptr) {
      clReleaseContext(context_);
    }
    executor_.Frames();
    session_->deferred().SettleReleases();
  }

  // Released when the test is over.
  cl_mem Keep(cl_mem buffer) { return buffers_.emplace_back(buffer); }
  cl_event Keep(cl_event event) { return events_.emplace_back(event); }

  cl_mem MakeBuffer(size_t size, cl_mem_flags flags = CL_MEM_READ_WRITE, void* host = nullptr) {
    cl_int status = -1;
    cl_mem buffer = clCreateBuffer(context_, flags, size, host, &status);
    EXPECT_EQ(status, CL_SUCCESS);
    return buffer;
  }
  cl_kernel MakeKernel() {
    const char* source = "kernel";
    cl_int status = -1;
    cl_program program = clCreateProgramWithSource(context_, 1, &source, nullptr, &status);
    EXPECT_EQ(clBuildProgram(program, 0, nullptr, nullptr, nullptr, nullptr), CL_SUCCESS);
    cl_kernel kernel = clCreateKernel(program, "k", &status);
    EXPECT_EQ(status, CL_SUCCESS);
    clReleaseProgram(program);
    return kernels_.emplace_back(kernel);
  }
  void SetAllArguments(cl_kernel kernel, cl_mem buffer) {
    const float number = 1;
    EXPECT_EQ(clSetKernelArg(kernel, 0, sizeof(buffer), &buffer), CL_SUCCESS);
    EXPECT_EQ(clSetKernelArg(kernel, 1, sizeof(number), &number), CL_SUCCESS);
    EXPECT_EQ(clSetKernelArg(kernel, 2, 16, nullptr), CL_SUCCESS);
    EXPECT_EQ(clSetKernelArg(kernel, 3, sizeof(number), &number), CL_SUCCESS);
  }
  // A command that keeps the queue busy until the executor ends it.
  void MakeBusy() {
    executor_.HoldCommands(true);
    ASSERT_EQ(clEnqueueBarrier(queue_), CL_SUCCESS);
  }
  static cl_int StatusOf(cl_event event) {
    cl_int status = 99;
    clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof(status), &status, nullptr);
    return status;
  }

  ScriptedExecutor executor_;
  Session* session_ = nullptr;
  cl_device_id device_ = nullptr;
  cl_context context_ = nullptr;
  cl_command_queue queue_ = nullptr;
  std::vector<cl_event> events_;
  std::vector<cl_kernel> kernels_;
  std::vector<cl_mem> buffers_;
};

cl_uint References(cl_context context) {
  cl_uint count = 0;
  clGetContextInfo(context, CL_CONTEXT_REFERENCE_COUNT, sizeof(count), &count, nullptr);
  return count;
}

TEST_F(ForwardingTest, CountsAreTheApplicationsAlone) {
  cl_mem buffer = MakeBuffer(64);
  EXPECT_EQ(References(context_), 1u);
  clRetainContext(context_);
  EXPECT_EQ(References(context_), 2u);
  clReleaseContext(context_);
  EXPECT_EQ(executor_.Count(Call::kRelease), 0u);
  EXPECT_EQ(clReleaseMemObject(buffer), CL_SUCCESS);
  EXPECT_EQ(executor_.Count(Call::kRelease), 1u);
}

TEST_F(ForwardingTest, AChildKeepsItsParentAlive) {
  EXPECT_EQ(clReleaseContext(context_), CL_SUCCESS);
  EXPECT_EQ(executor_.Count(Call::kRelease), 0u);
  // A parent without references can be had again from its child.
  cl_context found = nullptr;
  clGetCommandQueueInfo(queue_, CL_QUEUE_CONTEXT, sizeof(found), &found, nullptr);
  EXPECT_EQ(found, context_);
  EXPECT_EQ(clReleaseContext(found), CL_INVALID_CONTEXT);
  EXPECT_EQ(clRetainContext(found), CL_SUCCESS);
  EXPECT_EQ(clReleaseCommandQueue(queue_), CL_SUCCESS);
  EXPECT_EQ(References(found), 1u);
  EXPECT_EQ(clReleaseContext(found), CL_SUCCESS);
  EXPECT_EQ(executor_.Count(Call::kRelease), 2u);
  queue_ = nullptr;
  context_ = nullptr;
}

TEST_F(ForwardingTest, StrayHandlesAreRefused) {
  uint64_t stray[8] = {};
  EXPECT_EQ(clRetainContext(reinterpret_cast<cl_context>(stray)), CL_INVALID_CONTEXT);
  EXPECT_EQ(clFinish(reinterpret_cast<cl_command_queue>(stray)), CL_INVALID_COMMAND_QUEUE);
  EXPECT_EQ(clReleaseMemObject(reinterpret_cast<cl_mem>(queue_)), CL_INVALID_MEM_OBJECT);
  EXPECT_EQ(clRetainKernel(nullptr), CL_INVALID_KERNEL);
}

TEST_F(ForwardingTest, FinishSendsNothing) {
  ASSERT_EQ(clEnqueueBarrier(queue_), CL_SUCCESS);
  const size_t before = executor_.Frames();
  EXPECT_EQ(clFlush(queue_), CL_SUCCESS);
  EXPECT_EQ(clFinish(queue_), CL_SUCCESS);
  EXPECT_EQ(executor_.Frames(), before);
}

TEST_F(ForwardingTest, AnIdleQueueCopiesWithoutAFrame) {
  cl_mem buffer = Keep(MakeBuffer(4096));
  const size_t before = executor_.Frames();
  std::vector<char> out(4096, 'x');
  ASSERT_EQ(clEnqueueWriteBuffer(queue_, buffer, CL_TRUE, 0, 4096, out.data(), 0, nullptr, nullptr),
            CL_SUCCESS);
  ASSERT_EQ(clEnqueueWriteBuffer(queue_, buffer, CL_FALSE, 1, 1, "y", 0, nullptr, nullptr), CL_SUCCESS);
  std::vector<char> in(4096);
  ASSERT_EQ(clEnqueueReadBuffer(queue_, buffer, CL_TRUE, 0, 4096, in.data(), 0, nullptr, nullptr),
            CL_SUCCESS);
  out[1] = 'y';
  EXPECT_EQ(in, out);
  EXPECT_EQ(executor_.Frames(), before);
}

TEST_F(ForwardingTest, WithAnEventTheExecutorLearnsOfTheCopy) {
  cl_mem buffer = Keep(MakeBuffer(64));
  char byte = 'a';
  cl_event event = nullptr;
  ASSERT_EQ(clEnqueueWriteBuffer(queue_, buffer, CL_TRUE, 0, 1, &byte, 0, nullptr, &event), CL_SUCCESS);
  EXPECT_EQ(StatusOf(event), CL_COMPLETE);
  EXPECT_EQ(executor_.Count(Call::kHostAccessDone), 1u);
  cl_ulong end = 0;
  EXPECT_EQ(clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof(end), &end, nullptr), CL_SUCCESS);
  EXPECT_EQ(end, 4u);
  EXPECT_EQ(clReleaseEvent(event), CL_SUCCESS);
}

TEST_F(ForwardingTest, ABlockingReadWaitsForTheQueue) {
  cl_mem buffer = Keep(MakeBuffer(64));
  MakeBusy();
  char byte = 0;
  std::thread reader([&] {
    EXPECT_EQ(clEnqueueReadBuffer(queue_, buffer, CL_TRUE, 0, 1, &byte, 0, nullptr, nullptr), CL_SUCCESS);
  });
  executor_.EndNext(0, [&](const ScriptedExecutor::Command&) {
    *static_cast<char*>(static_cast<void*>(buffer->data())) = 'z';
  });
  reader.join();
  EXPECT_EQ(byte, 'z');
}

TEST_F(ForwardingTest, ANonBlockingReadArrivesWhenItsEndIsSeen) {
  cl_mem buffer = Keep(MakeBuffer(64));
  MakeBusy();
  char bytes[64] = {};
  cl_event event = nullptr;
  ASSERT_EQ(clEnqueueReadBuffer(queue_, buffer, CL_FALSE, 0, 64, bytes, 0, nullptr, &event), CL_SUCCESS);
  Keep(event);
  executor_.EndNext();
  executor_.EndNext(0, [&](const ScriptedExecutor::Command& command) {
    ASSERT_EQ(command.region.length, 64u);
    std::memset(executor_.arena() + command.region.offset, 'r', 64);
  });
  EXPECT_EQ(bytes[0], 0);
  EXPECT_EQ(clWaitForEvents(1, &event), CL_SUCCESS);
  EXPECT_EQ(bytes[63], 'r');
}

TEST_F(ForwardingTest, AFailedReadLeavesTheDestinationAlone) {
  cl_mem buffer = Keep(MakeBuffer(64));
  MakeBusy();
  char bytes[64] = {'k'};
  cl_event event = nullptr;
  ASSERT_EQ(clEnqueueReadBuffer(queue_, buffer, CL_FALSE, 0, 64, bytes, 0, nullptr, &event), CL_SUCCESS);
  Keep(event);
  executor_.EndNext();
  executor_.EndNext(CL_OUT_OF_RESOURCES);
  EXPECT_EQ(clWaitForEvents(1, &event), CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST);
  EXPECT_EQ(StatusOf(event), CL_OUT_OF_RESOURCES);
  EXPECT_EQ(bytes[0], 'k');
}

TEST_F(ForwardingTest, AWriteWaitsForTheReadThatFillsItsSource) {
  cl_mem buffer = Keep(MakeBuffer(64));
  MakeBusy();
  char bytes[64] = {};
  ASSERT_EQ(clEnqueueReadBuffer(queue_, buffer, CL_FALSE, 0, 64, bytes, 0, nullptr, nullptr), CL_SUCCESS);
  std::thread ender([&] {
    executor_.EndNext();
    executor_.EndNext(0, [&](const ScriptedExecutor::Command& command) {
      std::memset(executor_.arena() + command.region.offset, 'r', 64);
    });
  });
  ASSERT_EQ(clEnqueueWriteBuffer(queue_, buffer, CL_FALSE, 0, 32, bytes + 16, 0, nullptr, nullptr),
            CL_SUCCESS);
  ender.join();
  EXPECT_EQ(bytes[63], 'r');
}

TEST_F(ForwardingTest, ALateErrorIsToldOnce) {
  MakeBusy();
  executor_.EndNext(CL_OUT_OF_RESOURCES);
  EXPECT_EQ(clFinish(queue_), CL_OUT_OF_RESOURCES);
  EXPECT_EQ(clFinish(queue_), CL_SUCCESS);
}

TEST_F(ForwardingTest, WhatIsCompleteIsNotWaitedFor) {
  cl_int status = -1;
  cl_event user = Keep(clCreateUserEvent(context_, &status));
  EXPECT_EQ(StatusOf(user), CL_SUBMITTED);
  ASSERT_EQ(clSetUserEventStatus(user, CL_COMPLETE), CL_SUCCESS);
  EXPECT_EQ(clSetUserEventStatus(user, CL_COMPLETE), CL_INVALID_OPERATION);
  cl_mem buffer = Keep(MakeBuffer(64));
  const char byte = 0;
  ASSERT_EQ(clEnqueueFillBuffer(queue_, buffer, &byte, 1, 0, 64, 1, &user, nullptr), CL_SUCCESS);
  ASSERT_EQ(clEnqueueMarkerWithWaitList(queue_, 1, &user, nullptr), CL_SUCCESS);
  const auto commands = executor_.Commands();
  ASSERT_EQ(commands.size(), 2u);
  EXPECT_EQ(commands[0].waits, 0u);
  EXPECT_EQ(commands[1].waits, 1u) << "a marker without a list would wait for everything";
}

TEST_F(ForwardingTest, AnArgumentGivenAgainIsNotSentAgain) {
  cl_mem buffer = Keep(MakeBuffer(64));
  cl_kernel kernel = MakeKernel();
  SetAllArguments(kernel, buffer);
  const size_t before = executor_.Count(Call::kSetKernelArg);
  SetAllArguments(kernel, buffer);
  EXPECT_EQ(executor_.Count(Call::kSetKernelArg), before);
  const float other = 2;
  EXPECT_EQ(clSetKernelArg(kernel, 1, sizeof(other), &other), CL_SUCCESS);
  EXPECT_EQ(executor_.Count(Call::kSetKernelArg), before + 1);
}

TEST_F(ForwardingTest, TheFirstOfEachKindGetsTheDevicesVerdict) {
  cl_kernel kernel = MakeKernel();
  executor_.FailCalls(Call::kSetKernelArg, CL_INVALID_ARG_SIZE);
  const double number = 1;
  EXPECT_EQ(clSetKernelArg(kernel, 1, sizeof(number), &number), CL_INVALID_ARG_SIZE);
  executor_.FailCalls(Call::kSetKernelArg, CL_SUCCESS);
  const float right = 1;
  EXPECT_EQ(clSetKernelArg(kernel, 1, sizeof(right), &right), CL_SUCCESS);
}

TEST_F(ForwardingTest, ALaunchIsChecked) {
  cl_mem buffer = Keep(MakeBuffer(64));
  cl_kernel kernel = MakeKernel();
  const size_t global[3] = {64, 1, 1};
  const size_t local[3] = {32, 1, 1};
  const size_t uneven[3] = {24, 1, 1};
  const size_t large[3] = {64, 1, 1};
  const auto launch = [&](cl_uint dimensions, const size_t* local_size) {
    return clEnqueueNDRangeKernel(queue_, kernel, dimensions, nullptr, global, local_size, 0, nullptr,
                                  nullptr);
  };
  EXPECT_EQ(launch(1, local), CL_INVALID_KERNEL_ARGS);
  SetAllArguments(kernel, buffer);
  EXPECT_EQ(launch(0, local), CL_INVALID_WORK_DIMENSION);
  EXPECT_EQ(launch(4, local), CL_INVALID_WORK_DIMENSION);
  EXPECT_EQ(launch(1, uneven), CL_INVALID_WORK_GROUP_SIZE);
  EXPECT_EQ(launch(1, large), CL_INVALID_WORK_GROUP_SIZE);
  EXPECT_EQ(launch(1, local), CL_SUCCESS);
  EXPECT_EQ(launch(1, nullptr), CL_SUCCESS);
  EXPECT_EQ(executor_.Count(Call::kEnqueueNDRangeKernel), 2u);
}

TEST_F(ForwardingTest, ALiveHandleIsTheObjectWhereNothingIsKnown) {
  cl_mem buffer = Keep(MakeBuffer(64));
  cl_kernel kernel = MakeKernel();
  EXPECT_EQ(clSetKernelArg(kernel, 3, sizeof(buffer), &buffer), CL_SUCCESS);
  EXPECT_EQ(kernel->arguments[3].kind, 1u);
  EXPECT_EQ(kernel->arguments[3].value, buffer->id);
  const uint64_t number = 77;
  EXPECT_EQ(clSetKernelArg(kernel, 3, sizeof(number), &number), CL_SUCCESS);
  EXPECT_EQ(kernel->arguments[3].kind, 0u);
}

TEST_F(ForwardingTest, AMapGivesTheStorageItself) {
  cl_mem buffer = Keep(MakeBuffer(4096));
  cl_int status = -1;
  auto* mapped = static_cast<char*>(
      clEnqueueMapBuffer(queue_, buffer, CL_TRUE, CL_MAP_WRITE, 128, 256, 0, nullptr, nullptr, &status));
  ASSERT_EQ(status, CL_SUCCESS);
  EXPECT_EQ(static_cast<void*>(mapped), static_cast<void*>(buffer->data() + 128));
  cl_uint count = 0;
  clGetMemObjectInfo(buffer, CL_MEM_MAP_COUNT, sizeof(count), &count, nullptr);
  EXPECT_EQ(count, 1u);
  EXPECT_EQ(clEnqueueUnmapMemObject(queue_, buffer, mapped + 1, 0, nullptr, nullptr), CL_INVALID_VALUE);
  EXPECT_EQ(clEnqueueUnmapMemObject(queue_, buffer, mapped, 0, nullptr, nullptr), CL_SUCCESS);
  EXPECT_EQ(clEnqueueUnmapMemObject(queue_, buffer, mapped, 0, nullptr, nullptr), CL_INVALID_VALUE);
}

TEST_F(ForwardingTest, AHostPointerIsWhatMapsGive) {
  alignas(128) char host[256] = "before";
  cl_mem buffer = Keep(MakeBuffer(256, CL_MEM_USE_HOST_PTR, host));
  EXPECT_STREQ(static_cast<char*>(static_cast<void*>(buffer->data())), "before");
  std::memcpy(buffer->data(), "device", 7);
  cl_int status = -1;
  void* mapped = clEnqueueMapBuffer(queue_, buffer, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0, 256, 0, nullptr,
                                    nullptr, &status);
  EXPECT_EQ(mapped, host);
  EXPECT_STREQ(host, "device");
  std::strcpy(host, "mapped");
  EXPECT_EQ(clEnqueueUnmapMemObject(queue_, buffer, mapped, 0, nullptr, nullptr), CL_SUCCESS);
  EXPECT_STREQ(static_cast<char*>(static_cast<void*>(buffer->data())), "mapped");
}

TEST_F(ForwardingTest, ReleasedStorageIsUsedAgainOnceTheExecutorLetGo) {
  const uint64_t free_before = session_->arena().free_bytes();
  cl_mem buffer = MakeBuffer(1 << 20);
  clReleaseMemObject(buffer);
  executor_.Frames();
  session_->deferred().SettleReleases();
  EXPECT_EQ(session_->arena().free_bytes(), free_before);
}

TEST_F(ForwardingTest, CallbacksComeOnceInTheOrderOfTheSteps) {
  MakeBusy();
  cl_event event = nullptr;
  ASSERT_EQ(clEnqueueMarkerWithWaitList(queue_, 0, nullptr, &event), CL_SUCCESS);
  Keep(event);
  static std::mutex mutex;
  static std::vector<cl_int> steps;
  const auto note = [](cl_event, cl_int status, void*) {
    const std::lock_guard lock(mutex);
    steps.push_back(status);
  };
  for (const cl_int step : {CL_COMPLETE, CL_RUNNING, CL_SUBMITTED}) {
    ASSERT_EQ(clSetEventCallback(event, step, note, nullptr), CL_SUCCESS);
  }
  executor_.EndNext();
  executor_.EndNext();
  for (size_t count = 0; count < 3;) {
    std::this_thread::yield();
    const std::lock_guard lock(mutex);
    count = steps.size();
  }
  EXPECT_EQ(steps, (std::vector<cl_int>{CL_SUBMITTED, CL_RUNNING, CL_COMPLETE}));
}

TEST_F(ForwardingTest, DestructorCallbacksComeInReverse) {
  static std::atomic<int> order{0};
  static std::atomic<int> called[2];
  cl_mem buffer = MakeBuffer(64);
  ASSERT_EQ(clSetMemObjectDestructorCallback(
                buffer, [](cl_mem, void*) { called[0] = ++order; }, nullptr),
            CL_SUCCESS);
  ASSERT_EQ(clSetMemObjectDestructorCallback(
                buffer, [](cl_mem, void*) { called[1] = ++order; }, nullptr),
            CL_SUCCESS);
  clReleaseMemObject(buffer);
  while (called[0] == 0 || called[1] == 0) {
    std::this_thread::yield();
  }
  EXPECT_EQ(called[0], 2);
  EXPECT_EQ(called[1], 1);
}

TEST_F(ForwardingTest, ALostSessionFailsEveryCallAndFiresCallbacks) {
  cl_mem buffer = MakeBuffer(64);
  MakeBusy();
  cl_event event = nullptr;
  ASSERT_EQ(clEnqueueMarkerWithWaitList(queue_, 0, nullptr, &event), CL_SUCCESS);
  static std::atomic<int> fired{0};
  static std::atomic<cl_int> told{0};
  ASSERT_EQ(clSetEventCallback(
                event, CL_COMPLETE,
                [](cl_event, cl_int status, void*) {
                  told = status;
                  ++fired;
                },
                nullptr),
            CL_SUCCESS);
  executor_.Die();
  EXPECT_EQ(clFinish(queue_), CL_OUT_OF_RESOURCES);
  EXPECT_EQ(clWaitForEvents(1, &event), CL_OUT_OF_RESOURCES);
  char byte = 0;
  EXPECT_EQ(clEnqueueReadBuffer(queue_, buffer, CL_TRUE, 0, 1, &byte, 0, nullptr, nullptr),
            CL_OUT_OF_RESOURCES);
  cl_int status = 0;
  EXPECT_EQ(clCreateBuffer(context_, 0, 64, nullptr, &status), nullptr);
  EXPECT_EQ(status, CL_OUT_OF_RESOURCES);
  while (fired == 0) {
    std::this_thread::yield();
  }
  EXPECT_EQ(told, CL_OUT_OF_RESOURCES);
  EXPECT_EQ(clReleaseEvent(event), CL_SUCCESS);
  EXPECT_EQ(clReleaseMemObject(buffer), CL_SUCCESS);
  EXPECT_EQ(clReleaseCommandQueue(queue_), CL_SUCCESS);
  EXPECT_EQ(clReleaseContext(context_), CL_SUCCESS);
  EXPECT_EQ(fired, 1);
  queue_ = nullptr;
  context_ = nullptr;
}

class DiscreteForwardingTest : public ForwardingTest {
 protected:
  DiscreteForwardingTest() : ForwardingTest(false) {}
};

TEST_F(DiscreteForwardingTest, BlockingReadsGoThroughStaging) {
  cl_mem buffer = Keep(MakeBuffer(1 << 16));
  EXPECT_FALSE(buffer->in_arena());
  std::vector<char> bytes(1 << 16);
  executor_.HoldCommands(true);
  std::thread ender([&] {
    executor_.EndNext(0, [&](const ScriptedExecutor::Command& command) {
      std::memset(executor_.arena() + command.region.offset, 'd', command.region.length);
    });
  });
  EXPECT_EQ(clEnqueueReadBuffer(queue_, buffer, CL_TRUE, 0, bytes.size(), bytes.data(), 0, nullptr, nullptr),
            CL_SUCCESS);
  ender.join();
  EXPECT_EQ(bytes.back(), 'd');
}

TEST_F(DiscreteForwardingTest, WritesCrossInFramesOrInTheArena) {
  cl_mem buffer = Keep(MakeBuffer(1 << 16));
  std::vector<char> bytes(1 << 16, 'w');
  ASSERT_EQ(clEnqueueWriteBuffer(queue_, buffer, CL_TRUE, 0, 64, bytes.data(), 0, nullptr, nullptr),
            CL_SUCCESS);
  ASSERT_EQ(clEnqueueWriteBuffer(queue_, buffer, CL_TRUE, 0, 1 << 16, bytes.data(), 0, nullptr, nullptr),
            CL_SUCCESS);
  const auto commands = executor_.Commands();
  EXPECT_EQ(commands[0].region.length, 0u);
  EXPECT_EQ(commands[1].region.length, 1u << 16);
}

}  // namespace
}  // namespace flexai::shim
