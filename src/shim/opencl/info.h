// Answers of clGet*Info: the rules about sizes are the same for all of them.
#pragma once

#include <cstring>
#include <string_view>

#include "shim/opencl/object.h"

namespace flexai::shim {

// Where the application wants the answer.
struct InfoTarget {
  size_t capacity = 0;
  void* value = nullptr;
  size_t* size_ret = nullptr;

  cl_int Bytes(const void* data, size_t bytes) const {
    if (value != nullptr) {
      if (capacity < bytes) {
        return CL_INVALID_VALUE;
      }
      if (bytes != 0 && data != nullptr) {
        std::memcpy(value, data, bytes);
      }
    }
    if (size_ret != nullptr) {
      *size_ret = bytes;
    }
    return CL_SUCCESS;
  }

  template <class T>
  cl_int Value(const T& answer) const {
    return Bytes(&answer, sizeof(answer));
  }

  // `text` and a terminating NUL.
  cl_int Text(std::string_view text) const {
    const size_t bytes = text.size() + 1;
    if (value != nullptr) {
      if (capacity < bytes) {
        return CL_INVALID_VALUE;
      }
      std::memcpy(value, text.data(), text.size());
      static_cast<char*>(value)[text.size()] = '\0';
    }
    if (size_ret != nullptr) {
      *size_ret = bytes;
    }
    return CL_SUCCESS;
  }

  template <class T>
  cl_int List(const T* items, size_t count) const {
    return Bytes(items, count * sizeof(T));
  }
};

}  // namespace flexai::shim
