#include "os/error.h"

#include <fmt/core.h>

#include <cerrno>
#include <system_error>

namespace flexai::os {
namespace {

Code CodeOf(int error) {
  switch (error) {
    case ENOENT:
    case ESRCH:
      return Code::kNotFound;
    case EEXIST:
    case EADDRINUSE:
      return Code::kAlreadyExists;
    case EACCES:
    case EPERM:
      return Code::kPermissionDenied;
    case ENOMEM:
    case ENOSPC:
    case EMFILE:
    case ENFILE:
    case EDQUOT:
      return Code::kResourceExhausted;
    case EINVAL:
      return Code::kInvalidArgument;
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
    case ENOTCONN:
      return Code::kUnavailable;
    case ETIMEDOUT:
      return Code::kDeadlineExceeded;
    case ENOSYS:
      return Code::kUnimplemented;
    default:
      return Code::kInternal;
  }
}

}  // namespace

Status ErrnoStatus(std::string_view what) { return ErrnoStatus(what, errno); }

Status ErrnoStatus(std::string_view what, int error) {
  return {CodeOf(error), fmt::format("{}: {}", what, std::generic_category().message(error))};
}

}  // namespace flexai::os
