#include "os/pipe.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "os/error.h"

namespace flexai::os {

Result<Pipe> CreatePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return ErrnoStatus("can't make a pipe");
  }
  Pipe pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return pipe;
}

size_t ReadPipe(const UniqueFd& read_end, char* buffer, size_t bytes) {
  const ssize_t got = read(read_end.get(), buffer, bytes);
  return got > 0 ? static_cast<size_t>(got) : 0;
}

bool PipeReadable(const UniqueFd& read_end) {
  pollfd entry{read_end.get(), POLLIN, 0};
  return poll(&entry, 1, 0) > 0;
}

void WriteAll(const UniqueFd& file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(file.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      return;
    }
    text.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace flexai::os
