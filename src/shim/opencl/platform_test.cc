// Platforms over several sessions: the shim against a scripted flexaid with a scripted executor per session.
//
// The test's process has three sessions: one with two vXPUs on a device of the first platform (entries 0 and
// 3 of FLEXAI_VXPUS), one on another platform (entry 1), one on a second device of the first (entry 2).
// Whatever needs another flexaid runs in a forked child, which gets sessions of its own.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "os/files.h"
#include "os/socket.h"
#include "shim/opencl/objects.h"
#include "shim/opencl/process.h"
#include "shim/opencl/scripted_executor.h"

namespace flexai::shim {
namespace {

using opencl::Call;

const std::vector<ScriptedDevice> kTwins = {{CL_DEVICE_TYPE_CPU, "a0"}, {CL_DEVICE_TYPE_CPU, "a1"}};
const std::vector<ScriptedDevice> kOther = {{CL_DEVICE_TYPE_GPU, "other"}};
const std::vector<ScriptedDevice> kSecond = {{CL_DEVICE_TYPE_GPU, "b", "cl_khr_il_program"}};

// Answers on attach.sock: the sessions of `plan`, each opened at an executor of its own.
class ScriptedFlexaid {
 public:
  struct Planned {
    std::vector<ScriptedDevice> devices;
    uint32_t platform = 0;
    uint32_t vxpu_mask = 1;
    std::function<void(wire::AttachReply&)> change;  // of the answer
  };

  explicit ScriptedFlexaid(const std::string& path)
      : listener_(os::PacketListener::Listen(path, 0700).value()), thread_([this] { Serve(); }) {}

  void SetPlan(std::vector<Planned> plan) {
    const std::lock_guard lock(mutex_);
    plan_ = std::move(plan);
  }
  // In the order of opening.
  ScriptedExecutor& executor(size_t index) {
    const std::lock_guard lock(mutex_);
    return *executors_[index];
  }
  size_t executor_count() {
    const std::lock_guard lock(mutex_);
    return executors_.size();
  }

 private:
  void Serve() {
    for (;;) {
      Result<os::PacketSocket> socket = listener_.Accept();
      while (socket.ok()) {
        const Result<os::Packet> packet = socket->Receive();
        wire::AttachRequest request{};
        if (!packet.ok() || packet->bytes.size() != sizeof(request)) {
          break;
        }
        std::memcpy(&request, packet->bytes.data(), sizeof(request));
        Answer(*socket, request);
      }
    }
  }
  void Answer(const os::PacketSocket& socket, const wire::AttachRequest& request) {
    const std::lock_guard lock(mutex_);
    if (request.op == wire::AttachOp::kList) {
      wire::AttachReply reply{};
      reply.magic = wire::kAttachMagic;
      reply.major = wire::kProtocolMajor;
      reply.session_count = static_cast<uint32_t>(plan_.size());
      static_cast<void>(socket.Send(std::as_bytes(std::span(&reply, 1))));
      return;
    }
    const Planned& planned = plan_[request.index];
    executors_.push_back(std::make_unique<ScriptedExecutor>(true, planned.devices));
    wire::AttachReply reply = executors_.back()->Offer();
    reply.platform = planned.platform;
    reply.vxpu_mask = planned.vxpu_mask;
    if (planned.change) {
      planned.change(reply);
    }
    static_cast<void>(socket.Send(std::as_bytes(std::span(&reply, 1)), executors_.back()->OfferedFds()));
  }

