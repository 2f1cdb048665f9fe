// Makes the descriptions that session_info.h reads. For the executor; uses the C++ library.
//
// Thread safety: one thread per object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace flexai::opencl {

// Appends aligned fields; the counterpart of InfoCursor.
class InfoWriter {
 public:
  void U32(uint32_t value) { Append(&value, sizeof value); }
  void U64(uint64_t value) { Append(&value, sizeof value); }
  void Padded(std::span<const std::byte> bytes) {
    Append(bytes.data(), bytes.size());
    bytes_.resize((bytes_.size() + 7) & ~size_t{7});
  }
  void String(std::string_view text) {
    U32(static_cast<uint32_t>(text.size()));
    U32(0);
    Padded(std::as_bytes(std::span(text)));
  }

  // A table is begun, filled and ended before anything else is written.
  void BeginTable() {
    table_ = bytes_.size();
    U32(0);
    U32(0);
  }
  void Value(uint32_t parameter, std::span<const std::byte> value) {
    U32(parameter);
    U32(static_cast<uint32_t>(value.size()));
    Padded(value);
    ++entries_;
  }
  void EndTable() {
    const auto size = static_cast<uint32_t>(bytes_.size() - table_ - 8);
    std::memcpy(&bytes_[table_], &entries_, sizeof entries_);
    std::memcpy(&bytes_[table_ + 4], &size, sizeof size);
    entries_ = 0;
  }

  std::span<const std::byte> bytes() const { return bytes_; }
  std::vector<std::byte> Take() { return std::move(bytes_); }

 private:
  void Append(const void* data, size_t size) {
    const auto* from = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), from, from + size);
  }

  std::vector<std::byte> bytes_;
  size_t table_ = 0;
  uint32_t entries_ = 0;
};

}  // namespace flexai::opencl
