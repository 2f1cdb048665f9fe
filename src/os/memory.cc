#include "os/memory.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <utility>

#include "os/error.h"

namespace flexai::os {

Result<UniqueFd> CreateSealedMemfd(const char* name, uint64_t bytes) {
  UniqueFd fd(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) {
    return ErrnoStatus("can't create shared memory");
  }
  if (ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) {
    return ErrnoStatus(fmt::format("can't size shared memory to {} bytes", bytes));
  }
  if (fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0) {
    return ErrnoStatus("can't seal shared memory");
  }
  return fd;
}

Status SealFutureWrites(const UniqueFd& memfd) {
  if (fcntl(memfd.get(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) != 0) {
    return ErrnoStatus("can't seal shared memory against writes");
  }
  return {};
}

Result<uint64_t> SealedMemfdBytes(const UniqueFd& memfd) {
  const int seals = fcntl(memfd.get(), F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) {
    return InvalidArgument("the file descriptor is not shared memory sealed against shrinking");
  }
  struct stat info {};
  if (fstat(memfd.get(), &info) != 0) {
    return ErrnoStatus("can't read the size of shared memory");
  }
  return static_cast<uint64_t>(info.st_size);
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  if (this != &other) {
    if (data_ != nullptr) {
      munmap(data_, bytes_);
    }
    data_ = std::exchange(other.data_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

Mapping::~Mapping() {
  if (data_ != nullptr) {
    munmap(data_, bytes_);
  }
}

Result<Mapping> Mapping::Map(const UniqueFd& fd, uint64_t bytes, Access access, uint64_t at) {
  const int protection = access == Access::kReadWrite ? PROT_READ | PROT_WRITE : PROT_READ;
  const int fixed = at != 0 ? MAP_FIXED_NOREPLACE : 0;
  void* where =
      mmap(reinterpret_cast<void*>(at), bytes, protection, MAP_SHARED | MAP_NORESERVE | fixed, fd.get(), 0);
  if (where == MAP_FAILED) {
    if (errno == EEXIST) {
      return AlreadyExists(fmt::format("address {:#x} is taken", at));
    }
    return ErrnoStatus(fmt::format("can't map {} bytes of shared memory", bytes));
  }
  Mapping mapping;
  mapping.data_ = static_cast<std::byte*>(where);
  mapping.bytes_ = bytes;
  if (at != 0 && reinterpret_cast<uint64_t>(where) != at) {  // a kernel older than MAP_FIXED_NOREPLACE
    return AlreadyExists(fmt::format("address {:#x} is taken", at));
  }
  return mapping;
}

}  // namespace flexai::os
