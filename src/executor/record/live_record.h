// What a session's live objects were made from: the frames that created each and gave it the state it has, no
// more. Replayed in order, they make the same objects under the same names in another executor: what
// suspending and moving a session need. docs/formats/record.md describes the written form.
//
// A frame supersedes an earlier one with the same object, call and key (an argument set again). An object
// whose last reference the application dropped stays while others that were made from it live. Thread safety:
// one thread per object.
#pragma once

#include <cstddef>
#include <cstdint>
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
  void Create(uint64_t id, std::span<const uint64_t> parents, RecordedFrame frame);
  // `id` also needs these from now on.
  void AddParents(uint64_t id, std::span<const uint64_t> parents);
  // Ignored for an unknown object.
  void Mutate(uint64_t id, uint64_t key, uint64_t sequence, uint16_t call, std::span<const std::byte> body);
  void Destroy(uint64_t id);

  bool Contains(uint64_t id) const { return entries_.contains(id); }
  size_t objects() const { return entries_.size(); }
  // All frames in the order in which they came.
  std::vector<const RecordedFrame*> Frames() const;
  // Objects that live only because others need them: to be released once all frames were replayed.
  std::vector<uint64_t> Released() const;

 private:
  struct Mutation {
    uint64_t key = 0;
    RecordedFrame frame;
  };
  struct Entry {
    RecordedFrame creation;
    std::vector<Mutation> mutations;
    std::vector<uint64_t> parents;
    uint32_t children = 0;
    bool released = false;
  };

  void EraseUnneeded(uint64_t id);

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
