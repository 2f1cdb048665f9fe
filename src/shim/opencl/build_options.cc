#include "shim/opencl/build_options.h"

#include <unistd.h>

#include <cerrno>

namespace flexai::shim {

namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// The end of the word that begins at `at`; quotes may hold spaces.
const char* EndOfWord(const char* at) {
  char quote = '\0';
  for (; *at != '\0' && (quote != '\0' || !IsSpace(*at)); ++at) {
    if (quote != '\0') {
      quote = *at == quote ? '\0' : quote;
    } else if (*at == '"' || *at == '\'') {
      quote = *at;
    }
  }
  return at;
}

// A folder as written after -I: quoted as a whole, or bare.
bool AppendFolder(const char* at, const char* end, const char* base, Array<char>* to, bool* changed) {
  const bool quoted = *at == '"' || *at == '\'';
  const char first = quoted ? at[1] : *at;
  if (first == '/' || at == end || (quoted && end - at < 2)) {
    return to->Append(at, static_cast<size_t>(end - at));
  }
  *changed = true;
  if (quoted && !to->Push(*at++)) {
    return false;
  }
  return to->Append(base, std::strlen(base)) && to->Push('/') && to->Append(at, static_cast<size_t>(end - at));
}

}  // namespace

bool ResolveIncludes(const char* options, const char* folder, Array<char>* resolved, bool* changed) {
  *changed = false;
  resolved->Clear();
  bool folder_next = false;
  for (const char* at = options; *at != '\0';) {
    if (IsSpace(*at)) {
      if (!resolved->Push(*at++)) {
        return false;
      }
      continue;
    }
    const char* end = EndOfWord(at);
    bool fits = true;
    if (folder_next) {
      fits = AppendFolder(at, end, folder, resolved, changed);
      folder_next = false;
    } else if (at[0] == '-' && at[1] == 'I') {
      folder_next = end == at + 2;
      fits = resolved->Append(at, 2) && (folder_next || AppendFolder(at + 2, end, folder, resolved, changed));
    } else {
      fits = resolved->Append(at, static_cast<size_t>(end - at));
    }
    if (!fits) {
      return false;
    }
    at = end;
  }
  return true;
}

bool WorkingFolder(Array<char>* folder) {
  for (size_t size = 256; size <= 65536; size *= 2) {
    if (!folder->Resize(size)) {
      return false;
    }
    if (getcwd(folder->data(), size) != nullptr) {
      return true;
    }
    if (errno != ERANGE) {
      return false;
    }
  }
  return false;
}

}  // namespace flexai::shim
