#include "shim/opencl/notifier.h"

#include "os/guest.h"
#include "shim/opencl/host_memory.h"
#include "shim/opencl/session.h"

namespace flexai::shim {

bool Notifier::StartThread() {
  if (!started_) {
    started_ = os::StartGuestThread(&Notifier::Run, this);
  }
  return started_;
}

bool Notifier::Add(Watch* watch) {
  // The executor looks at `notify` after it stored the status, we look at the status after this: one of us
  // sees the other.
  if (watch->slot != wire::kNoSlot && !session_->forked()) {
    session_->status(watch->slot).notify.store(1, std::memory_order_seq_cst);
  }
  {
    const wire::FutexLock lock(mutex_);
    if (!StartThread()) {
      return false;
    }
    watch->next = nullptr;
    *end_ = watch;
    end_ = &watch->next;
  }
  Poke();
  return true;
}

void Notifier::Poke() {
  std::atomic<uint32_t>& word = session_->channel().header().notify_word;
  word.fetch_add(1, std::memory_order_seq_cst);
  os::FutexWake(word);
}

void* Notifier::Run(void* self) {
  static_cast<Notifier*>(self)->Loop();
  return nullptr;
}

// Takes out what is due. An event that went several steps at once tells them in the order of the steps.
Watch* Notifier::TakeDue(bool lost) {
  Watch* due = nullptr;
  const wire::FutexLock lock(mutex_);
  // Asked for from the last step back: a status may move on meanwhile, and no step is told before an earlier
  // one.
  for (cl_int step = CL_COMPLETE; step <= CL_SUBMITTED; ++step) {
    Watch* of_step = nullptr;
    Watch** of_step_end = &of_step;
    Watch** link = &first_;
    while (*link != nullptr) {
      Watch* watch = *link;
      const bool ready =
          watch->threshold == step &&
          (lost || watch->slot == wire::kNoSlot ||
           session_->status(watch->slot).status.load(std::memory_order_acquire) <= watch->threshold);
      if (!ready) {
        link = &watch->next;
        continue;
      }
      *link = watch->next;
      watch->next = nullptr;
      *of_step_end = watch;
      of_step_end = &watch->next;
    }
    end_ = link;
    *of_step_end = due;
    due = of_step;
  }
  return due;
}

void Notifier::TrimLater() {
  if (trim_wanted_.load(std::memory_order_relaxed)) {
    return;
  }
  bool started = false;
  {
    const wire::FutexLock lock(mutex_);
    started = StartThread();
  }
  if (!started) {
    session_->arena().Trim();
    return;
  }
  trim_wanted_.store(true, std::memory_order_relaxed);
  Poke();
}

void Notifier::TrimIfDue() {
  if (!trim_wanted_.load(std::memory_order_relaxed)) {
    return;
  }
  const uint64_t now = os::MonotonicNs();
  if (trim_at_ns_ == 0) {
    trim_at_ns_ = now + kTrimAfterNs;
  } else if (now >= trim_at_ns_) {
    trim_at_ns_ = 0;
    trim_wanted_.store(false, std::memory_order_relaxed);
    session_->arena().Trim();
  }
}

// How long the thread may sleep: for ever, unless it has something to look after.
int64_t Notifier::SleepLimit() {
  bool watching = false;
  {
    const wire::FutexLock lock(mutex_);
    watching = first_ != nullptr;
  }
  if (trim_at_ns_ != 0) {
    const uint64_t now = os::MonotonicNs();
    const auto left = static_cast<int64_t>(trim_at_ns_ > now ? trim_at_ns_ - now : 0);
    return watching && left > wire::ClientChannel::kPeerCheckNs ? wire::ClientChannel::kPeerCheckNs : left;
  }
  return watching ? wire::ClientChannel::kPeerCheckNs : -1;
}

void Notifier::Loop() {
  wire::ChannelHeader& header = session_->channel().header();
  header.notify_waiters.fetch_add(1, std::memory_order_seq_cst);
  for (;;) {
    const uint32_t seen = header.notify_word.load(std::memory_order_seq_cst);
    Watch* due = TakeDue(session_->lost());
    if (due == nullptr) {
      TrimIfDue();
      if (!os::FutexWait(header.notify_word, seen, SleepLimit())) {
        session_->channel().ExecutorEnded();
      }
      continue;
    }
    session_->deferred().Settle();
    while (due != nullptr) {
      Watch* watch = due;
      due = watch->next;
      cl_int status = watch->threshold;
      if (watch->slot != wire::kNoSlot) {
        const cl_int now = session_->status(watch->slot).status.load(std::memory_order_acquire);
        status = now < 0 ? now : now <= watch->threshold ? watch->threshold : CL_OUT_OF_RESOURCES;
      }
      watch->fire(watch, status);
      Delete(watch);
    }
  }
}

}  // namespace flexai::shim
