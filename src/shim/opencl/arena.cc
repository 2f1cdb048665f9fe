#include "shim/opencl/arena.h"

#include <algorithm>
#include <bit>

#include "os/guest.h"
#include "shim/opencl/host_memory.h"

namespace flexai::shim {

namespace {

constexpr uint64_t kUnit = 64;
constexpr uint64_t kPage = 4096;
constexpr int kSearchSteps = 64;

uint64_t RoundUp(uint64_t value, uint64_t multiple) { return (value + multiple - 1) & ~(multiple - 1); }

}  // namespace

struct ArenaBlock {
  uint64_t offset = 0;
  uint64_t length = 0;
  // While free: all its bytes that may hold pages lie in [dirty_from, dirty_to), part of it or empty.
  uint64_t dirty_from = 0;
  uint64_t dirty_to = 0;
  ArenaBlock* left = nullptr;  // neighbours by address
  ArenaBlock* right = nullptr;
  ArenaBlock* previous = nullptr;  // in its bin
  ArenaBlock* next = nullptr;      // in its bin, or among spare records
  bool free = false;

  uint64_t end() const { return offset + length; }
  uint64_t dirty() const { return dirty_to - dirty_from; }
  // Leaves what of [from, to) lies in the block.
  void SetDirty(uint64_t from, uint64_t to) {
    dirty_from = std::max(from, offset);
    dirty_to = std::min(to, end());
    if (dirty_from >= dirty_to) {
      dirty_from = dirty_to = offset;
    }
  }
};

Arena::~Arena() {
  while (first_ != nullptr) {
    ArenaBlock* block = first_;
    first_ = block->right;
    Delete(block);
  }
  while (spare_ != nullptr) {
    ArenaBlock* block = spare_;
    spare_ = block->next;
    Delete(block);
  }
}

bool Arena::Init(std::byte* base, uint64_t bytes, bool shared_memory) {
  base_ = base;
  bytes_ = bytes & ~(kPage - 1);
  shared_memory_ = shared_memory;
  if (bytes_ == 0) {
    return true;
  }
  ArenaBlock* all = NewBlock();
  if (all == nullptr) {
    return false;
  }
  all->length = bytes_;
  first_ = all;
  Insert(all);
  return true;
}

bool Arena::Contains(const void* pointer, uint64_t bytes) const {
  const auto at = reinterpret_cast<uintptr_t>(pointer);
  const auto from = reinterpret_cast<uintptr_t>(base_);
  return at >= from && at - from <= bytes_ && bytes <= bytes_ - (at - from);
}

// Sizes are counted in units of 64 bytes. Below 16 units each size has a bin; above, each power of two
// has 16.
Arena::Bin Arena::BinOf(uint64_t units) {
  if (units < kSubclasses) {
    return {0, static_cast<unsigned>(units)};
  }
  const unsigned log = 63 - static_cast<unsigned>(std::countl_zero(units));
  return {log - 3, static_cast<unsigned>(units >> (log - 4)) - kSubclasses};
}

// The smallest size whose bin holds only blocks that are large enough.
uint64_t Arena::RoundUpToBin(uint64_t units) {
  if (units < kSubclasses) {
    return units;
  }
  const unsigned log = 63 - static_cast<unsigned>(std::countl_zero(units));
  return units + (uint64_t{1} << (log - 4)) - 1;
}

ArenaBlock* Arena::TakeFit(uint64_t bytes) {
  const Bin bin = BinOf(RoundUpToBin(bytes / kUnit));
  if (bin.first < kClasses) {
    unsigned first = bin.first;
    uint32_t subclasses = subclass_map_[first] & (~uint32_t{0} << bin.second);
    if (subclasses == 0) {
      const uint64_t classes = first + 1 < 64 ? class_map_ & (~uint64_t{0} << (first + 1)) : 0;
      if (classes != 0) {
        first = static_cast<unsigned>(std::countr_zero(classes));
        subclasses = subclass_map_[first];
      }
    }
    if (subclasses != 0) {
      ArenaBlock* block = bins_[first][std::countr_zero(subclasses)];
      Remove(block);
      return block;
    }
  }
  return SearchBin(bytes);
}

// The bin of the very size also holds smaller blocks: worth a look before giving up.
ArenaBlock* Arena::SearchBin(uint64_t bytes) {
  const Bin bin = BinOf(bytes / kUnit);
  if (bin.first >= kClasses) {
    return nullptr;
  }
  ArenaBlock* block = bins_[bin.first][bin.second];
  for (int step = 0; block != nullptr && step < kSearchSteps; ++step, block = block->next) {
    if (block->length >= bytes) {
      Remove(block);
      return block;
    }
  }
  return nullptr;
}

void Arena::Insert(ArenaBlock* block) {
  const Bin bin = BinOf(block->length / kUnit);
  ArenaBlock*& head = bins_[bin.first][bin.second];
  block->free = true;
  block->previous = nullptr;
  block->next = head;
  if (head != nullptr) {
    head->previous = block;
  }
  head = block;
  class_map_ |= uint64_t{1} << bin.first;
  subclass_map_[bin.first] |= uint32_t{1} << bin.second;
  free_bytes_ += block->length;
  dirty_free_bytes_.fetch_add(block->dirty(), std::memory_order_relaxed);
}

void Arena::Remove(ArenaBlock* block) {
  const Bin bin = BinOf(block->length / kUnit);
  if (block->previous != nullptr) {
    block->previous->next = block->next;
  } else {
    bins_[bin.first][bin.second] = block->next;
    if (block->next == nullptr) {
      subclass_map_[bin.first] &= ~(uint32_t{1} << bin.second);
      if (subclass_map_[bin.first] == 0) {
        class_map_ &= ~(uint64_t{1} << bin.first);
      }
    }
  }
  if (block->next != nullptr) {
    block->next->previous = block->previous;
  }
  block->previous = block->next = nullptr;
  block->free = false;
  free_bytes_ -= block->length;
  dirty_free_bytes_.fetch_sub(block->dirty(), std::memory_order_relaxed);
}

ArenaBlock* Arena::Split(ArenaBlock* block, uint64_t bytes) {
  ArenaBlock* rest = NewBlock();
  if (rest == nullptr) {
    return nullptr;
  }
  rest->offset = block->offset + bytes;
  rest->length = block->length - bytes;
  block->length = bytes;
  rest->SetDirty(block->dirty_from, block->dirty_to);
  block->SetDirty(block->dirty_from, block->dirty_to);
  rest->left = block;
  rest->right = block->right;
  if (rest->right != nullptr) {
    rest->right->left = rest;
  }
  block->right = rest;
  return rest;
}

ArenaBlock* Arena::Join(ArenaBlock* left, ArenaBlock* right) {
  left->length += right->length;
  if (left->dirty() == 0) {
    left->dirty_from = right->dirty_from;
    left->dirty_to = right->dirty_to;
  } else if (right->dirty() != 0) {
    left->dirty_to = right->dirty_to;
  }
  left->right = right->right;
  if (left->right != nullptr) {
    left->right->left = left;
  }
  *right = ArenaBlock{};
  right->next = spare_;
  spare_ = right;
  return left;
}

ArenaRange Arena::Allocate(uint64_t bytes, uint64_t alignment) {
  if (bytes == 0 || bytes > bytes_) {
    return {};
  }
  const uint64_t length = RoundUp(bytes, kUnit);
  const uint64_t slack = alignment > kUnit ? alignment - kUnit : 0;
  const wire::FutexLock lock(mutex_);
  ArenaBlock* block = TakeFit(length + slack);
  if (block == nullptr) {
    return {};
  }
  const uint64_t start = alignment > kUnit ? RoundUp(block->offset, alignment) : block->offset;
  if (start != block->offset) {
    ArenaBlock* aligned = Split(block, start - block->offset);
    if (aligned == nullptr) {
      Insert(block);
      return {};
    }
    Insert(block);
    block = aligned;
  }
  if (block->length > length) {
    // Without memory for a record the range keeps its surplus.
    if (ArenaBlock* rest = Split(block, length); rest != nullptr) {
      Insert(rest);
    }
  }
  return {block->offset, bytes, block, block->dirty() == 0};
}

void Arena::Free(ArenaRange* range) {
  ArenaBlock* block = range->block;
  *range = {};
  if (block == nullptr) {
    return;
  }
  {
    const wire::FutexLock lock(mutex_);
    block->SetDirty(block->offset, block->end());
    PutBack(block);
  }
  if (dirty_free_bytes() > kMostDirty) {
    Trim();
  }
}

void Arena::PutBack(ArenaBlock* block) {
  if (block->left != nullptr && block->left->free) {
    Remove(block->left);
    block = Join(block->left, block);
  }
  if (block->right != nullptr && block->right->free) {
    Remove(block->right);
    block = Join(block, block->right);
  }
  Insert(block);
}

// A piece with pages of a large free block, taken out of its bin; null if there is none. The rest of the
// block stays free: it may be all that is left of the arena.
ArenaBlock* Arena::TakeDirty() {
  for (unsigned first = BinOf(kReturnPiece / kUnit).first; first < kClasses; ++first) {
    for (ArenaBlock* head : bins_[first]) {
      for (ArenaBlock* block = head; block != nullptr; block = block->next) {
        if (block->dirty() >= kReturnPiece) {
          Remove(block);
          return CutDirty(block);
        }
      }
    }
  }
  return nullptr;
}

ArenaBlock* Arena::CutDirty(ArenaBlock* block) {
  const uint64_t clean = block->dirty_from - block->offset;
  if (clean > 0) {
    ArenaBlock* piece = Split(block, clean);
    Insert(block);
    if (piece == nullptr) {
      return nullptr;
    }
    block = piece;
  }
  const uint64_t most = std::min(block->dirty(), kReturnAtOnce);
  if (block->length > most) {
    if (ArenaBlock* rest = Split(block, most); rest != nullptr) {
      Insert(rest);
    }
  }
  return block;
}

// Punching holes takes long: meanwhile the piece counts as taken and the rest may be allocated.
void Arena::Trim() {
  while (shared_memory_) {
    ArenaBlock* piece = nullptr;
    {
      const wire::FutexLock lock(mutex_);  // without it a block on its way between two bins isn't counted
      piece = NeedsTrim() ? TakeDirty() : nullptr;
    }
    if (piece == nullptr) {
      return;
    }
    const uint64_t from = RoundUp(piece->offset, kPage);
    const uint64_t to = piece->end() & ~(kPage - 1);
    const bool returned = to > from && os::ReturnSharedPages(base_ + from, to - from);
    const wire::FutexLock lock(mutex_);
    piece->SetDirty(0, 0);
    PutBack(piece);
    if (!returned) {
      return;  // not this kind of memory
    }
  }
}

ArenaBlock* Arena::NewBlock() {
  if (spare_ != nullptr) {
    ArenaBlock* block = spare_;
    spare_ = block->next;
    block->next = nullptr;
    return block;
  }
  return New<ArenaBlock>();
}

}  // namespace flexai::shim
