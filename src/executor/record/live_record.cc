#include "executor/record/live_record.h"

#include <algorithm>

namespace flexai::executor {

void LiveRecord::Create(uint64_t id, std::span<const uint64_t> parents, RecordedFrame frame) {
  const auto [found, fresh] = entries_.try_emplace(id);
  if (fresh) {
    found->second.creation.frame = std::move(frame);
    Hold(id, &found->second.creation, parents);
  }
}

void LiveRecord::CreateWith(uint64_t first, uint64_t id) {
  if (Contains(first)) {
    Create(id, std::span(&first, 1), {});
  }
}

void LiveRecord::Mutate(uint64_t id, uint64_t key, std::span<const uint64_t> parents, uint64_t sequence,
                        uint16_t call, std::span<const std::byte> body) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) {
    return;
  }
  std::vector<Part>& mutations = found->second.mutations;
  const auto last = std::find_if(mutations.rbegin(), mutations.rend(), [&](const Part& part) {
    return part.key == key && part.frame.call == call;
  });
  if (last == mutations.rend() || IsNeededBetween(found->second, last->frame.sequence, sequence)) {
    if (last != mutations.rend()) {
      last->superseded_by = sequence;
    }
    mutations.push_back({{sequence, call, {body.begin(), body.end()}}, {}, key});
    Hold(id, &mutations.back(), parents);
    return;
  }
  std::vector<uint64_t> touched;
  LetGo(*last, &touched);
  last->frame.sequence = sequence;
  last->frame.body.assign(body.begin(), body.end());
  Hold(id, &*last, parents);
  DropUnneeded(std::move(touched));
}

void LiveRecord::Destroy(uint64_t id) {
  if (const auto found = entries_.find(id); found != entries_.end()) {
    found->second.released = true;
    DropUnneeded({id});
  }
}

bool LiveRecord::IsNeededBetween(const Entry& entry, uint64_t after, uint64_t before) {
  const auto next = entry.needed_at.upper_bound(after);
  return next != entry.needed_at.end() && *next < before;
}

// The part of object `id` needs these from now on.
void LiveRecord::Hold(uint64_t id, Part* part, std::span<const uint64_t> parents) {
  part->parents.clear();
  for (const uint64_t parent : parents) {
    if (const auto above = entries_.find(parent); above != entries_.end() && parent != id) {
      above->second.needed_at.insert(part->frame.sequence);
      part->parents.push_back(parent);
    }
  }
}

// The part goes; what it needed is added to `touched`.
void LiveRecord::LetGo(const Part& part, std::vector<uint64_t>* touched) {
  for (const uint64_t parent : part.parents) {
    std::multiset<uint64_t>& needed_at = entries_.at(parent).needed_at;
    needed_at.erase(needed_at.find(part.frame.sequence));
    touched->push_back(parent);
  }
}

// Drops what nobody needs any more: the superseded frames of each object, or all of it; and then what only
// that needed.
void LiveRecord::DropUnneeded(std::vector<uint64_t> touched) {
  while (!touched.empty()) {
    const uint64_t id = touched.back();
    touched.pop_back();
    const auto found = entries_.find(id);
    if (found == entries_.end()) {
      continue;
    }
    Entry& entry = found->second;
    const bool unneeded = entry.released && entry.needed_at.empty();
    std::erase_if(entry.mutations, [&](const Part& part) {
      const bool goes = unneeded || (part.superseded_by != UINT64_MAX &&
                                     !IsNeededBetween(entry, part.frame.sequence, part.superseded_by));
      if (goes) {
        LetGo(part, &touched);
      }
      return goes;
    });
    if (!unneeded) {
      continue;
    }
    LetGo(entry.creation, &touched);
    if (entry.creation.frame.call == 0) {  // the frame that made the first makes it again
      entries_.at(entry.creation.parents.front()).gone.push_back(id);
    }
    entries_.erase(found);
  }
}

std::vector<const RecordedFrame*> LiveRecord::Frames() const {
  std::vector<const RecordedFrame*> frames;
  for (const auto& [id, entry] : entries_) {
    if (entry.creation.frame.call != 0) {
      frames.push_back(&entry.creation.frame);
    }
    for (const Part& part : entry.mutations) {
      frames.push_back(&part.frame);
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
    released.insert(released.end(), entry.gone.begin(), entry.gone.end());
  }
  std::sort(released.begin(), released.end());
  return released;
}

}  // namespace flexai::executor
