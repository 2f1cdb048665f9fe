// What every OpenCL handle points to: the dispatch pointer that ICD loaders read, a tag that tells a live
// handle from a stray pointer, and the counts that decide how long it lives.
//
// Counts: the application's references and the shim's own holds (children, pending work) in one word. The
// object dies, here and in the executor, when both are zero. A parent that the application released but a
// child holds can be had again from the child and retained, as OpenCL allows.
//
// Thread safety: counts may be changed from any thread; each kind says how the rest is locked.
#pragma once

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 300
#endif
#define CL_USE_DEPRECATED_OPENCL_1_0_APIS
#define CL_USE_DEPRECATED_OPENCL_1_1_APIS
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#define CL_USE_DEPRECATED_OPENCL_2_0_APIS
#define CL_USE_DEPRECATED_OPENCL_2_1_APIS
#define CL_USE_DEPRECATED_OPENCL_2_2_APIS
#include <CL/cl_icd.h>

#include <atomic>
#include <cstdint>

namespace flexai::shim {

class Session;

enum class Kind : uint32_t {
  kDead = 0,
  kPlatform = 0x46580001,
  kDevice,
  kContext,
  kQueue,
  kMemory,
  kSampler,
  kProgram,
  kKernel,
  kEvent,
};

extern const cl_icd_dispatch kDispatchTable;

struct Object {
  Object(Kind object_kind, Session* owner, uint64_t name)
      : dispatch(&kDispatchTable), kind(object_kind), session(owner), id(name) {}
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  uint32_t references() const { return static_cast<uint32_t>(counts.load(std::memory_order_acquire)); }

  const cl_icd_dispatch* const dispatch;  // first: loaders read it
  Kind kind;
  Session* session;   // platforms and devices move to a forked child's new session; nothing else changes it
  const uint64_t id;  // its name in the executor
  std::atomic<uint64_t> counts{1};  // low half: the application's references; high half: holds
};

inline constexpr uint64_t kOneHold = uint64_t{1} << 32;

// Frees an object whose counts are zero: tells the executor, lets go of its parents.
void Destroy(Object* object);

inline void Hold(Object* object) { object->counts.fetch_add(kOneHold, std::memory_order_relaxed); }

inline void Drop(Object* object) {
  if (object->counts.fetch_sub(kOneHold, std::memory_order_acq_rel) == kOneHold) {
    Destroy(object);
  }
}

inline void Retain(Object* object) { object->counts.fetch_add(1, std::memory_order_relaxed); }

// Takes one reference of the application's away; false if it has none.
inline bool Release(Object* object) {
  uint64_t counts = object->counts.load(std::memory_order_relaxed);
  do {
    if (static_cast<uint32_t>(counts) == 0) {
      return false;
    }
  } while (!object->counts.compare_exchange_weak(counts, counts - 1, std::memory_order_acq_rel));
  if (counts == 1) {
    Destroy(object);
  }
  return true;
}

// Whether a handle is one of ours, alive and of its type.
template <class T>
bool IsValid(const T* handle) {
  return handle != nullptr && handle->kind == T::kKind;
}

// Stores an error code where the application wants one, and is the null handle that goes with it.
struct Failure {
  Failure(cl_int code, cl_int* errcode_ret) {
    if (errcode_ret != nullptr) {
      *errcode_ret = code;
    }
  }
  template <class T>
  operator T*() const {
    return nullptr;
  }
};

template <class T>
T* Success(T* handle, cl_int* errcode_ret) {
  if (errcode_ret != nullptr) {
    *errcode_ret = CL_SUCCESS;
  }
  return handle;
}

}  // namespace flexai::shim
