// Work of the shim's own that must wait until something in the executor is done:
//   transfers  the arena range behind a non-blocking read or write: what was read is copied to the
//              application's memory the first time anybody can see that the command is complete, then the
//              range is freed;
//   releases   memory objects that the application let go while commands may still use them.
//
// Transfers are kept in the order of their frames, so that two reads to the same address end as on the
// device. Thread safety: every method may be called from any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "shim/opencl/arena.h"
#include "shim/opencl/object.h"
#include "wire/client_channel.h"

namespace flexai::shim {

// How the bytes of a transfer lie in memory: rows and slices with their pitches, in bytes.
struct HostLayout {
  std::byte* data = nullptr;
  size_t row_bytes = 0;
  size_t rows = 1;
  size_t slices = 1;
  size_t row_pitch = 0;
  size_t slice_pitch = 0;

  static HostLayout Linear(const void* data, size_t bytes) {
    return {static_cast<std::byte*>(const_cast<void*>(data)), bytes, 1, 1, bytes, bytes};
  }
  size_t bytes() const { return row_bytes * rows * slices; }
  // From the first byte to after the last one.
  size_t extent() const { return (slices - 1) * slice_pitch + (rows - 1) * row_pitch + row_bytes; }
  bool linear() const {
    return (rows == 1 || row_pitch == row_bytes) && (slices == 1 || slice_pitch == row_bytes * rows);
  }
  // The same bytes without gaps, at `packed`.
  HostLayout Packed(std::byte* packed) const {
    return {packed, row_bytes, rows, slices, row_bytes, row_bytes * rows};
  }
  void Scatter(const std::byte* packed) const;
  void Gather(std::byte* packed) const;
};

// Copies row by row; both sides have the same rows.
void CopyLayout(const HostLayout& to, const HostLayout& from);

struct Transfer {
  Transfer* next = nullptr;
  _cl_command_queue* queue = nullptr;  // held; null: `sequence` is waited for by decoding alone
  _cl_event* event = nullptr;          // held; null: done when the queue is done up to `sequence`
  uint64_t sequence = 0;
  ArenaRange staging;
  HostLayout destination;  // data null: nothing to copy
  HostLayout source;       // in the arena
};

class DeferredWork {
 public:
  constexpr DeferredWork() = default;

  void Init(Session* session) { session_ = session; }

  // Takes over `transfer` (from New) with its holds and its staging range.
  void Add(Transfer* transfer);
  // Does everything that is due; to be called before the application can see that something is complete.
  // Cheap if nothing is pending. `seen` (may be null) is a complete event: with it, all before it in its
  // in-order queue is.
  void Settle(const _cl_event* seen = nullptr) {
    if (transfers_.load(std::memory_order_acquire) != 0) {
      SettleTransfers(seen);
    }
  }
  // Whether a read that is still pending will write into [data, data + bytes). On true `*sequence` and
  // `*queue` (held for the caller) name the last such read.
  bool OverlapsPendingRead(const void* data, size_t bytes, _cl_command_queue** queue, uint64_t* sequence);

  // Keeps a memory object whose counts are zero until `slot` tells that the executor let it go.
  void AddRelease(_cl_mem* memory);
  bool HasReleases() const { return releases_.load(std::memory_order_acquire) != 0; }
  // Finishes the releases that are due.
  void SettleReleases();
  // Waits for one release that is not yet due and finishes it; false if there is none.
  bool WaitForRelease();

 private:
  bool IsDone(const Transfer& transfer, const _cl_event* seen) const;
  void SettleTransfers(const _cl_event* seen);
  void Finish(Transfer* transfer);
  static void LetGo(Transfer* finished);

  Session* session_ = nullptr;
  wire::FutexMutex mutex_;
  std::atomic<uint32_t> transfers_{0};
  Transfer* first_ = nullptr;
  Transfer* last_ = nullptr;
  wire::FutexMutex releases_mutex_;
  std::atomic<uint32_t> releases_{0};
  _cl_mem* dying_ = nullptr;
};

}  // namespace flexai::shim
