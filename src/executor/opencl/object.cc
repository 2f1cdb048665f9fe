#include "executor/opencl/object.h"

#include <algorithm>

namespace flexai::executor::opencl {

void Object::Drop() {
  if (--references_ != 0) {
    return;
  }
  Runtime& runtime = runtime_;
  const uint32_t slot = release_slot_;
  delete this;
  if (slot == wire::kNoSlot) {
    return;
  }
  if (--runtime.awaited_releases == 0) {
    runtime.graph->WatchEnds(false);
  }
  runtime.channel->PublishEvent(slot, CL_COMPLETE);
}

void Object::MarkReleased(uint32_t slot) {
  if (slot == wire::kNoSlot || release_slot_ != wire::kNoSlot) {
    return;
  }
  release_slot_ = slot;
  if (++runtime_.awaited_releases == 1) {
    runtime_.graph->WatchEnds(true);
  }
}

bool ObjectTable::Insert(Object* object) {
  if (object->id() == 0 || !objects_.emplace(object->id(), object).second) {
    return false;
  }
  object->Keep();
  return true;
}

Object* ObjectTable::Remove(uint64_t id) {
  const auto found = objects_.find(id);
  if (found == objects_.end()) {
    return nullptr;
  }
  Object* object = found->second;
  objects_.erase(found);
  return object;
}

// Children after parents have higher ids most of the time; references make any order safe.
void ObjectTable::Clear() {
  std::vector<Object*> all;
  for (const auto& [id, object] : objects_) {
    all.push_back(object);
  }
  objects_.clear();
  for (Object* object : all) {
    object->Drop();
  }
}

}  // namespace flexai::executor::opencl