  os::PacketListener listener_;
  std::mutex mutex_;
  std::vector<Planned> plan_;
  std::vector<std::unique_ptr<ScriptedExecutor>> executors_;
  std::thread thread_;
};

std::vector<cl_platform_id> Platforms() {
  cl_uint count = 0;
  clGetPlatformIDs(0, nullptr, &count);
  std::vector<cl_platform_id> platforms(count);
  if (count != 0) {
    EXPECT_EQ(clIcdGetPlatformIDsKHR(count, platforms.data(), nullptr), CL_SUCCESS);
  }
  return platforms;
}

std::string NameOf(cl_device_id device) {
  char name[16] = {};
  EXPECT_EQ(clGetDeviceInfo(device, CL_DEVICE_NAME, sizeof(name), name, nullptr), CL_SUCCESS);
  return name;
}

// As "a0 b a1"; the code where there is none.
std::string NamesOf(const std::vector<cl_device_id>& devices) {
  std::string names;
  for (cl_device_id device : devices) {
    names += (names.empty() ? "" : " ") + NameOf(device);
  }
  return names;
}

std::vector<cl_device_id> DevicesOf(cl_platform_id platform, cl_device_type type = CL_DEVICE_TYPE_ALL) {
  cl_device_id devices[8];
  cl_uint count = 0;
  const cl_int status = clGetDeviceIDs(platform, type, 8, devices, &count);
  EXPECT_EQ(status, count == 0 ? CL_DEVICE_NOT_FOUND : CL_SUCCESS);
  return {devices, devices + count};
}

std::vector<cl_device_id> DevicesOf(cl_context context) {
  cl_device_id devices[8];
  size_t bytes = 0;
  EXPECT_EQ(clGetContextInfo(context, CL_CONTEXT_DEVICES, sizeof(devices), devices, &bytes), CL_SUCCESS);
  return {devices, devices + bytes / sizeof(devices[0])};
}

class PlatformTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    char folder[] = "/tmp/flexai-platform-XXXXXX";
    folder_ = mkdtemp(folder);
    const std::string path = folder_ + "/attach.sock";
    flexaid_ = new ScriptedFlexaid(path);
    setenv("FLEXAI_ATTACH_SOCKET", path.c_str(), 1);
    setenv("FLEXAI_VXPUS", "1,2,3,4", 1);
    flexaid_->SetPlan(kPlan);
    const std::span<Session* const> sessions = Sessions();
    ASSERT_EQ(sessions.size(), 3u);
    for (size_t i = 0; i < sessions.size(); ++i) {
      flexaid_->executor(i).Follow(sessions[i]);
    }
  }
  static void TearDownTestSuite() { static_cast<void>(os::RemoveFolder(folder_)); }

  void SetUp() override {
    const std::vector<cl_platform_id> platforms = Platforms();
    ASSERT_EQ(platforms.size(), 2u);
    platform_ = platforms[0];
    other_platform_ = platforms[1];
    a0_ = DevicesOf(platform_)[0];
    b_ = DevicesOf(platform_)[1];
    a1_ = DevicesOf(platform_)[2];
    other_ = DevicesOf(other_platform_)[0];
  }

  static cl_context MakeContext(std::vector<cl_device_id> devices, cl_int expected = CL_SUCCESS) {
    cl_int status = 1;
    cl_context context = clCreateContext(nullptr, static_cast<cl_uint>(devices.size()), devices.data(),
                                         nullptr, nullptr, &status);
    EXPECT_EQ(status, expected);
    EXPECT_EQ(context != nullptr, expected == CL_SUCCESS);
    return context;
  }

