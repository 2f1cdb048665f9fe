// Memory of the shim's own bookkeeping, on malloc: operator new would be the application's, or libstdc++'s.
//
// Errors: allocation returns null or false, never throws. Thread safety: distinct objects, distinct threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace flexai::shim {

template <class T, class... Args>
T* New(Args&&... args) {
  void* memory = std::calloc(1, sizeof(T));
  return memory == nullptr ? nullptr : ::new (memory) T(std::forward<Args>(args)...);
}

template <class T>
void Delete(T* object) {
  if (object != nullptr) {
    object->~T();
    std::free(object);
  }
}

// A growing array of plain values.
template <class T>
class Array {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  constexpr Array() = default;
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  Array(Array&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Array& operator=(Array&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~Array() { std::free(data_); }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  std::span<const T> span() const { return {data_, size_}; }

  [[nodiscard]] bool Reserve(size_t capacity) {
    if (capacity <= capacity_) {
      return true;
    }
    size_t grown = capacity_ < 8 ? 8 : capacity_ * 2;
    if (grown < capacity) {
      grown = capacity;
    }
    auto* data = static_cast<T*>(std::realloc(static_cast<void*>(data_), grown * sizeof(T)));
    if (data == nullptr) {
      return false;
    }
    data_ = data;
    capacity_ = grown;
    return true;
  }
  [[nodiscard]] bool Push(const T& value) {
    const T copy = value;  // `value` may lie in this array
    if (!Reserve(size_ + 1)) {
      return false;
    }
    data_[size_++] = copy;
    return true;
  }
  [[nodiscard]] bool Append(const T* values, size_t count) {
    if (count == 0) {
      return true;
    }
    if (!Reserve(size_ + count)) {
      return false;
    }
    std::memcpy(static_cast<void*>(data_ + size_), values, count * sizeof(T));
    size_ += count;
    return true;
  }
  [[nodiscard]] bool Assign(const T* values, size_t count) {
    size_ = 0;
    return Append(values, count);
  }
  // New elements are zero.
  [[nodiscard]] bool Resize(size_t size) {
    if (!Reserve(size)) {
      return false;
    }
    if (size > size_) {
      std::memset(static_cast<void*>(data_ + size_), 0, (size - size_) * sizeof(T));
    }
    size_ = size;
    return true;
  }
  void Remove(size_t at) {
    std::memmove(static_cast<void*>(data_ + at), data_ + at + 1, (size_ - at - 1) * sizeof(T));
    --size_;
  }
  void Clear() { size_ = 0; }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// A list of numbers that needs no allocation while it is short: wait lists, geometry.
template <class T, size_t kInline>
class ShortArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  ShortArray() = default;
  ShortArray(const ShortArray&) = delete;
  ShortArray& operator=(const ShortArray&) = delete;
  ~ShortArray() {
    if (data_ != inline_) {
      std::free(data_);
    }
  }

  // Makes room for `count` elements before any is pushed.
  [[nodiscard]] bool Reserve(size_t count) {
    if (count <= kInline) {
      return true;
    }
    auto* data = static_cast<T*>(std::malloc(count * sizeof(T)));
    if (data == nullptr) {
      return false;
    }
    data_ = data;
    return true;
  }
  void Push(const T& value) { data_[size_++] = value; }
  size_t size() const { return size_; }
  T* data() { return data_; }
  T& operator[](size_t i) { return data_[i]; }
  std::span<const T> span() const { return {data_, size_}; }

 private:
  T inline_[kInline];
  T* data_ = inline_;
  size_t size_ = 0;
};

}  // namespace flexai::shim
