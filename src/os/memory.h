// Anonymous memory that processes share by passing a file descriptor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/status.h"
#include "os/unique_fd.h"

namespace flexai::os {

// Makes a sparse memfd of `bytes` zero bytes whose size can never change again (sealed against shrinking and
// growing: a peer that could truncate it would kill us by SIGBUS). `name` shows in /proc. CLOEXEC.
Result<UniqueFd> CreateSealedMemfd(const char* name, uint64_t bytes);

// After this nobody can map `memfd` writable any more; mappings that exist keep their rights.
Status SealFutureWrites(const UniqueFd& memfd);

// True size of a received memfd, and that it is a memfd sealed against shrinking; anything else is refused,
// since the sender could take the memory away under us.
Result<uint64_t> SealedMemfdBytes(const UniqueFd& memfd);

// Sole owner of a shared mapping; unmaps it when it goes. Move-only.
class Mapping {
 public:
  enum class Access { kReadOnly, kReadWrite };

  Mapping() = default;
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  // Maps the first `bytes` of `fd`. With `at` != 0 it must land exactly there and displace nothing
  // (kAlreadyExists if something is mapped there).
  static Result<Mapping> Map(const UniqueFd& fd, uint64_t bytes, Access access, uint64_t at = 0);

  bool valid() const { return data_ != nullptr; }
  std::byte* data() const { return data_; }
  uint64_t size() const { return bytes_; }
  std::span<std::byte> span() const { return {data_, bytes_}; }

 private:
  std::byte* data_ = nullptr;
  uint64_t bytes_ = 0;
};

}  // namespace flexai::os