  // Runs `child` in a forked child, whose flexaid follows `plan`; what it expects is expected of the test.
  // Where the child calls `pause`, `meanwhile` runs here.
  using Pause = std::function<void()>;
  static void InChild(std::vector<ScriptedFlexaid::Planned> plan,
                      const std::function<void(const Pause& pause)>& child,
                      const std::function<void()>& meanwhile = {}) {
    flexaid_->SetPlan(std::move(plan));
    int asked[2], answered[2];
    ASSERT_EQ(pipe2(asked, O_CLOEXEC), 0);  // not for the processes that executors start
    ASSERT_EQ(pipe2(answered, O_CLOEXEC), 0);
    std::fflush(nullptr);
    const pid_t pid = fork();
    ASSERT_GE(pid, 0);
    char byte = 0;
    if (pid == 0) {
      child([&] {
        EXPECT_EQ(write(asked[1], "x", 1), 1);
        EXPECT_EQ(read(answered[0], &byte, 1), 1);
      });
      std::fflush(nullptr);
      _exit(HasFailure() ? 1 : 0);
    }
    close(asked[1]);
    if (read(asked[0], &byte, 1) == 1) {
      meanwhile();
      EXPECT_EQ(write(answered[1], "x", 1), 1);
    }
    int status = -1;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0) << "see what the child printed above";
    for (const int fd : {asked[0], answered[0], answered[1]}) {
      close(fd);
    }
  }

  static inline const std::vector<ScriptedFlexaid::Planned> kPlan = {
      {kTwins, 0, 0b1001, {}}, {kOther, 1, 0b0010, {}}, {kSecond, 0, 0b0100, {}}};
  static inline std::string folder_;
  static inline ScriptedFlexaid* flexaid_ = nullptr;
  cl_platform_id platform_ = nullptr, other_platform_ = nullptr;
  cl_device_id a0_ = nullptr, a1_ = nullptr, b_ = nullptr, other_ = nullptr;
};

TEST_F(PlatformTest, OneForEachOfTheVendors) {
  EXPECT_NE(platform_, other_platform_);
  cl_platform_id first = nullptr;
  cl_uint count = 0;
  EXPECT_EQ(clIcdGetPlatformIDsKHR(1, &first, &count), CL_SUCCESS);
  EXPECT_EQ(first, platform_);
  EXPECT_EQ(count, 2u);
  char text[16] = {};
  EXPECT_EQ(clGetPlatformInfo(platform_, CL_PLATFORM_NAME, sizeof(text), text, nullptr), CL_SUCCESS);
  EXPECT_STREQ(text, "Scripted");
  EXPECT_EQ(clGetPlatformInfo(platform_, CL_PLATFORM_ICD_SUFFIX_KHR, sizeof(text), text, nullptr),
            CL_SUCCESS);
  EXPECT_STREQ(text, "FLEXAI");
}

TEST_F(PlatformTest, DevicesComeInTheOrderOfTheVxpus) {
  EXPECT_EQ(NamesOf(DevicesOf(platform_)), "a0 b a1");
  EXPECT_EQ(NamesOf(DevicesOf(other_platform_)), "other");
  EXPECT_EQ(NamesOf(DevicesOf(cl_platform_id{nullptr})), "a0 b a1");
  for (cl_device_id device : DevicesOf(platform_)) {
    cl_platform_id platform = nullptr;
    EXPECT_EQ(clGetDeviceInfo(device, CL_DEVICE_PLATFORM, sizeof(platform), &platform, nullptr), CL_SUCCESS);
    EXPECT_EQ(platform, platform_);
  }
}

TEST_F(PlatformTest, TypesChooseAmongAllDevicesOfThePlatform) {
  EXPECT_EQ(NamesOf(DevicesOf(platform_, CL_DEVICE_TYPE_CPU)), "a0 a1");
  EXPECT_EQ(NamesOf(DevicesOf(platform_, CL_DEVICE_TYPE_GPU)), "b");
  EXPECT_EQ(NamesOf(DevicesOf(platform_, CL_DEVICE_TYPE_DEFAULT)), "a0");
  EXPECT_EQ(NamesOf(DevicesOf(other_platform_, CL_DEVICE_TYPE_DEFAULT)), "other");
  EXPECT_EQ(NamesOf(DevicesOf(platform_, CL_DEVICE_TYPE_DEFAULT | CL_DEVICE_TYPE_GPU)), "a0 b");
  EXPECT_EQ(NamesOf(DevicesOf(platform_, CL_DEVICE_TYPE_ACCELERATOR)), "");
}

