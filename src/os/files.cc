#include "os/files.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "os/error.h"

namespace flexai::os {

Result<std::string> ReadFile(const std::string& path, size_t most) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    return ErrnoStatus(fmt::format("can't open {}", path));
  }
  std::string content;
  char buffer[16384];
  for (;;) {
    const ssize_t got = read(fd.get(), buffer, sizeof(buffer));
    if (got == 0) {
      return content;
    }
    if (got < 0) {
      if (errno == EINTR) {
        continue;
      }
      return ErrnoStatus(fmt::format("can't read {}", path));
    }
    content.append(buffer, static_cast<size_t>(got));
    if (content.size() > most) {
      return ResourceExhausted(fmt::format("{} is larger than {} bytes", path, most));
    }
  }
}

namespace {

Status WriteAll(const UniqueFd& fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = write(fd.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0) {
      return ErrnoStatus(fmt::format("can't write {}", path));
    }
    content.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

}  // namespace

Status WriteFile(const std::string& path, std::string_view content, mode_t mode) {
  struct stat info {};
  if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    // A pipe or a device is written to, not replaced by a file.
    const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    return fd.valid() ? WriteAll(fd, content, path) : ErrnoStatus(fmt::format("can't write {}", path));
  }
  const std::string beside = fmt::format("{}.{}.new", path, getpid());
  UniqueFd fd(open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!fd.valid()) {
    return ErrnoStatus(fmt::format("can't create {}", path));
  }
  if (Status written = WriteAll(fd, content, path); !written.ok()) {
    unlink(beside.c_str());
    return written;
  }
  fd.Reset();
  if (rename(beside.c_str(), path.c_str()) != 0) {
    const Status failed = ErrnoStatus(fmt::format("can't write {}", path));
    unlink(beside.c_str());
    return failed;
  }
  return {};
}

Status MakeFolders(const std::string& path, mode_t mode) {
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (mkdir(part.c_str(), end == std::string::npos ? mode : 0755) != 0 && errno != EEXIST) {
      return ErrnoStatus(fmt::format("can't make the folder {}", part));
    }
    if (end == std::string::npos) {
      break;
    }
  }
  struct stat info {};
  if (stat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return AlreadyExists(fmt::format("{} is in the way and is not a folder", path));
  }
  return {};
}

Status MakeOwnFolder(const std::string& path, mode_t mode) {
  FLEXAI_RETURN_IF_ERROR(MakeFolders(path, mode));
  const UniqueFd folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat info {};
  if (!folder.valid() || fstat(folder.get(), &info) != 0) {
    return ErrnoStatus(fmt::format("can't open the folder {}", path));
  }
  if (info.st_uid != geteuid()) {
    return PermissionDenied(
        fmt::format("the folder {} belongs to another user: remove it or choose another", path));
  }
  if ((info.st_mode & 07777) != mode && fchmod(folder.get(), mode) != 0) {
    return ErrnoStatus(fmt::format("can't set the rights of the folder {}", path));
  }
  return {};
}

Status MakeFolderFor(const std::string& path, uid_t uid, gid_t gid) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return ErrnoStatus(fmt::format("can't make the folder {}", path));
  }
  const UniqueFd folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid() || fchown(folder.get(), uid, gid) != 0 || fchmod(folder.get(), 0700) != 0) {
    return ErrnoStatus(fmt::format("can't give the folder {} to user {}", path, uid));
  }
  return {};
}

Result<UniqueFd> OpenForAppend(const std::string& path, mode_t mode) {
  UniqueFd fd(open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!fd.valid()) {
    return ErrnoStatus(fmt::format("can't write {}", path));
  }
  return fd;
}

Result<UniqueFd> OpenNullDevice() {
  UniqueFd fd(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!fd.valid()) {
    return ErrnoStatus("can't open /dev/null");
  }
  return fd;
}

bool MayReadAndWrite(const std::string& path) {
  struct stat info {};
  const bool folder = stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
  return access(path.c_str(), folder ? R_OK | W_OK | X_OK : R_OK | W_OK) == 0;
}

Result<std::vector<std::string>> ListFolder(const std::string& path) {
  std::error_code error;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  if (error) {
    return ErrnoStatus(fmt::format("can't list {}", path), error.value());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Status RemoveFolder(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) {
    return ErrnoStatus(fmt::format("can't remove {}", path), error.value());
  }
  return {};
}

Result<UniqueFd> LockFile(const std::string& path, mode_t mode) {
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!fd.valid() && errno == EACCES) {  // another user's file; reading rights are enough for flock
    fd = UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  }
  if (!fd.valid()) {
    return ErrnoStatus(fmt::format("can't open the lock {}", path));
  }
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return AlreadyExists(fmt::format("{} is locked by another process", path));
    }
    return ErrnoStatus(fmt::format("can't lock {}", path));
  }
  return fd;
}

Result<std::string> ProgramFolder() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) {
    return ErrnoStatus("can't find the running program", error.value());
  }
  return program.parent_path().string();
}

}  // namespace flexai::os
