// A tenant that always has work: what it got is read from the times at which its kernels completed.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <iostream>
#include <sstream>
#include <vector>

#include "client/commands.h"

namespace flexai::bench {
namespace {

constexpr int64_t kBatchNs = 1000000;         // one event, one log entry for about this much work
constexpr int64_t kQueuedAheadNs = 10000000;  // work kept in the queue, and never less than two batches

struct Kind {
  uint32_t iterations = 0;
  int64_t solo_ns = 0;
  double weight = 1;  // of the work, within this tenant
  int64_t enqueued_ns = 0;
};

struct Batch {
  cl_event event = nullptr;
  int kind = 0;
  int kernels = 0;
  int64_t work_ns = 0;
};

// "iterations:solo_ns:weight,..."
std::vector<Kind> ParseMix(const std::string& text) {
  std::vector<Kind> mix;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    Kind kind;
    char colon;
    std::istringstream fields(part);
    if (!(fields >> kind.iterations >> colon >> kind.solo_ns >> colon >> kind.weight) || kind.solo_ns <= 0) {
      Fail("a tenant's kernel must be iterations:solo_ns:weight, not " + part);
    }
    mix.push_back(kind);
  }
  if (mix.empty()) {
    Fail("a tenant needs a kernel");
  }
  return mix;
}

// Keeps a queue full and says when each batch was done.
class Feeder {
 public:
  Feeder(Session& session, std::vector<Kind> mix) : session_(session), mix_(std::move(mix)) {}

  void Fill() {
    while (queued_.size() < 2 || queued_ns_ < kQueuedAheadNs) {
      Enqueue();
    }
  }

  // Waits for the oldest batch; its work is off the queue.
  Batch WaitForOldest() {
    Batch batch = queued_.front();
    queued_.pop_front();
    queued_ns_ -= batch.work_ns;
    session_.Await(batch.event);
    return batch;
  }

  bool empty() const { return queued_.empty(); }

 private:
  // The kind that is furthest behind its part of the work comes next.
  void Enqueue() {
    const auto behind = [](const Kind& a, const Kind& b) {
      return static_cast<double>(a.enqueued_ns) / a.weight < static_cast<double>(b.enqueued_ns) / b.weight;
    };
    const auto next = std::min_element(mix_.begin(), mix_.end(), behind);
    Batch batch{.event = nullptr,
                .kind = static_cast<int>(next - mix_.begin()),
                .kernels = static_cast<int>(std::max<int64_t>(1, kBatchNs / next->solo_ns)),
                .work_ns = 0};
    for (int i = 0; i < batch.kernels; ++i) {
      session_.Spin(next->iterations, i + 1 == batch.kernels ? &batch.event : nullptr);
    }
    session_.Flush();
    batch.work_ns = batch.kernels * next->solo_ns;
    next->enqueued_ns += batch.work_ns;
    queued_ns_ += batch.work_ns;
    queued_.push_back(batch);
  }

  Session& session_;
  std::vector<Kind> mix_;
  std::deque<Batch> queued_;
  int64_t queued_ns_ = 0;
};

bool InputWaits() {
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  return std::cin.rdbuf()->in_avail() > 0 || poll(&input, 1, 0) > 0;
}

}  // namespace

Json Tenant(Session& session, std::istream& arguments) {
  int64_t start_ns = 0;
  int64_t duration_ns = 0;
  std::string mix;
  if (!(arguments >> start_ns >> duration_ns >> mix)) {
    Fail("tenant needs start_ns, duration_ns and its kernels");
  }
  Feeder feeder(session, ParseMix(mix));
  Json completions = Json::array();
  SleepUntilNs(start_ns);
  while (NowNs() < start_ns + duration_ns || completions.size() < 2) {
    feeder.Fill();
    const Batch done = feeder.WaitForOldest();
    completions.push_back({NowNs(), done.kind, done.kernels});
  }
  while (!feeder.empty()) {
    feeder.WaitForOldest();
  }
  return {{"completions", completions}};
}

Json Burn(Session& session, std::istream& arguments) {
  uint32_t iterations = 0;
  int64_t solo_ns = 0;
  if (!(arguments >> iterations >> solo_ns)) {
    Fail("burn needs iterations and solo_ns");
  }
  Feeder feeder(session, {Kind{.iterations = iterations, .solo_ns = solo_ns}});
  int64_t kernels = 0;
  const int64_t start = NowNs();
  while (!InputWaits()) {
    feeder.Fill();
    kernels += feeder.WaitForOldest().kernels;
  }
  const double seconds = static_cast<double>(NowNs() - start) / 1e9;
  while (!feeder.empty()) {
    feeder.WaitForOldest();
  }
  std::string stop;
  std::getline(std::cin, stop);
  return {{"kernels", kernels}, {"seconds", seconds}};
}

}  // namespace flexai::bench