TEST_F(PlatformTest, AContextIsOfVxpusOfOneDevice) {
  static std::string told;
  static void* told_to = nullptr;
  const auto note = [](const char* text, const void*, size_t, void* user_data) {
    told = text;
    told_to = user_data;
  };
  const cl_context_properties on_first[] = {CL_CONTEXT_PLATFORM,
                                            reinterpret_cast<cl_context_properties>(platform_), 0};
  const cl_context_properties on_other[] = {CL_CONTEXT_PLATFORM,
                                            reinterpret_cast<cl_context_properties>(other_platform_), 0};
  const auto make = [&](const cl_context_properties* properties, std::vector<cl_device_id> devices) {
    cl_int status = 1;
    cl_context context = clCreateContext(properties, static_cast<cl_uint>(devices.size()), devices.data(),
                                         note, &told, &status);
    EXPECT_EQ(context != nullptr, status == CL_SUCCESS);
    if (context != nullptr) {
      EXPECT_EQ(DevicesOf(context), devices);
      clReleaseContext(context);
    }
    return status;
  };
  EXPECT_EQ(make(on_first, {a0_, a1_}), CL_SUCCESS);
  EXPECT_EQ(make(on_first, {b_}), CL_SUCCESS);
  EXPECT_EQ(make(on_other, {b_}), CL_INVALID_DEVICE);
  EXPECT_EQ(make(nullptr, {a0_, other_}), CL_INVALID_DEVICE);
  EXPECT_EQ(told, "");
  EXPECT_EQ(make(on_first, {a0_, b_}), CL_DEVICE_NOT_AVAILABLE);
  EXPECT_NE(told.find("make a context for each"), std::string::npos) << told;
  EXPECT_EQ(told_to, &told);
  MakeContext({b_, a1_}, CL_DEVICE_NOT_AVAILABLE);
}

TEST_F(PlatformTest, AContextFromATypeIsOfTheFirstDeviceThatHasIt) {
  const auto make = [&](cl_device_type type) -> std::string {
    const cl_context_properties list[] = {CL_CONTEXT_PLATFORM,
                                          reinterpret_cast<cl_context_properties>(platform_), 0};
    cl_int status = 1;
    cl_context context = clCreateContextFromType(list, type, nullptr, nullptr, &status);
    if (context == nullptr) {
      return std::to_string(status);
    }
    const std::string names = NamesOf(DevicesOf(context));
    clReleaseContext(context);
    return names;
  };
  EXPECT_EQ(make(CL_DEVICE_TYPE_ALL), "a0 a1");
  EXPECT_EQ(make(CL_DEVICE_TYPE_GPU), "b");
  EXPECT_EQ(make(CL_DEVICE_TYPE_DEFAULT), "a0");
  EXPECT_EQ(make(CL_DEVICE_TYPE_ACCELERATOR), std::to_string(CL_DEVICE_NOT_FOUND));
}

TEST_F(PlatformTest, UnloadingTheCompilerGoesToAllSessionsOfThePlatform) {
  EXPECT_EQ(clUnloadPlatformCompiler(platform_), CL_SUCCESS);
  EXPECT_EQ(flexaid_->executor(0).Count(Call::kUnloadPlatformCompiler), 1u);
  EXPECT_EQ(flexaid_->executor(1).Count(Call::kUnloadPlatformCompiler), 0u);
  EXPECT_EQ(flexaid_->executor(2).Count(Call::kUnloadPlatformCompiler), 1u);
  EXPECT_EQ(clUnloadPlatformCompiler(nullptr), CL_INVALID_PLATFORM);
}

TEST_F(PlatformTest, AFunctionOfAnExtensionIsThereIfSomeDeviceHasIt) {
  const char* name = "clCreateProgramWithILKHR";
  EXPECT_NE(clGetExtensionFunctionAddressForPlatform(platform_, name), nullptr);
  EXPECT_EQ(clGetExtensionFunctionAddressForPlatform(other_platform_, name), nullptr);
  EXPECT_NE(clGetExtensionFunctionAddress(name), nullptr);
  EXPECT_NE(clGetExtensionFunctionAddressForPlatform(other_platform_, "clIcdGetPlatformIDsKHR"), nullptr);
}

