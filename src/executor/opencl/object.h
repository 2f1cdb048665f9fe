// The executor's objects, named by the ids that the application's shim chose, and who keeps them alive.
//
// Ownership: counted references. The table holds one until the application's last reference is gone
// (Release); children hold their parents, commands what they use. The native handle goes with the last
// reference, and only then is the release's StatusSlot told. Thread safety: the engine's thread only.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/opencl/calls.h"
#include "executor/opencl/runtime.h"

namespace flexai::executor::opencl {

using flexai::opencl::ObjectKind;

class Object {
 public:
  Object(Runtime& runtime, ObjectKind kind, uint64_t id) : runtime_(runtime), kind_(kind), id_(id) {}
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  ObjectKind kind() const { return kind_; }
  uint64_t id() const { return id_; }
  Runtime& runtime() const { return runtime_; }
  const Api& api() const { return *runtime_.api; }

  void Keep() { ++references_; }
  void Drop();
  // The application let go of it; `slot` (or kNoSlot) is told when it is gone.
  void MarkReleased(uint32_t slot);

 protected:
  virtual ~Object() = default;

 private:
  Runtime& runtime_;
  const ObjectKind kind_;
  const uint64_t id_;
  uint32_t references_ = 0;
  uint32_t release_slot_ = wire::kNoSlot;
};

// A counted reference to an object.
template <typename T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* object) : object_(object) {
    if (object_ != nullptr) {
      object_->Keep();
    }
  }
  Ref(const Ref& other) : Ref(other.object_) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr) {
      object_->Drop();
    }
  }

  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  T* object_ = nullptr;
};

class ObjectTable {
 public:
  ~ObjectTable() { Clear(); }

  // False if the id is taken or 0.
  bool Insert(Object* object);
  // The object of that id and type T (a class with `static bool Is(ObjectKind)`); null if there is none.
  template <typename T>
  T* Find(uint64_t id) const {
    const auto found = objects_.find(id);
    return found != objects_.end() && T::Is(found->second->kind()) ? static_cast<T*>(found->second) : nullptr;
  }
  bool Contains(uint64_t id) const { return objects_.contains(id); }
  // Calls `visit` with every object of the type.
  template <typename T, typename Function>
  void ForEach(Function visit) const {
    for (const auto& [id, object] : objects_) {
      if (T::Is(object->kind())) {
        visit(*static_cast<T*>(object));
      }
    }
  }
  // Takes the object of that id out; null if there is none. The caller takes over the table's reference.
  Object* Remove(uint64_t id);
  void Clear();
  size_t size() const { return objects_.size(); }

 private:
  std::unordered_map<uint64_t, Object*> objects_;
};

}  // namespace flexai::executor::opencl
