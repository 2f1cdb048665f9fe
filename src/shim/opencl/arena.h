// Allocation of ranges in the session's arena: storage of buffers, staging of transfers, SVM.
//
// Two-level segregated fit (M. Masmano et al., "TLSF", ECRTS 2004): allocation and release are O(1), free
// neighbours are joined at once. The bookkeeping lies in private memory, because the arena is shared with an
// executor that must not be able to corrupt it. Pages of freed ranges are kept a while, since touching fresh
// ones costs more than copying into them; Trim gives those of large ranges back to the machine.
//
// Units: bytes; offsets from the arena's start; every range is a multiple of 64. Errors: an empty range when
// there is no room. Thread safety: all methods may be called from any thread after Init.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "wire/client_channel.h"

namespace flexai::shim {

struct ArenaBlock;

// A range and the block it came from. A value: whoever frees it does so once. `block` is null in a view of
// somebody else's range (a sub-buffer, an SVM pointer).
struct ArenaRange {
  uint64_t offset = 0;
  uint64_t length = 0;
  ArenaBlock* block = nullptr;
  bool fresh = false;  // as allocated: no page of it exists yet

  explicit operator bool() const { return length != 0; }
};

class Arena {
 public:
  constexpr Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  // `base` is where the arena is mapped; `bytes` of it are managed. With `shared_memory` the pages of freed
  // ranges are punched out of the memfd. False if there is no memory for the bookkeeping.
  bool Init(std::byte* base, uint64_t bytes, bool shared_memory);

  // At least `bytes` (> 0) at a multiple of `alignment` (a power of two).
  ArenaRange Allocate(uint64_t bytes, uint64_t alignment = 64);
  // Gives the range back and empties it; nothing for a view.
  void Free(ArenaRange* range);
  // Gives pages of large free ranges back to the machine until few are left.
  void Trim();
  // Whether Trim would have something to do.
  bool NeedsTrim() const { return dirty_free_bytes_.load(std::memory_order_relaxed) > kKeepDirty; }

  std::byte* base() const { return base_; }
  uint64_t bytes() const { return bytes_; }
  std::byte* At(uint64_t offset) const { return base_ + offset; }
  // Whether [pointer, pointer + bytes) lies in the arena.
  bool Contains(const void* pointer, uint64_t bytes) const;
  uint64_t OffsetOf(const void* pointer) const {
    return static_cast<uint64_t>(static_cast<const std::byte*>(pointer) - base_);
  }

  uint64_t free_bytes() const { return free_bytes_; }
  // Freed bytes whose pages were not given back to the machine.
  uint64_t dirty_free_bytes() const { return dirty_free_bytes_.load(std::memory_order_relaxed); }

 private:
  static constexpr unsigned kClasses = 48;
  static constexpr unsigned kSubclasses = 16;
  // Free memory this large in one piece is given back, as long as there is more than so much in all.
  static constexpr uint64_t kReturnPiece = 1 << 20;
  static constexpr uint64_t kKeepDirty = 32 << 20;
  // So much is given back by one call to the kernel, and can't be allocated meanwhile.
  static constexpr uint64_t kReturnAtOnce = 16 << 20;
  // More than this is given back at once.
  static constexpr uint64_t kMostDirty = 1 << 30;
  struct Bin {
    unsigned first, second;
  };

  static Bin BinOf(uint64_t units);
  static uint64_t RoundUpToBin(uint64_t units);
  ArenaBlock* TakeFit(uint64_t bytes);
  ArenaBlock* SearchBin(uint64_t bytes);
  void Insert(ArenaBlock* block);
  void Remove(ArenaBlock* block);
  // Cuts `block` after `bytes`; the rest becomes a block of its own, not in any bin. Null without memory.
  ArenaBlock* Split(ArenaBlock* block, uint64_t bytes);
  ArenaBlock* Join(ArenaBlock* left, ArenaBlock* right);
  // Joins a block with its free neighbours and puts the whole in its bin.
  void PutBack(ArenaBlock* block);
  ArenaBlock* TakeDirty();
  // Leaves of a free block that is in no bin a piece that begins with pages; the rest goes into bins. Null
  // without memory, and then all of it does.
  ArenaBlock* CutDirty(ArenaBlock* block);
  ArenaBlock* NewBlock();

  wire::FutexMutex mutex_;
  std::byte* base_ = nullptr;
  uint64_t bytes_ = 0;
  bool shared_memory_ = false;
  uint64_t free_bytes_ = 0;
  std::atomic<uint64_t> dirty_free_bytes_{0};
  ArenaBlock* first_ = nullptr;
  ArenaBlock* spare_ = nullptr;  // block records to use again
  uint64_t class_map_ = 0;
  uint32_t subclass_map_[kClasses] = {};
  ArenaBlock* bins_[kClasses][kSubclasses] = {};
};

}  // namespace flexai::shim
