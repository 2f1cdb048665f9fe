// Encoding of call arguments inside a frame: little-endian scalars, arrays and blobs, each aligned to 8 bytes
// so that a decoded array can be used in place. Generated code (tools/apigen) is the only caller.
//
// Included by shims: nothing here needs a C++ library at run time. An Encoder writes into memory whose size
// the caller took from EncodedBytes(); a Decoder never reads past its end and turns failed for good once
// input is malformed. Thread safety: one thread per object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "wire/layout.h"

namespace flexai::wire {

// A range of the session's arena. Length 0 means none.
struct Region {
  uint64_t offset = 0;
  uint64_t length = 0;
};

// A blob that travels inside the frame (`inline_bytes`) or in the arena (`region`); never both.
struct Payload {
  std::span<const std::byte> inline_bytes;
  Region region;

  uint64_t length() const { return region.length != 0 ? region.length : inline_bytes.size(); }
};

constexpr uint64_t Padded(uint64_t bytes) { return (bytes + 7) & ~uint64_t{7}; }

// Encoded size of one field. Scalars of any width take 8 bytes: frames are small and alignment is free.
template <typename T>
constexpr size_t FieldBytes(const T&) {
  return 8;
}
inline size_t FieldBytes(std::span<const uint64_t> array) { return 8 + array.size_bytes(); }
inline size_t FieldBytes(std::span<const std::byte> blob) { return 8 + Padded(blob.size()); }
inline size_t FieldBytes(const Region&) { return 16; }
inline size_t FieldBytes(const Payload& payload) { return 24 + Padded(payload.inline_bytes.size()); }

class Encoder {
 public:
  explicit Encoder(std::byte* at) : at_(at) {}

  void Put(uint64_t value) {
    std::memcpy(at_, &value, 8);
    at_ += 8;
  }
  void Put(uint32_t value) { Put(uint64_t{value}); }
  void Put(int32_t value) { Put(static_cast<uint64_t>(static_cast<int64_t>(value))); }
  void Put(int64_t value) { Put(static_cast<uint64_t>(value)); }
  void Put(std::span<const uint64_t> array) {
    Put(uint64_t{array.size()});
    Append(array.data(), array.size_bytes());
  }
  void Put(std::span<const std::byte> blob) {
    Put(uint64_t{blob.size()});
    Append(blob.data(), blob.size());
  }
  void Put(const Region& region) {
    Put(region.offset);
    Put(region.length);
  }
  void Put(const Payload& payload) {
    Put(payload.region);
    Put(payload.inline_bytes);
  }

 private:
  void Append(const void* data, size_t bytes) {
    if (bytes == 0) {
      return;
    }
    const size_t padded = Padded(bytes);
    std::memcpy(at_, data, bytes);
    std::memset(at_ + bytes, 0, padded - bytes);
    at_ += padded;
  }

  std::byte* at_;
};

class Decoder {
 public:
  // `body` must be aligned to 8 bytes and private to this process.
  explicit Decoder(std::span<const std::byte> body) : at_(body.data()), left_(body.size()) {}

  bool failed() const { return failed_; }
  // True if everything was well-formed and nothing is left over.
  bool Complete() const { return !failed_ && left_ == 0; }

  void Get(uint64_t* value) {
    *value = 0;
    if (const std::byte* from = Take(8); from != nullptr) {
      std::memcpy(value, from, 8);
    }
  }
  void Get(uint32_t* value) {
    uint64_t wide = 0;
    Get(&wide);
    failed_ |= wide > 0xffffffffu;
    *value = static_cast<uint32_t>(wide);
  }
  void Get(int64_t* value) {
    uint64_t raw = 0;
    Get(&raw);
    *value = static_cast<int64_t>(raw);
  }
  void Get(int32_t* value) {
    int64_t wide = 0;
    Get(&wide);
    failed_ |= wide < INT32_MIN || wide > INT32_MAX;
    *value = static_cast<int32_t>(wide);
  }
  void Get(std::span<const uint64_t>* array) {
    uint64_t count = 0;
    Get(&count);
    *array = {};
    if (count > left_ / 8) {
      failed_ = true;
      return;
    }
    if (const std::byte* from = Take(count * 8); from != nullptr && count > 0) {
      *array = {reinterpret_cast<const uint64_t*>(from), static_cast<size_t>(count)};
    }
  }
  void Get(std::span<const std::byte>* blob) {
    uint64_t bytes = 0;
    Get(&bytes);
    *blob = {};
    if (bytes > left_) {
      failed_ = true;
      return;
    }
    if (const std::byte* from = Take(Padded(bytes)); from != nullptr && bytes > 0) {
      *blob = {from, static_cast<size_t>(bytes)};
    }
  }
  void Get(Region* region) {
    Get(&region->offset);
    Get(&region->length);
    failed_ |= region->offset + region->length < region->offset;
  }
  void Get(Payload* payload) {
    Get(&payload->region);
    Get(&payload->inline_bytes);
    failed_ |= payload->region.length != 0 && !payload->inline_bytes.empty();
  }

 private:
  const std::byte* Take(uint64_t bytes) {
    if (failed_ || bytes > left_) {
      failed_ = true;
      return nullptr;
    }
    const std::byte* from = at_;
    at_ += bytes;
    left_ -= bytes;
    return from;
  }

  const std::byte* at_;
  uint64_t left_;
  bool failed_ = false;
};

}  // namespace flexai::wire
