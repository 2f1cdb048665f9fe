#include "shim/opencl/build_options.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "shim/opencl/headers.h"

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

// Copies options word by word.
class Resolver {
 public:
  Resolver(const char* base, bool with_headers, HeaderSet* folders, Array<char>* to, bool* changed)
      : base_(base), with_headers_(with_headers), folders_(folders), to_(to), changed_(changed) {}

  bool Plain(const char* at, const char* end) { return to_->Append(at, static_cast<size_t>(end - at)); }

  // A folder as written after -I and `gap` blanks: quoted as a whole, or bare.
  bool Folder(const char* at, const char* end, size_t gap) {
    gap_ = gap;
    const char quote = at != end && (*at == '"' || *at == '\'') ? *at : '\0';
    const bool closed = quote != '\0' && end - at >= 2 && end[-1] == quote;
    if (at == end || (quote != '\0' && !closed)) {
      return Text("-I") && Plain(at - gap, end);
    }
    Array<char> folder;
    at += closed ? 1 : 0;
    end -= closed ? 1 : 0;
    const bool relative = at == end || *at != '/';
    if ((relative && (!folder.Append(base_, std::strlen(base_)) || !folder.Push('/'))) ||
        !folder.Append(at, static_cast<size_t>(end - at))) {
      return false;
    }
    *changed_ |= relative || with_headers_;
    if (folders_ != nullptr && !folders_->AddFolder(folder.data(), folder.size())) {
      return false;
    }
    return (!with_headers_ || (Include(kHeadersFolder, folder, quote) && to_->Push(' '))) &&
           Include("", folder, quote);
  }

  void NoGap() { gap_ = 0; }

  bool Include(const char* before, const Array<char>& folder, char quote) {
    if (!Text("-I")) {
      return false;
    }
    for (size_t i = 0; i < gap_; ++i) {
      if (!to_->Push(' ')) {
        return false;
      }
    }
    return (quote == '\0' || to_->Push(quote)) && Text(before) && to_->Append(folder.data(), folder.size()) &&
           (quote == '\0' || to_->Push(quote));
  }

 private:
  bool Text(const char* text) { return to_->Append(text, std::strlen(text)); }

  const char* const base_;
  const bool with_headers_;
  HeaderSet* const folders_;
  Array<char>* const to_;
  bool* const changed_;
  size_t gap_ = 0;
};

}  // namespace

bool ResolveIncludes(const char* options, const char* folder, bool with_headers, HeaderSet* folders,
                     Array<char>* resolved, bool* changed) {
  *changed = false;
  resolved->Clear();
  Resolver resolver(folder, with_headers, folders, resolved, changed);
  const char* gap_from = nullptr;  // after an -I that is a word of its own
  bool fits = true;
  for (const char* at = options; fits && *at != '\0';) {
    if (IsSpace(*at)) {
      fits = gap_from != nullptr || resolved->Push(*at);
      ++at;
      continue;
    }
    const char* end = EndOfWord(at);
    if (gap_from != nullptr) {
      fits = resolver.Folder(at, end, static_cast<size_t>(at - gap_from));
      gap_from = nullptr;
    } else if (at[0] == '-' && at[1] == 'I' && end != at + 2) {
      fits = resolver.Folder(at + 2, end, 0);
    } else if (at[0] == '-' && at[1] == 'I') {
      gap_from = end;
    } else {
      fits = resolver.Plain(at, end);
    }
    at = end;
  }
  if (fits && gap_from != nullptr) {  // the compiler says what it thinks of a bare -I
    fits = resolved->Append("-I", 2);
  }
  if (fits && with_headers) {
    *changed = true;
    Array<char> own;
    resolver.NoGap();
    fits = own.Append(folder, std::strlen(folder)) && resolved->Push(' ') &&
           resolver.Include(kHeadersFolder, own, std::strchr(folder, ' ') != nullptr ? '"' : '\0');
  }
  return fits;
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
