#include "os/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

// glibc 2.34 gave pthread_create a new version when it moved it into libc; the old one is the same function.
#if defined(__GLIBC__)
#if defined(__x86_64__)
__asm__(".symver pthread_create,pthread_create@GLIBC_2.2.5");
#elif defined(__aarch64__)
__asm__(".symver pthread_create,pthread_create@GLIBC_2.17");
#endif
#endif

namespace flexai::os {

namespace {

constexpr int kGetSeals = 1034;  // F_GET_SEALS, for older headers
constexpr int kSealShrink = 2;

union ControlBuffer {
  cmsghdr aligned;
  char bytes[CMSG_SPACE(sizeof(int) * kMaxGuestFds)];
};

void TakeFds(msghdr* message, int* fds, unsigned* fd_count) {
  for (cmsghdr* part = CMSG_FIRSTHDR(message); part != nullptr; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(fd));
      if (*fd_count < kMaxGuestFds) {
        fds[(*fd_count)++] = fd;
      } else {
        close(fd);
      }
    }
  }
}

}  // namespace

int ConnectPacketSocket(const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (strlen(path) >= sizeof(address.sun_path)) {
    return -ENAMETOOLONG;
  }
  strcpy(address.sun_path, path);
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return -errno;
  }
  int result = 0;
  do {
    result = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  } while (result != 0 && errno == EINTR);
  if (result != 0) {
    const int error = errno;
    close(fd);
    return -error;
  }
  return fd;
}

int SendPacket(int socket, const void* bytes, size_t size, const int* fds, unsigned fd_count) {
  iovec part{const_cast<void*>(bytes), size};
  ControlBuffer control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (fd_count > 0 && fd_count <= kMaxGuestFds) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
    memcpy(CMSG_DATA(header), fds, sizeof(int) * fd_count);
  }
  ssize_t sent = 0;
  do {
    sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : 0;
}

int ReceivePacket(int socket, void* bytes, size_t capacity, int* fds, unsigned* fd_count, int timeout_ms) {
  *fd_count = 0;
  const int64_t deadline = MonotonicMs() + timeout_ms;
  for (;;) {
    const int64_t left = deadline - MonotonicMs();
    pollfd entry{socket, POLLIN, 0};
    const int ready = poll(&entry, 1, left > 0 ? static_cast<int>(left) : 0);
    if (ready < 0 && errno != EINTR) {
      return -errno;
    }
    if (ready == 0) {
      return -ETIMEDOUT;
    }
    if (ready > 0) {
      break;
    }
  }
  iovec part{bytes, capacity};
  ControlBuffer control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof(control.bytes);
  ssize_t got = 0;
  do {
    got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    return -errno;
  }
  TakeFds(&message, fds, fd_count);
  return static_cast<int>(got);
}

void CloseFd(int fd) {
  if (fd >= 0) {
    close(fd);
  }
}

bool IsOpenFd(int fd) { return fcntl(fd, F_GETFD) >= 0; }

int OpenRegularFile(const char* path, uint64_t* bytes) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) {
    return -errno;
  }
  // A folder opens and seeks too, but does not read.
  const off_t end = lseek(fd, 0, SEEK_END);
  char first = 0;
  if (end < 0 || lseek(fd, 0, SEEK_SET) != 0 || read(fd, &first, 1) < 0 || lseek(fd, 0, SEEK_SET) != 0) {
    const int error = errno;
    close(fd);
    return -error;
  }
  *bytes = static_cast<uint64_t>(end);
  return fd;
}

int64_t ReadFd(int fd, void* to, uint64_t size) {
  uint64_t done = 0;
  while (done < size) {
    const ssize_t got = read(fd, static_cast<char*>(to) + done, size - done);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return -errno;
    }
    if (got == 0) {
      break;
    }
    done += static_cast<uint64_t>(got);
  }
  return static_cast<int64_t>(done);
}

