// The header files that a program's source includes. A compiler in another process, as another user or on
// another machine can't open them, so they travel with the program (AddHeader).
//
// Includes are found as a compiler finds them, in text: beside the including file, in the folders of -I in
// their order, in the working folder. Conditions are not evaluated, so too many files are found rather than
// too few; an include whose name is a macro is left to what the executor can open itself. Thread safety: one
// thread per object. Errors: what can't be read is left out; false only without memory.
#pragma once

#include <cstddef>
#include <span>

#include "shim/opencl/host_memory.h"

namespace flexai::shim {

struct HeaderFile {
  char* path = nullptr;  // absolute, without . and .., NUL-terminated; the set's
  size_t path_length = 0;
  char* content = nullptr;  // the set's
  size_t bytes = 0;
};

class HeaderSet {
 public:
  static constexpr size_t kMostFiles = 1024;
  static constexpr size_t kMostBytes = 32 << 20;  // in all

  HeaderSet() = default;
  HeaderSet(const HeaderSet&) = delete;
  HeaderSet& operator=(const HeaderSet&) = delete;
  ~HeaderSet();

  // A folder to search, absolute; in the order in which they are added.
  [[nodiscard]] bool AddFolder(const char* path, size_t length);
  // Finds what `source` includes, and what that includes.
  [[nodiscard]] bool Collect(const char* source, size_t length);

  std::span<const HeaderFile> files() const { return files_.span(); }

 private:
  struct Folder {
    size_t offset, length;  // in folder_text_
  };

  bool Scan(const char* text, size_t length, const char* beside, size_t beside_length);
  bool Find(const char* name, size_t length, const char* beside, size_t beside_length);
  bool TryOpen(const char* folder, size_t folder_length, const char* name, size_t length, bool* found);

  Array<Folder> folders_;
  Array<char> folder_text_;
  Array<HeaderFile> files_;
  size_t total_bytes_ = 0;
};

// Removes empty, . and .. parts from an absolute path in place; its new length.
size_t NormalisePath(char* path, size_t length);

}  // namespace flexai::shim