// Ids count from the same number in every session, so one that strays would mean another object.
TEST_F(PlatformTest, ObjectsOfAnotherSessionAreRefused) {
  cl_context here = MakeContext({a0_, a1_});
  cl_context there = MakeContext({b_});
  cl_int status = 1;
  const char* source = "kernel";
  cl_program program = clCreateProgramWithSource(here, 1, &source, nullptr, &status);
  cl_program strange = clCreateProgramWithSource(there, 1, &source, nullptr, &status);
  EXPECT_EQ(clBuildProgram(program, 1, &b_, nullptr, nullptr, nullptr), CL_INVALID_DEVICE);
  EXPECT_EQ(clBuildProgram(program, 0, nullptr, nullptr, nullptr, nullptr), CL_SUCCESS);
  EXPECT_EQ(clLinkProgram(here, 0, nullptr, nullptr, 1, &strange, nullptr, nullptr, &status), nullptr);
  EXPECT_EQ(status, CL_INVALID_PROGRAM);
  const char* name = "x.h";
  EXPECT_EQ(clCompileProgram(strange, 0, nullptr, nullptr, 1, &program, &name, nullptr, nullptr),
            CL_INVALID_PROGRAM);
  cl_kernel kernel = clCreateKernel(program, "k", &status);
  cl_mem buffer = clCreateBuffer(there, 0, 64, nullptr, &status);
  EXPECT_EQ(clSetKernelArg(kernel, 0, sizeof(buffer), &buffer), CL_INVALID_MEM_OBJECT);
  cl_command_queue queue = clCreateCommandQueue(here, a0_, 0, &status);
  const char byte = 0;
  EXPECT_EQ(clEnqueueFillBuffer(queue, buffer, &byte, 1, 0, 64, 0, nullptr, nullptr), CL_INVALID_CONTEXT);
  cl_event events[] = {clCreateUserEvent(here, &status), clCreateUserEvent(there, &status)};
  EXPECT_EQ(clWaitForEvents(2, events), CL_INVALID_CONTEXT);
  EXPECT_EQ(clEnqueueMarkerWithWaitList(queue, 2, events, nullptr), CL_INVALID_CONTEXT);
  EXPECT_EQ(clCreateCommandQueue(here, b_, 0, &status), nullptr);
  EXPECT_EQ(status, CL_INVALID_DEVICE);
  EXPECT_EQ(clSetDefaultDeviceCommandQueue(here, b_, queue), CL_INVALID_DEVICE);
  for (cl_event event : events) {
    clReleaseEvent(event);
  }
  clReleaseCommandQueue(queue);
  clReleaseMemObject(buffer);
  clReleaseKernel(kernel);
  clReleaseProgram(program);
  clReleaseProgram(strange);
  clReleaseContext(here);
  clReleaseContext(there);
}

TEST_F(PlatformTest, AChildHasSessionsOfItsOwnBehindTheSameHandles) {
  cl_context parents = MakeContext({a0_});
  InChild(kPlan, [&](const Pause&) {
    EXPECT_EQ(NamesOf(DevicesOf(platform_)), "a0 b a1");
    EXPECT_EQ(DevicesOf(platform_), (std::vector<cl_device_id>{a0_, b_, a1_}));
    EXPECT_EQ(DevicesOf(other_platform_), std::vector<cl_device_id>{other_});
    EXPECT_EQ(Platforms(), (std::vector<cl_platform_id>{platform_, other_platform_}));
    MakeContext({a0_, a1_});
    MakeContext({b_});
    MakeContext({a0_, b_}, CL_DEVICE_NOT_AVAILABLE);
    cl_int status = 1;
    EXPECT_EQ(clCreateBuffer(parents, 0, 64, nullptr, &status), nullptr);
    EXPECT_EQ(status, CL_OUT_OF_RESOURCES);
  });
  clReleaseContext(parents);
}

