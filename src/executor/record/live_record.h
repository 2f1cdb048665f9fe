// What a session's live objects were made from: the frames that created each and gave it the state it has, no
// more. Replayed in order, they make the same objects under the same names in another executor: what
// suspending and moving a session need. docs/formats/record.md describes the written form.
//
// A frame supersedes an earlier one with the same object, call and key (an argument set again), unless a
// frame between the two needs the object as it was then (a kernel cloned with the argument). An object whose
// last reference the application dropped stays while frames of others need it. Thread safety: one thread per
// object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/status.h"

namespace flexai::executor {

struct RecordedFrame {
  uint64_t sequence = 0;
  uint16_t call = 0;  // 0: none
  std::vector<std::byte> body;
};

class LiveRecord {
 public:
  // `parents`: the objects that the frame needs as they are now. Unknown ones are passed over.
  void Create(uint64_t id, std::span<const uint64_t> parents, RecordedFrame frame);
  // `id` came to be with `first`, by the same frame.
  void CreateWith(uint64_t first, uint64_t id);
  // Ignored for an unknown object.
  void Mutate(uint64_t id, uint64_t key, std::span<const uint64_t> parents, uint64_t sequence, uint16_t call,
              std::span<const std::byte> body);
  void Destroy(uint64_t id);

  bool Contains(uint64_t id) const { return entries_.contains(id); }
  size_t objects() const { return entries_.size(); }
  // All frames in the order in which they came.
  std::vector<const RecordedFrame*> Frames() const;
  // Objects that come to be only because others need them: to be released once all frames were replayed.
  std::vector<uint64_t> Released() const;

 private:
  struct Part {
    RecordedFrame frame;
    std::vector<uint64_t> parents;
    uint64_t key = 0;
    uint64_t superseded_by = UINT64_MAX;  // sequence of the next frame of the same call and key
  };
  struct Entry {
    Part creation;
    std::vector<Part> mutations;        // those of one call and key in their order
    std::multiset<uint64_t> needed_at;  // sequences of the frames of others that have this as a parent
    std::vector<uint64_t> gone;         // came to be with this; released, and nobody needs them
    bool released = false;
  };

  static bool IsNeededBetween(const Entry& entry, uint64_t after, uint64_t before);
  void Hold(uint64_t id, Part* part, std::span<const uint64_t> parents);
  void LetGo(const Part& part, std::vector<uint64_t>* touched);
  void DropUnneeded(std::vector<uint64_t> touched);

  std::unordered_map<uint64_t, Entry> entries_;
};

// The written form of a session at rest: frames, releases, events that have ended, and the contents of memory
// that lies in the device.
struct SessionImage {
  struct EndedEvent {
    uint64_t id = 0;
    uint64_t context = 0;
    int32_t status = 0;
  };
  struct MemoryImage {
    uint64_t id = 0;
    std::vector<std::byte> bytes;
  };
  std::vector<RecordedFrame> frames;
  std::vector<uint64_t> released;
  std::vector<EndedEvent> events;
  std::vector<MemoryImage> memory;
};

std::vector<std::byte> WriteImage(const SessionImage& image);
// Refuses anything malformed; never reads outside `bytes`.
Result<SessionImage> ReadImage(std::span<const std::byte> bytes);

}  // namespace flexai::executor
