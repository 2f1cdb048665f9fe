// System calls for a library that is a guest in somebody else's program: libc only, no allocation, no symbol
// newer than glibc 2.17, nothing that changes the process beyond what is said here. The shims compile
// guest.cc into themselves; everybody else uses the richer headers beside it.
//
// Errors: fds and byte counts are negative errno values on failure. Thread safety: all functions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace flexai::os {

// A connected AF_UNIX SOCK_SEQPACKET socket (CLOEXEC).
int ConnectPacketSocket(const char* path);

// Sends one packet with up to kMaxGuestFds descriptors. 0 or -errno; never raises SIGPIPE.
inline constexpr unsigned kMaxGuestFds = 8;
int SendPacket(int socket, const void* bytes, size_t size, const int* fds, unsigned fd_count);

// Receives one packet within `timeout_ms`. Its size, 0 at the end of the connection, -ETIMEDOUT, -errno.
// `fds` gets up to kMaxGuestFds descriptors (CLOEXEC), `fd_count` their number.
int ReceivePacket(int socket, void* bytes, size_t capacity, int* fds, unsigned* fd_count, int timeout_ms);

void CloseFd(int fd);
bool IsOpenFd(int fd);
int OpenNull();

// Maps `bytes` of a shared memfd, at `at` exactly or (0) anywhere; null on failure. The mapping does not
// exist in forked children: there the addresses are empty.
void* MapForThisProcess(int fd, uint64_t bytes, uint64_t at);
void Unmap(void* at, uint64_t bytes);
// True if the memfd is at least `bytes` large and sealed against shrinking.
bool IsSealedMemfd(int fd, uint64_t bytes);
// Gives the pages of a shared mapping back to the machine; they read as zeros afterwards.
bool ReturnSharedPages(void* at, uint64_t bytes);
// Covers a range that MapForThisProcess left empty in a forked child with private zeros.
bool CoverWithZeros(void* at, uint64_t bytes);

// A memfd kept by number in a program that may close or reuse any number: before each use it is made sure
// that the number still stands for the same file. A value; whoever keeps it closes it once.
class SharedFile {
 public:
  SharedFile() = default;
  // Duplicates `fd` to a high number, out of the way of programs that count theirs.
  static SharedFile Keep(int fd);
  // Writes all of it at `offset`; false if that is not possible.
  bool Write(const void* data, size_t bytes, uint64_t offset) const;
  void Close() const;

 private:
  bool IsOurs() const;

  int fd_ = -1;
  uint64_t device_ = 0;
  uint64_t inode_ = 0;
};

// Opens a regular file for reading (CLOEXEC) and tells its size; negative errno if it can't be, or is no file
// of bytes. Never blocks on a pipe or device.
int OpenRegularFile(const char* path, uint64_t* bytes);
// Reads up to `size` bytes; fewer only at the end of the file. Negative errno on failure.
int64_t ReadFd(int fd, void* to, uint64_t size);

// Starts a detached thread with every signal blocked.
bool StartGuestThread(void* (*body)(void*), void* argument);
// Runs `child` in every child made by fork from now on.
bool OnForkInChild(void (*child)());

// Best effort.
void WriteStderr(const char* text, size_t size);

void SleepMs(int64_t ms);
int64_t MonotonicMs();
uint64_t MonotonicNs();

}  // namespace flexai::os
