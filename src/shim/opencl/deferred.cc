#include "shim/opencl/deferred.h"

#include <cstring>

#include "shim/opencl/objects.h"
#include "shim/opencl/session.h"

namespace flexai::shim {

void HostLayout::Scatter(const std::byte* packed) const {
  if (linear()) {
    std::memcpy(data, packed, bytes());
    return;
  }
  for (size_t slice = 0; slice < slices; ++slice) {
    for (size_t row = 0; row < rows; ++row) {
      std::memcpy(data + slice * slice_pitch + row * row_pitch, packed, row_bytes);
      packed += row_bytes;
    }
  }
}

void HostLayout::Gather(std::byte* packed) const {
  if (linear()) {
    std::memcpy(packed, data, bytes());
    return;
  }
  for (size_t slice = 0; slice < slices; ++slice) {
    for (size_t row = 0; row < rows; ++row) {
      std::memcpy(packed, data + slice * slice_pitch + row * row_pitch, row_bytes);
      packed += row_bytes;
    }
  }
}

void CopyLayout(const HostLayout& to, const HostLayout& from) {
  if (to.linear()) {
    from.Gather(to.data);
  } else if (from.linear()) {
    to.Scatter(from.data);
  } else {
    for (size_t slice = 0; slice < to.slices; ++slice) {
      for (size_t row = 0; row < to.rows; ++row) {
        std::memcpy(to.data + slice * to.slice_pitch + row * to.row_pitch,
                    from.data + slice * from.slice_pitch + row * from.row_pitch, to.row_bytes);
      }
    }
  }
}

bool DeferredWork::IsDone(const Transfer& transfer, const Event* seen) const {
  if (seen != nullptr && seen->queue != nullptr && seen->queue == transfer.queue && seen->queue->in_order() &&
      transfer.sequence <= seen->sequence) {
    return true;
  }
  if (transfer.event != nullptr && transfer.event->Status() <= CL_COMPLETE) {
    return true;
  }
  if (transfer.queue == nullptr) {
    return session_->channel().header().decoded_sequence.load(std::memory_order_acquire) >= transfer.sequence;
  }
  return session_->status(transfer.queue->slot).sequence.load(std::memory_order_acquire) >= transfer.sequence;
}

void DeferredWork::Finish(Transfer* transfer) {
  const bool failed = transfer->event != nullptr && transfer->event->Status() < 0;
  if (transfer->destination.data != nullptr && !failed) {
    CopyLayout(transfer->destination, transfer->source);
  }
  session_->arena().Free(&transfer->staging);
}

void DeferredWork::Add(Transfer* transfer) {
  Transfer* finished = nullptr;
  {
    const wire::FutexLock lock(mutex_);
    // Those at the head are the likeliest to be over; taking them off here keeps the list short.
    while (first_ != nullptr && IsDone(*first_, nullptr)) {
      Transfer* done = first_;
      first_ = done->next;
      Finish(done);
      done->next = finished;
      finished = done;
      transfers_.fetch_sub(1, std::memory_order_release);
    }
    if (first_ == nullptr) {
      first_ = transfer;
    } else {
      last_->next = transfer;
    }
    last_ = transfer;
    transfers_.fetch_add(1, std::memory_order_release);
  }
  LetGo(finished);
}

void DeferredWork::LetGo(Transfer* finished) {
  while (finished != nullptr) {
    Transfer* next = finished->next;
    if (finished->event != nullptr) {
      Drop(finished->event);
    }
    if (finished->queue != nullptr) {
      Drop(finished->queue);
    }
    Delete(finished);
    finished = next;
  }
}

void DeferredWork::SettleTransfers(const Event* seen) {
  if (session_->lost()) {
    return;
  }
  Transfer* finished = nullptr;
  {
    const wire::FutexLock lock(mutex_);
    Transfer** link = &first_;
    last_ = nullptr;
    while (*link != nullptr) {
      Transfer* transfer = *link;
      if (!IsDone(*transfer, seen)) {
        last_ = transfer;
        link = &transfer->next;
        continue;
      }
      *link = transfer->next;
      Finish(transfer);
      transfer->next = finished;
      finished = transfer;
      transfers_.fetch_sub(1, std::memory_order_release);
    }
  }
  LetGo(finished);
}

bool DeferredWork::OverlapsPendingRead(const void* data, size_t bytes, Queue** queue, uint64_t* sequence) {
  if (transfers_.load(std::memory_order_acquire) == 0) {
    return false;
  }
  const auto* from = static_cast<const std::byte*>(data);
  const wire::FutexLock lock(mutex_);
  Queue* found = nullptr;
  for (Transfer* transfer = first_; transfer != nullptr; transfer = transfer->next) {
    const HostLayout& to = transfer->destination;
    if (to.data != nullptr && from < to.data + to.extent() && to.data < from + bytes) {
      found = transfer->queue;
      *sequence = transfer->sequence;
    }
  }
  if (found != nullptr) {
    Hold(found);
    *queue = found;
  }
  return found != nullptr;
}

void DeferredWork::AddRelease(Memory* memory) {
  const wire::FutexLock lock(releases_mutex_);
  memory->next_dying = dying_;
  dying_ = memory;
  releases_.fetch_add(1, std::memory_order_release);
}

bool DeferredWork::WaitForRelease() {
  Memory* memory = nullptr;
  {
    const wire::FutexLock lock(releases_mutex_);
    memory = dying_;
    if (memory == nullptr) {
      return false;
    }
    dying_ = memory->next_dying;
    releases_.fetch_sub(1, std::memory_order_release);
  }
  session_->WaitStatus(memory->release_slot, CL_COMPLETE);
  FinishMemory(memory);
  return true;
}

void DeferredWork::SettleReleases() {
  if (!HasReleases() || session_->lost()) {
    return;
  }
  Memory* gone = nullptr;
  {
    const wire::FutexLock lock(releases_mutex_);
    Memory** link = &dying_;
    while (*link != nullptr) {
      Memory* memory = *link;
      if (session_->status(memory->release_slot).status.load(std::memory_order_acquire) > CL_COMPLETE) {
        link = &memory->next_dying;
        continue;
      }
      *link = memory->next_dying;
      memory->next_dying = gone;
      gone = memory;
      releases_.fetch_sub(1, std::memory_order_release);
    }
  }
  while (gone != nullptr) {
    Memory* next = gone->next_dying;
    FinishMemory(gone);
    gone = next;
  }
}

}  // namespace flexai::shim
