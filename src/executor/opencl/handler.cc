#include "executor/opencl/handler.h"

#include <fmt/format.h>

#include <algorithm>

#include "executor/opencl/description.h"

namespace flexai::executor::opencl {

Handler::Handler(Runtime& runtime, BuildWorker& builds) : runtime_(runtime), builds_(builds) {
  for (const Vxpu& vxpu : runtime_.vxpus) {
    objects_.Insert(new Device(runtime_, kFirstDevice + vxpu.lane, vxpu.device, vxpu.lane, {}));
  }
}

Handler::~Handler() = default;

bool Handler::Adopt(Object* object) {
  const Ref<Object> keep(object);
  if (object->id() <= kPlatformId || !objects_.Insert(object)) {
    Violate(fmt::format("the application's shim named two objects {}", object->id()));
    return false;
  }
  return true;
}

void Handler::Violate(std::string sentence) {
  if (violated_.empty()) {
    violated_ = std::move(sentence);
  }
}

void Handler::Answer(const FrameHeader& header, cl_int status, std::span<const std::byte> reply) {
  status_ = status;
  runtime_.channel->Reply(header, status, reply);
}

bool Handler::FindDevices(std::span<const uint64_t> ids, std::vector<cl_device_id>* natives,
                          std::vector<Ref<Device>>* devices) const {
  for (const uint64_t id : ids) {
    Device* device = Find<Device>(id);
    if (device == nullptr) {
      return false;
    }
    // Several vXPUs may be shares of one device.
    if (std::find(natives->begin(), natives->end(), device->native()) == natives->end()) {
      natives->push_back(device->native());
    }
    if (devices != nullptr) {
      devices->emplace_back(device);
    }
  }
  return true;
}

void Handler::On(const FrameHeader& header, const calls::OpenSession&) {
  calls::OpenSessionReply reply;
  const std::vector<std::byte> description = DescribeSession(runtime_);
  reply.description = description;
  AnswerWith(header, CL_SUCCESS, reply);
}

void Handler::On(const FrameHeader& header, const calls::FetchReply& call) {
  const std::span<const std::byte> kept = runtime_.channel->KeptReply(call.slot);
  std::byte* to = runtime_.ArenaRange(call.destination);
  if (kept.empty() || to == nullptr || call.destination.length < kept.size()) {
    Answer(header, CL_INVALID_VALUE);
    return;
  }
  std::copy(kept.begin(), kept.end(), to);
  runtime_.channel->DropKeptReply(call.slot);
  Answer(header, CL_SUCCESS);
}

void Handler::On(const FrameHeader&, const calls::Release& call) {
  if (call.object >= kFirstDevice && call.object < kFirstDevice + runtime_.vxpus.size()) {
    return;  // root devices have no count
  }
  Object* object = objects_.Remove(call.object);
  if (object == nullptr) {
    runtime_.channel->PublishEvent(call.slot, CL_COMPLETE);
    return;
  }
  if (object->kind() == ObjectKind::kEvent) {
    runtime_.graph->ForgetSlot(static_cast<Event*>(object)->command());
  } else if (object->kind() == ObjectKind::kQueue) {
    runtime_.graph->ForgetSlot(&static_cast<Queue*>(object)->commands);
  }
  object->MarkReleased(call.slot);
  object->Drop();
}

void Handler::AdoptEndedEvent(uint64_t id, uint64_t context_id, int32_t status) {
  Context* context = Find<Context>(context_id);
  if (context == nullptr) {
    return;
  }
  auto* command = new QueuedCommand(runtime_, CommandKind::kOrder);
  command->has_event = true;
  if (Adopt(new Event(runtime_, id, command, Ref<Context>(context)))) {
    runtime_.graph->Refuse(command, status);
  }
}

void Handler::On(const FrameHeader& header, const calls::Ping&) { Answer(header, CL_SUCCESS); }

}  // namespace flexai::executor::opencl
