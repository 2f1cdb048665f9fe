// The error type that crosses every module boundary.
//
// Exceptions never cross a module; a function that can fail returns Status or Result<T>. A message is one
// sentence for a person: what was wrong, with the offending value, and what to do about it. Errors are turned
// into an API's own code (cl_int, HTTP status, exit code) once, at the edge that speaks that API.
//
// Thread safety: values; distinct objects may be used from distinct threads.
#pragma once

#include <cassert>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace flexai {

enum class Code : uint8_t {
  kOk = 0,
  kInvalidArgument = 1,     // the caller's input can never work
  kNotFound = 2,            // the named thing does not exist
  kAlreadyExists = 3,       // the name is taken
  kPermissionDenied = 4,    // the caller may not do this
  kResourceExhausted = 5,   // a quota, share or limit is used up
  kFailedPrecondition = 6,  // the system is not in the state this needs
  kUnavailable = 7,         // a peer is gone or not up yet; trying again may help
  kDeadlineExceeded = 8,    // the wait ended first
  kUnimplemented = 9,       // not supported on this device or build
  kInternal = 10,           // a fault of ours
};

// The stable lower-case name of a code, for logs and JSON ("invalid_argument").
std::string_view CodeName(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;  // success
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }

  // The same status with `context: ` before its message; success stays success.
  Status WithContext(std::string_view context) const;

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

Status InvalidArgument(std::string message);
Status NotFound(std::string message);
Status AlreadyExists(std::string message);
Status PermissionDenied(std::string message);
Status ResourceExhausted(std::string message);
Status FailedPrecondition(std::string message);
Status Unavailable(std::string message);
Status DeadlineExceeded(std::string message);
Status Unimplemented(std::string message);
Status Internal(std::string message);

// A value or the reason there is none. Reading value() of a failed Result is our own mistake and asserts.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}                                  // NOLINT: implicit by design
  Result(Status status) : status_(std::move(status)) { assert(!status_.ok()); }  // NOLINT

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }
  T& value() & {
    assert(ok());
    return *value_;
  }
  const T& value() const& {
    assert(ok());
    return *value_;
  }
  T&& value() && {
    assert(ok());
    return *std::move(value_);
  }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }

 private:
  std::optional<T> value_;
  Status status_;
};

}  // namespace flexai

// Leaves the enclosing function with the status of `expr` if it failed.
#define FLEXAI_RETURN_IF_ERROR(expr)                        \
  do {                                                      \
    if (::flexai::Status status_ = (expr); !status_.ok()) { \
      return status_;                                       \
    }                                                       \
  } while (false)

#define FLEXAI_CONCAT_INNER(a, b) a##b
#define FLEXAI_CONCAT(a, b) FLEXAI_CONCAT_INNER(a, b)
#define FLEXAI_ASSIGN_OR_RETURN_IMPL(result, lhs, expr) \
  auto result = (expr);                                 \
  if (!result.ok()) {                                   \
    return result.status();                             \
  }                                                     \
  lhs = *std::move(result)

// Declares or assigns `lhs` from the Result of `expr`, or leaves the enclosing function with its status.
#define FLEXAI_ASSIGN_OR_RETURN(lhs, expr) \
  FLEXAI_ASSIGN_OR_RETURN_IMPL(FLEXAI_CONCAT(result_, __LINE__), lhs, expr)
