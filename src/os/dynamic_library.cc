#include "os/dynamic_library.h"

#include <dlfcn.h>
#include <fmt/core.h>

#include <utility>

namespace flexai::os {

DynamicLibrary::DynamicLibrary(DynamicLibrary&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)) {}

DynamicLibrary& DynamicLibrary::operator=(DynamicLibrary&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

DynamicLibrary::~DynamicLibrary() {
  if (handle_ != nullptr) {
    dlclose(handle_);
  }
}

Result<DynamicLibrary> DynamicLibrary::Open(const std::string& path) {
  DynamicLibrary library;
  library.handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library.handle_ == nullptr) {
    const char* reason = dlerror();
    return NotFound(fmt::format("can't load {}: {}", path, reason != nullptr ? reason : "unknown error"));
  }
  return library;
}

void* DynamicLibrary::Symbol(const char* name) const { return dlsym(handle_, name); }

}  // namespace flexai::os