TEST_F(PlatformTest, AContextMayBeTheFirstThatAChildAsksFor) {
  InChild(kPlan, [&](const Pause&) {
    MakeContext({a1_, b_}, CL_DEVICE_NOT_AVAILABLE);
    MakeContext({a1_, a0_});
  });
}

TEST_F(PlatformTest, ALostExecutorTakesItsDeviceAlone) {
  const size_t first = flexaid_->executor_count();
  const auto kill_second = [&] {
    flexaid_->executor(first + 2).HoldCommands(true);
    flexaid_->executor(first + 2).Die();
  };
  InChild(
      kPlan,
      [&](const Pause& pause) {
        cl_context context = MakeContext({a0_});
        cl_int status = 1;
        cl_command_queue queue = clCreateCommandQueue(MakeContext({b_}), b_, 0, &status);
        pause();
        EXPECT_EQ(clEnqueueBarrier(queue), CL_SUCCESS);
        EXPECT_EQ(clFinish(queue), CL_OUT_OF_RESOURCES);
        EXPECT_NE(clCreateUserEvent(context, &status), nullptr);
        EXPECT_EQ(clUnloadPlatformCompiler(platform_), CL_SUCCESS);
        EXPECT_EQ(NamesOf(DevicesOf(platform_)), "a0 b a1");
        MakeContext({a0_, a1_});
        MakeContext({b_}, CL_OUT_OF_RESOURCES);
      },
      kill_second);
}

TEST_F(PlatformTest, AFlexaidOf10ShowsAPlatformPerDevice) {
  const auto old = [](wire::AttachReply& reply) {
    reply.minor = 0;
    reply.platform = reply.vxpu_mask = 0;
  };
  InChild({{kTwins, 0, 0, old}, {kSecond, 0, 0, old}}, [&](const Pause&) {
    const std::vector<cl_platform_id> platforms = Platforms();
    ASSERT_EQ(platforms.size(), 2u);
    EXPECT_EQ(NamesOf(DevicesOf(platforms[0])), "a0 a1");
    EXPECT_EQ(NamesOf(DevicesOf(platforms[1])), "b");
  });
}

TEST_F(PlatformTest, AnswersThatCannotBeAreNoSessions) {
  const auto count = [](uint32_t vxpus) {
    return [vxpus](wire::AttachReply& reply) { reply.vxpu_count = vxpus; };
  };
  const std::vector<ScriptedDevice> broken = {kTwins[0], {CL_DEVICE_TYPE_CPU, "a1", "", true}};
  const std::vector<ScriptedFlexaid::Planned> bad = {
      {kTwins, 0, 0b0001, {}},           // fewer bits than vXPUs
      {kTwins, 0, 0b0001, count(1)},     // more devices than vXPUs
      {kTwins, 0, 0x10001, {}},          // no such entry
      {kTwins, 1, 0b0011, {}},           // a platform that is to come
      {kTwins, 0xffffffff, 0b0011, {}},  // none at all
      {kTwins, 0, 0, count(0)},          // no vXPU
      {kTwins, 0, 0b0011, count(17)},    // more than there may be
      {broken, 0, 0b1001, {}},           // a description that breaks off
  };
  for (const ScriptedFlexaid::Planned& planned : bad) {
    InChild({planned, {kSecond, 0, 0b0100, {}}}, [&](const Pause&) {
      EXPECT_EQ(NamesOf(DevicesOf(platform_)), "b");
      EXPECT_EQ(Platforms(), std::vector<cl_platform_id>{platform_});
      EXPECT_EQ(NameOf(a0_), "a0") << "what a handle of the parent's said, it says on";
      MakeContext({a0_}, CL_OUT_OF_RESOURCES);
    });
  }
}

}  // namespace
}  // namespace flexai::shim
