// Pipes and plain writes, for what other processes print.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/status.h"
#include "os/unique_fd.h"

namespace flexai::os {

struct Pipe {
  UniqueFd read_end, write_end;
};

// CLOEXEC; the read end is non-blocking.
Result<Pipe> CreatePipe();
// Bytes read; 0 at the end of the pipe (also on errors).
size_t ReadPipe(const UniqueFd& read_end, char* buffer, size_t bytes);
// There is something to read, or the end.
bool PipeReadable(const UniqueFd& read_end);
// Writes as much as the file takes; a full disk loses the rest.
void WriteAll(const UniqueFd& file, std::string_view text);

}  // namespace flexai::os
