// A library opened at run time: how every vendor's library is reached.
#pragma once

#include <string>

#include "base/status.h"

namespace flexai::os {

// Sole owner of a dlopen handle. Vendor libraries start threads and register exit handlers, so most must not
// be closed again: Abandon keeps it loaded for the life of the process. Move-only.
class DynamicLibrary {
 public:
  DynamicLibrary() = default;
  DynamicLibrary(DynamicLibrary&& other) noexcept;
  DynamicLibrary& operator=(DynamicLibrary&& other) noexcept;
  ~DynamicLibrary();

  static Result<DynamicLibrary> Open(const std::string& path);
  // Null if the library has no such symbol.
  void* Symbol(const char* name) const;
  void Abandon() { handle_ = nullptr; }

 private:
  void* handle_ = nullptr;
};

}  // namespace flexai::os
