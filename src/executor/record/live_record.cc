#include "executor/record/live_record.h"

#include <algorithm>

namespace flexai::executor {

void LiveRecord::Create(uint64_t id, std::span<const uint64_t> parents, RecordedFrame frame) {
  const auto [found, fresh] = entries_.try_emplace(id);
  if (!fresh) {
    return;
  }
  found->second.creation = std::move(frame);
  AddParents(id, parents);
}

void LiveRecord::AddParents(uint64_t id, std::span<const uint64_t> parents) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) {
    return;
  }
  for (const uint64_t parent : parents) {
    const auto above = entries_.find(parent);
    if (above != entries_.end() && parent != id) {
      ++above->second.children;
      found->second.parents.push_back(parent);
    }
  }
}

void LiveRecord::Mutate(uint64_t id, uint64_t key, uint64_t sequence, uint16_t call,
                        std::span<const std::byte> body) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) {
    return;
  }
  for (Mutation& mutation : found->second.mutations) {
    if (mutation.key == key && mutation.frame.call == call) {
      mutation.frame.sequence = sequence;
      mutation.frame.body.assign(body.begin(), body.end());
      return;
    }
  }
  found->second.mutations.push_back({key, {sequence, call, {body.begin(), body.end()}}});
}

void LiveRecord::Destroy(uint64_t id) {
  if (const auto found = entries_.find(id); found != entries_.end()) {
    found->second.released = true;
    EraseUnneeded(id);
  }
}

// Erases an object that nobody needs any more, and then what only it needed.
void LiveRecord::EraseUnneeded(uint64_t id) {
  std::vector<uint64_t> candidates = {id};
  while (!candidates.empty()) {
    const auto found = entries_.find(candidates.back());
    candidates.pop_back();
    if (found == entries_.end() || !found->second.released || found->second.children != 0) {
      continue;
    }
    for (const uint64_t parent : found->second.parents) {
      if (const auto above = entries_.find(parent); above != entries_.end()) {
        --above->second.children;
        candidates.push_back(parent);
      }
    }
    entries_.erase(found);
  }
}

std::vector<const RecordedFrame*> LiveRecord::Frames() const {
  std::vector<const RecordedFrame*> frames;
  for (const auto& [id, entry] : entries_) {
    if (entry.creation.call != 0) {
      frames.push_back(&entry.creation);
    }
    for (const Mutation& mutation : entry.mutations) {
      frames.push_back(&mutation.frame);
    }
  }
  std::sort(frames.begin(), frames.end(),
            [](const RecordedFrame* a, const RecordedFrame* b) { return a->sequence < b->sequence; });
  return frames;
}

std::vector<uint64_t> LiveRecord::Released() const {
  std::vector<uint64_t> released;
  for (const auto& [id, entry] : entries_) {
    if (entry.released) {
      released.push_back(id);
    }
  }
  std::sort(released.begin(), released.end());
  return released;
}

}  // namespace flexai::executor
