// The header files that travelled with a program (AddHeader), and the folder where the driver's compiler
// finds them.
//
// The folder lies in the temporary folder of this process and is named by its contents, so that a driver's
// cache of compiled programs, which knows options and with them the folder's name, works from run to run.
// Thread safety: values.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "base/status.h"

namespace flexai::executor::opencl {

class HeaderFiles {
 public:
  static constexpr size_t kMostBytes = 64 << 20;
  static constexpr size_t kMostFiles = 4096;

  // Refuses a path that is not absolute or has . or .. in it, and what is over the limits. The same path
  // again replaces the content.
  Status Add(std::string_view path, std::string_view content);
  bool empty() const { return files_.empty(); }

  // Where Place puts them.
  std::string Folder() const;
  // Writes what is not there yet. Blocks on the disk.
  Status Place() const;

 private:
  std::map<std::string, std::string, std::less<>> files_;
  size_t bytes_ = 0;
};

// `text` with every `what` replaced by `by`.
std::string Replaced(std::string_view text, std::string_view what, std::string_view by);

}  // namespace flexai::executor::opencl