int OpenNull() {
  const int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

void* MapForThisProcess(int fd, uint64_t bytes, uint64_t at) {
  const int place = at != 0 ? 0x100000 : 0;  // MAP_FIXED_NOREPLACE; a hint on kernels before 4.17
  void* data = mmap(reinterpret_cast<void*>(at), bytes, PROT_READ | PROT_WRITE, MAP_SHARED | place, fd, 0);
  if (data == MAP_FAILED) {
    return nullptr;
  }
  if ((at != 0 && data != reinterpret_cast<void*>(at)) || madvise(data, bytes, MADV_DONTFORK) != 0) {
    munmap(data, bytes);
    return nullptr;
  }
  return data;
}

void Unmap(void* at, uint64_t bytes) { munmap(at, bytes); }

bool IsSealedMemfd(int fd, uint64_t bytes) {
  const off_t size = lseek(fd, 0, SEEK_END);
  if (size < 0 || static_cast<uint64_t>(size) < bytes) {
    return false;
  }
  const int seals = fcntl(fd, kGetSeals);
  return seals >= 0 && (seals & kSealShrink) != 0;
}

bool ReturnSharedPages(void* at, uint64_t bytes) { return madvise(at, bytes, MADV_REMOVE) == 0; }

bool CoverWithZeros(void* at, uint64_t bytes) {
  return mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
              0) != MAP_FAILED;
}

// fstat got a new symbol in glibc 2.33; statx fills the same words on every kernel we run on.
bool FileIdentity(int fd, uint64_t* device, uint64_t* inode) {
  struct statx info {};
  if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_INO, &info) != 0) {
    return false;
  }
  *device = uint64_t{info.stx_dev_major} << 32 | info.stx_dev_minor;
  *inode = info.stx_ino;
  return true;
}

SharedFile SharedFile::Keep(int fd) {
  constexpr int kHigh = 900;  // below the usual limit of 1024
  SharedFile file;
  file.fd_ = fcntl(fd, F_DUPFD_CLOEXEC, kHigh);
  if (file.fd_ >= 0 && !FileIdentity(file.fd_, &file.device_, &file.inode_)) {
    close(file.fd_);
    file.fd_ = -1;
  }
  return file;
}

bool SharedFile::IsOurs() const {
  uint64_t device = 0;
  uint64_t inode = 0;
  return fd_ >= 0 && FileIdentity(fd_, &device, &inode) && device == device_ && inode == inode_;
}

bool SharedFile::Write(const void* data, size_t bytes, uint64_t offset) const {
  if (!IsOurs()) {
    return false;
  }
  const auto* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = pwrite(fd_, at, bytes, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      return false;
    }
    at += written;
    offset += static_cast<uint64_t>(written);
    bytes -= static_cast<size_t>(written);
  }
  return true;
}

void SharedFile::Close() const {
  if (IsOurs()) {
    close(fd_);
  }
}

bool StartGuestThread(void* (*body)(void*), void* argument) {
  // The thread inherits the mask of its maker.
  const uint64_t all = ~uint64_t{0};
  uint64_t before = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof(all));
  pthread_attr_t attributes;
  bool started = false;
  if (pthread_attr_init(&attributes) == 0) {
    pthread_t thread;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    started = pthread_create(&thread, &attributes, body, argument) == 0;
    pthread_attr_destroy(&attributes);
  }
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, sizeof(before));
  return started;
}

bool OnForkInChild(void (*child)()) { return pthread_atfork(nullptr, nullptr, child) == 0; }

void WriteStderr(const char* text, size_t size) {
  if (write(STDERR_FILENO, text, size) < 0) {
    return;  // nobody listens
  }
}

void SleepMs(int64_t ms) {
  timespec left{static_cast<time_t>(ms / 1000), static_cast<long>(ms % 1000 * 1000000)};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

uint64_t MonotonicNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
}

int64_t MonotonicMs() { return static_cast<int64_t>(MonotonicNs() / 1000000u); }

}  // namespace flexai::os
