// Programs: creation, build, compile, link, description.
#include <fmt/format.h>

#include <cstring>
#include <string>

#include "executor/opencl/description.h"
#include "executor/opencl/handler.h"

namespace flexai::executor::opencl {
namespace {

std::string TextOf(std::span<const std::byte> bytes) {
  std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.substr(0, text.find('\0'));
}

// Splits NUL-terminated names laid one after another.
std::vector<std::string> NamesOf(std::span<const std::byte> bytes) {
  std::vector<std::string> names;
  std::string name;
  for (const std::byte byte : bytes) {
    if (byte == std::byte{0}) {
      names.push_back(std::move(name));
      name.clear();
    } else {
      name += static_cast<char>(byte);
    }
  }
  if (!name.empty()) {
    names.push_back(std::move(name));
  }
  return names;
}

const cl_device_id* DataOrNull(const std::vector<cl_device_id>& devices) {
  return devices.empty() ? nullptr : devices.data();
}

}  // namespace

// `devices`: ids as the application listed them; empty for all of the context.
std::vector<cl_device_id> Handler::ProgramDevices(const Context& context,
                                                  std::span<const uint64_t> ids) const {
  std::vector<cl_device_id> natives;
  for (const uint64_t id : ids) {
    natives.push_back(Find<Device>(id)->native());  // checked before
  }
  if (ids.empty()) {
    for (const Ref<Device>& device : context.devices()) {
      natives.push_back(device->native());
    }
  }
  return natives;
}

void Handler::AdoptProgram(uint64_t id, cl_program native, cl_int status, Context* context,
                           std::span<const uint64_t> devices) {
  Adopt(new Program(runtime_, id, native, status, Ref<Context>(context), ProgramDevices(*context, devices)));
}

void Handler::On(const FrameHeader& header, const calls::CreateProgramWithSource& call) {
  Context* context = Find<Context>(call.context);
  if (context == nullptr) {
    Answer(header, CL_INVALID_CONTEXT);
    return;
  }
  const std::span<const std::byte> bytes = runtime_.Find(call.source);
  const std::string source(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const char* text = source.c_str();
  const size_t length = source.size();
  cl_int status = CL_SUCCESS;
  cl_program native = api().clCreateProgramWithSource(context->native(), 1, &text, &length, &status);
  AdoptProgram(call.program, native, status, context);
  Answer(header, status);
}

void Handler::On(const FrameHeader& header, const calls::CreateProgramWithBinary& call) {
  calls::CreateProgramWithBinaryReply reply;
  Context* context = Find<Context>(call.context);
  if (context == nullptr) {
    AnswerWith(header, CL_INVALID_CONTEXT, reply);
    return;
  }
  const std::span<const std::byte> shared = runtime_.Find(call.binaries);
  const std::vector<unsigned char> bytes(
      reinterpret_cast<const unsigned char*>(shared.data()),
      reinterpret_cast<const unsigned char*>(shared.data()) + shared.size());
  std::vector<cl_device_id> natives;
  std::vector<size_t> lengths;
  std::vector<const unsigned char*> binaries;
  std::vector<size_t> native_index;  // of each device of the call
  size_t offset = 0;
  for (size_t i = 0; i < call.devices.size(); ++i) {
    const size_t known = natives.size();
    const std::span<const uint64_t> one = call.devices.subspan(i, 1);
    if (i >= call.lengths.size() || call.lengths[i] == 0 || call.lengths[i] > bytes.size() - offset ||
        !FindDevices(one, &natives, nullptr)) {
      AnswerWith(header, Find<Device>(call.devices[i]) == nullptr ? CL_INVALID_DEVICE : CL_INVALID_VALUE,
                 reply);
      return;
    }
    if (natives.size() > known) {
      lengths.push_back(call.lengths[i]);
      binaries.push_back(bytes.data() + offset);
    }
    native_index.push_back(natives.size() > known ? known : natives.size() - 1);
    offset += call.lengths[i];
  }
  if (natives.empty()) {
    AnswerWith(header, CL_INVALID_VALUE, reply);
    return;
  }
  std::vector<cl_int> statuses(natives.size(), CL_SUCCESS);
  cl_int status = CL_SUCCESS;
  cl_program native =
      api().clCreateProgramWithBinary(context->native(), static_cast<cl_uint>(natives.size()), natives.data(),
                                      lengths.data(), binaries.data(), statuses.data(), &status);
  std::vector<cl_int> by_device;
  for (const size_t index : native_index) {
    by_device.push_back(statuses[index]);
  }
  reply.statuses = std::as_bytes(std::span(by_device));
  if (native != nullptr) {
    AdoptProgram(call.program, native, CL_SUCCESS, context, call.devices);
  }
  AnswerWith(header, status, reply);
}

void Handler::On(const FrameHeader& header, const calls::CreateProgramWithIl& call) {
  Context* context = Find<Context>(call.context);
  if (context == nullptr || api().clCreateProgramWithIL == nullptr) {
    Answer(header, context == nullptr ? CL_INVALID_CONTEXT : CL_INVALID_OPERATION);
    return;
  }
  const std::span<const std::byte> shared = runtime_.Find(call.il);
  const std::vector<std::byte> il(shared.begin(), shared.end());
  cl_int status = CL_SUCCESS;
  cl_program native = api().clCreateProgramWithIL(context->native(), il.data(), il.size(), &status);
  if (native != nullptr) {
    AdoptProgram(call.program, native, CL_SUCCESS, context);
  }
  Answer(header, status);
}

void Handler::On(const FrameHeader& header, const calls::CreateProgramWithBuiltInKernels& call) {
  Context* context = Find<Context>(call.context);
  std::vector<cl_device_id> natives;
  if (context == nullptr || !FindDevices(call.devices, &natives, nullptr)) {
    Answer(header, context == nullptr ? CL_INVALID_CONTEXT : CL_INVALID_DEVICE);
    return;
  }
  const std::string names = TextOf(call.names);
  cl_int status = CL_SUCCESS;
  cl_program native = api().clCreateProgramWithBuiltInKernels(
      context->native(), static_cast<cl_uint>(natives.size()), DataOrNull(natives), names.c_str(), &status);
  if (native != nullptr) {
    AdoptProgram(call.program, native, CL_SUCCESS, context, call.devices);
  }
  Answer(header, status);
}

void Handler::On(const FrameHeader&, const calls::AddHeader& call) {
  Program* program = Find<Program>(call.program);
  if (program == nullptr) {
    return;
  }
  const std::span<const std::byte> shared = runtime_.Find(call.content);
  const std::string content(reinterpret_cast<const char*>(shared.data()), shared.size());
  if (const Status added = program->headers.Add(TextOf(call.path), content); !added.ok()) {
    fmt::print(stderr, "flexai-executor: {}\n", added.message());  // the compiler will say what it misses
  }
}

// The options of a build with the folder of the headers in them; puts the headers there, on the build thread.
std::function<std::string()> Handler::OptionsFor(Program* program, std::span<const std::byte> options) {
  std::string text = TextOf(options);
  program->headers_folder.clear();
  if (program->headers.empty()) {
    return [text = std::move(text)] { return text; };
  }
  program->headers_folder = program->headers.Folder();
  text = Replaced(text, "%flexai-headers%", program->headers_folder);
  return [text = std::move(text), headers = program->headers] {
    if (const Status placed = headers.Place(); !placed.ok()) {
      fmt::print(stderr, "flexai-executor: {}\n", placed.message());
    }
    return text;
  };
}

// Runs `run` on the build thread. The program and what it is built from stay until that has ended; their
// references are taken and dropped on this thread.
void Handler::StartBuild(Program* program, uint32_t slot, std::vector<Ref<Program>> inputs,
                         std::function<cl_int()> run) {
  ++program->builds_running;
  inputs.emplace_back(program);
  auto kept = std::make_shared<std::vector<Ref<Program>>>(std::move(inputs));
  builds_.Post({std::move(run),
                [channel = runtime_.channel, slot](int32_t status) { channel->PublishEvent(slot, status); },
                [program, kept] {
                  --program->builds_running;
                  kept->clear();
                }});
}

void Handler::On(const FrameHeader&, const calls::BuildProgram& call) {
  Program* program = Find<Program>(call.program);
  std::vector<cl_device_id> devices;
  if (program == nullptr || !FindDevices(call.devices, &devices, nullptr)) {
    runtime_.channel->PublishEvent(call.slot, program == nullptr ? CL_INVALID_PROGRAM : CL_INVALID_DEVICE);
    return;
  }
  StartBuild(program, call.slot, {}, [this, program, devices, options = OptionsFor(program, call.options)] {
    cl_int status = program->creation_status;
    if (program->native != nullptr) {
      status = api().clBuildProgram(program->native, static_cast<cl_uint>(devices.size()),
                                    DataOrNull(devices), options().c_str(), nullptr, nullptr);
    }
    return status;
  });
}

void Handler::On(const FrameHeader&, const calls::CompileProgram& call) {
  Program* program = Find<Program>(call.program);
  std::vector<cl_device_id> devices;
  if (program == nullptr || !FindDevices(call.devices, &devices, nullptr)) {
    runtime_.channel->PublishEvent(call.slot, program == nullptr ? CL_INVALID_PROGRAM : CL_INVALID_DEVICE);
    return;
  }
  std::vector<Ref<Program>> headers;
  for (const uint64_t id : call.headers) {
    headers.emplace_back(Find<Program>(id));
    if (!headers.back()) {
      runtime_.channel->PublishEvent(call.slot, CL_INVALID_PROGRAM);
      return;
    }
  }
  std::vector<std::string> names = NamesOf(call.header_names);
  if (names.size() != headers.size()) {
    runtime_.channel->PublishEvent(call.slot, CL_INVALID_VALUE);
    return;
  }
  std::vector<Program*> bare;
  for (const Ref<Program>& header : headers) {
    bare.push_back(header.get());
  }
  StartBuild(
      program, call.slot, std::move(headers),
      [this, program, devices, bare, names = std::move(names), options = OptionsFor(program, call.options)] {
        std::vector<cl_program> natives;
        std::vector<const char*> texts;
        for (size_t i = 0; i < bare.size(); ++i) {
          if (bare[i]->native == nullptr) {
            return CL_INVALID_PROGRAM;
          }
          natives.push_back(bare[i]->native);
          texts.push_back(names[i].c_str());
        }
        cl_int status = program->creation_status;
        if (program->native != nullptr) {
          status = api().clCompileProgram(
              program->native, static_cast<cl_uint>(devices.size()), DataOrNull(devices), options().c_str(),
              static_cast<cl_uint>(natives.size()), natives.empty() ? nullptr : natives.data(),
              texts.empty() ? nullptr : texts.data(), nullptr, nullptr);
        }
        return status;
      });
}

void Handler::On(const FrameHeader&, const calls::LinkProgram& call) {
  Context* context = Find<Context>(call.context);
  std::vector<cl_device_id> devices;
  if (context == nullptr || !FindDevices(call.devices, &devices, nullptr)) {
    runtime_.channel->PublishEvent(call.slot, context == nullptr ? CL_INVALID_CONTEXT : CL_INVALID_DEVICE);
    return;
  }
  std::vector<Ref<Program>> inputs;
  std::vector<Program*> bare;
  for (const uint64_t id : call.inputs) {
    inputs.emplace_back(Find<Program>(id));
    bare.push_back(inputs.back().get());
    if (bare.back() == nullptr) {
      runtime_.channel->PublishEvent(call.slot, CL_INVALID_PROGRAM);
      return;
    }
  }
  auto* program = new Program(runtime_, call.program, nullptr, CL_INVALID_PROGRAM, Ref<Context>(context),
                              ProgramDevices(*context, call.devices));
  if (!Adopt(program)) {
    return;
  }
  StartBuild(program, call.slot, std::move(inputs),
             [this, program, context, devices, bare, options = TextOf(call.options)] {
               std::vector<cl_program> natives;
               for (const Program* input : bare) {
                 if (input->native == nullptr) {
                   return CL_INVALID_PROGRAM;
                 }
                 natives.push_back(input->native);
               }
               cl_int status = CL_SUCCESS;
               program->native = api().clLinkProgram(
                   context->native(), static_cast<cl_uint>(devices.size()), DataOrNull(devices),
                   options.c_str(), static_cast<cl_uint>(natives.size()),
                   natives.empty() ? nullptr : natives.data(), nullptr, nullptr, &status);
               program->creation_status = status;
               return status;
             });
}

void Handler::On(const FrameHeader& header, const calls::DescribeProgram& call) {
  calls::DescribeProgramReply reply;
  builds_.RunFinished();
  const Program* program = Find<Program>(call.program);
  if (program == nullptr || program->builds_running != 0 || program->native == nullptr) {
    AnswerWith(header, program == nullptr ? CL_INVALID_PROGRAM : CL_INVALID_PROGRAM_EXECUTABLE, reply);
    return;
  }
  std::vector<std::byte> description;
  const cl_int status = DescribeProgram(*program, &description);
  reply.description = description;
  AnswerWith(header, status, reply);
}

void Handler::On(const FrameHeader& header, const calls::SetSpecializationConstant& call) {
  const Program* program = Find<Program>(call.program);
  if (program == nullptr || program->native == nullptr ||
      api().clSetProgramSpecializationConstant == nullptr) {
    Answer(header, program == nullptr ? CL_INVALID_PROGRAM : CL_INVALID_OPERATION);
    return;
  }
  Answer(header, api().clSetProgramSpecializationConstant(program->native, call.constant, call.value.size(),
                                                          call.value.data()));
}

void Handler::On(const FrameHeader&, const calls::UnloadPlatformCompiler&) {
  if (api().clUnloadPlatformCompiler != nullptr) {
    (void)api().clUnloadPlatformCompiler(runtime_.platform.id);
  }
}

}  // namespace flexai::executor::opencl
