#include "node/id_source.h"

#include <fmt/core.h>

#include <charconv>
#include <string_view>

#include "os/files.h"

namespace flexai::node {
namespace {

constexpr uint64_t kBlock = 100;

bool ReadNumber(std::string_view* text, char end, uint64_t* number) {
  const auto [rest, error] = std::from_chars(text->data(), text->data() + text->size(), *number);
  if (error != std::errc() || rest == text->data() + text->size() || *rest != end || *number == 0) {
    return false;
  }
  text->remove_prefix(static_cast<size_t>(rest - text->data()) + 1);
  return true;
}

}  // namespace

Result<IdSource> IdSource::Open(std::string path) {
  IdSource source(std::move(path));
  const Result<std::string> content = os::ReadFile(source.path_, 4096);
  if (!content.ok()) {
    if (content.status().code() == Code::kNotFound) {
      return source;
    }
    return content.status();
  }
  std::string_view text = *content;
  if (!ReadNumber(&text, ' ', &source.vxpu_.next) || !ReadNumber(&text, '\n', &source.session_.next)) {
    return Internal(fmt::format("{} is damaged: remove it while no vXPU is in use", source.path_));
  }
  source.vxpu_.reserved = source.vxpu_.next;
  source.session_.reserved = source.session_.next;
  return source;
}

Result<uint64_t> IdSource::Next(Counter* counter) {
  if (counter->next >= counter->reserved) {
    const uint64_t before = counter->reserved;
    counter->reserved = counter->next + kBlock;
    if (const Status saved = Save(); !saved.ok()) {
      counter->reserved = before;
      return saved;
    }
  }
  return counter->next++;
}

void IdSource::Saw(Counter* counter, uint64_t id) {
  if (id >= counter->next) {
    counter->next = id + 1;
  }
}

void IdSource::Close() {
  vxpu_.reserved = vxpu_.next;
  session_.reserved = session_.next;
  static_cast<void>(Save());  // else the blocks stay reserved, which only skips numbers
}

Status IdSource::Save() const {
  return os::WriteFile(path_, fmt::format("{} {}\n", vxpu_.reserved, session_.reserved), 0600);
}

}  // namespace flexai::node
