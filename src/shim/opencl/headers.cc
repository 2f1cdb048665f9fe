#include "shim/opencl/headers.h"

#include <cstring>

#include "os/guest.h"

namespace flexai::shim {

namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

// The name in `#include "name"` or `#include <name>` if the line from `at` is one; null otherwise.
const char* IncludedName(const char* at, const char* end, size_t* length) {
  const auto skip = [&] {
    while (at != end && IsBlank(*at)) {
      ++at;
    }
  };
  constexpr size_t kWord = 7;  // of "include"
  skip();
  if (at == end || *at++ != '#') {
    return nullptr;
  }
  skip();
  if (static_cast<size_t>(end - at) < kWord || std::memcmp(at, "include", kWord) != 0) {
    return nullptr;
  }
  at += kWord;
  skip();
  if (at == end || (*at != '"' && *at != '<')) {
    return nullptr;
  }
  const char close = *at == '"' ? '"' : '>';
  const char* name = ++at;
  const auto* stop = static_cast<const char*>(std::memchr(name, close, static_cast<size_t>(end - name)));
  if (stop == nullptr || stop == name) {
    return nullptr;
  }
  *length = static_cast<size_t>(stop - name);
  return name;
}

char* ReadContent(int fd, uint64_t* bytes) {
  auto* content = static_cast<char*>(std::malloc(*bytes + 1));
  const int64_t got = content == nullptr ? -1 : os::ReadFd(fd, content, *bytes);
  if (got < 0) {
    std::free(content);
    return nullptr;
  }
  *bytes = static_cast<uint64_t>(got);
  return content;
}

}  // namespace

size_t NormalisePath(char* path, size_t length) {
  size_t to = 0;
  for (size_t at = 0; at < length;) {
    while (at < length && path[at] == '/') {
      ++at;
    }
    size_t end = at;
    while (end < length && path[end] != '/') {
      ++end;
    }
    const size_t part = end - at;
    if (part == 2 && path[at] == '.' && path[at + 1] == '.') {
      while (to > 0 && path[--to] != '/') {
      }
    } else if (part != 0 && !(part == 1 && path[at] == '.')) {
      path[to] = '/';
      std::memmove(path + to + 1, path + at, part);
      to += part + 1;
    }
    at = end;
  }
  return to;
}

HeaderSet::~HeaderSet() {
  for (const HeaderFile& file : files_) {
    std::free(file.path);
    std::free(file.content);
  }
}

bool HeaderSet::AddFolder(const char* path, size_t length) {
  return folders_.Push({folder_text_.size(), length}) && folder_text_.Append(path, length);
}

bool HeaderSet::Collect(const char* source, size_t length) {
  if (!Scan(source, length, nullptr, 0)) {
    return false;
  }
  // files_ grows while it is walked: headers include headers.
  for (size_t i = 0; i < files_.size(); ++i) {
    const HeaderFile file = files_[i];
    size_t folder = file.path_length;
    while (folder > 0 && file.path[folder - 1] != '/') {
      --folder;
    }
    if (!Scan(file.content, file.bytes, file.path, folder)) {
      return false;
    }
  }
  return true;
}

bool HeaderSet::Scan(const char* text, size_t length, const char* beside, size_t beside_length) {
  for (const char *at = text, *end = text + length; at != end;) {
    const auto* newline = static_cast<const char*>(std::memchr(at, '\n', static_cast<size_t>(end - at)));
    const char* line_end = newline == nullptr ? end : newline;
    size_t name_length = 0;
    const char* name = IncludedName(at, line_end, &name_length);
    if (name != nullptr && !Find(name, name_length, beside, beside_length)) {
      return false;
    }
    at = newline == nullptr ? end : newline + 1;
  }
  return true;
}

bool HeaderSet::Find(const char* name, size_t length, const char* beside, size_t beside_length) {
  bool found = false;
  if (name[0] == '/') {
    return TryOpen(nullptr, 0, name, length, &found);
  }
  if (beside != nullptr && !TryOpen(beside, beside_length, name, length, &found)) {
    return false;
  }
  for (size_t i = 0; i < folders_.size() && !found; ++i) {
    if (!TryOpen(folder_text_.data() + folders_[i].offset, folders_[i].length, name, length, &found)) {
      return false;
    }
  }
  return true;
}

bool HeaderSet::TryOpen(const char* folder, size_t folder_length, const char* name, size_t length,
                        bool* found) {
  const size_t room = folder_length + length + 3;
  auto* path = static_cast<char*>(std::malloc(room));
  if (path == nullptr) {
    return false;
  }
  size_t size = 0;
  if (folder_length != 0) {
    std::memcpy(path, folder, folder_length);
    path[folder_length] = '/';
    size = folder_length + 1;
  }
  std::memcpy(path + size, name, length);
  size += length;
  path[size] = '\0';
  uint64_t bytes = 0;
  const int fd = os::OpenRegularFile(path, &bytes);  // as written: .. behind a link is the link's affair
  if (fd < 0) {
    std::free(path);
    return true;
  }
  *found = true;
  size = NormalisePath(path, size);
  path[size] = '\0';
  bool wanted = files_.size() < kMostFiles && bytes <= kMostBytes - total_bytes_;
  for (const HeaderFile& file : files_) {
    wanted = wanted && !(file.path_length == size && std::memcmp(file.path, path, size) == 0);
  }
  char* content = wanted ? ReadContent(fd, &bytes) : nullptr;
  os::CloseFd(fd);
  if (content == nullptr) {
    std::free(path);
    return true;
  }
  if (!files_.Push({path, size, content, static_cast<size_t>(bytes)})) {
    std::free(path);
    std::free(content);
    return false;
  }
  total_bytes_ += bytes;
  return true;
}

}  // namespace flexai::shim
