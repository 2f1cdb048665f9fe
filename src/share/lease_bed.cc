#include "share/lease_bed.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <deque>

#include "os/event_counter.h"

namespace flexai::share {

struct LeaseBed::Session {
  struct Command {
    int64_t work_ns = 0;
    int64_t predicted_ns = 0;
    bool report_start = false;
    int64_t start_ns = 0;
    double left_ns = 0;
    bool running = false;
  };

  size_t index = 0;
  VxpuId vxpu = 0;
  uint32_t slot = 0;
  Workload workload;
  Random random{1};
  std::unique_ptr<LeaseClient> lease;
  os::Mapping forged;
  os::UniqueFd doorbell;
  bool alive = true, condemned = false, frozen = false;
  std::deque<Command> ready;      // decoded, not submitted
  std::deque<Command> submitted;  // in the native queue; the front may run
  bool head_posted = false;
  bool first = true;
  int burst_left = 0;  // commands of the burst that have not ended
  int64_t burst_began = 0;
  bool engine_posted = false;
  uint64_t engine_timer = 0;
  std::array<uint32_t, 2> bells{};
  std::vector<Completion> completions;
  std::vector<BurstTime> bursts;
};

LeaseBed::LeaseBed(const BedOptions& options) : options_(options), random_(options.seed) {
  auto table = LeaseTable::Create({[this](uint32_t slot, bool frozen) {
                                     AdvanceDevice();
                                     for (Session* session : live_) {
                                       if (session->alive && session->slot == slot) {
                                         session->frozen = frozen;
                                         if (!frozen) {
                                           WakeEngine(*session);
                                         }
                                       }
                                     }
                                     ArmDevice();
                                   },
                                   [this](uint32_t slot, const std::string&) {
                                     for (Session* session : live_) {
                                       if (session->alive && session->slot == slot) {
                                         session->condemned = true;
                                         Post(now() + 1, [this, i = session->index] { Kill(i); });
                                       }
                                     }
                                   }});
  assert(table.ok());
  table_ = *std::move(table);
  options_.arbiter.seed = options.seed;
  arbiter_ = std::make_unique<Arbiter>(options_.arbiter, *table_);
}

LeaseBed::~LeaseBed() = default;

VxpuId LeaseBed::AddVxpu(const ComputeShare& share) {
  arbiter_->AddVxpu(next_vxpu_, share, clock_.Now());
  return next_vxpu_++;
}

void LeaseBed::Resize(VxpuId vxpu, const ComputeShare& share) {
  arbiter_->ResizeVxpu(vxpu, share, clock_.Now());
  RunKeeper();
}

size_t LeaseBed::AddSession(VxpuId vxpu, Workload workload) {
  auto session = std::make_unique<Session>();
  session->index = sessions_.size();
  session->vxpu = vxpu;
  session->workload = std::move(workload);
  session->random = Random(options_.seed * 1000 + session->index);
  auto slot = table_->Open({{vxpu, {}, {1 << 30}}});
  assert(slot.ok());
  session->slot = *slot;
  auto client = LeaseClient::Open(std::move(table_->Fds(*slot).value()), clock_);
  assert(client.ok());
  session->lease = *std::move(client);
  arbiter_->AddClient(ClientOf(*slot, 0), vxpu, clock_.Now());
  sessions_.push_back(std::move(session));
  Session& added = *sessions_.back();
  live_.push_back(&added);
  Post(std::max(now(), added.workload.start_at_ns), [this, &added] {
    Refill(added);
    WakeEngine(added);
  });
  return added.index;
}

void LeaseBed::Kill(size_t index) {
  Session& session = *sessions_[index];
  if (!session.alive) {
    return;
  }
  AdvanceDevice();
  session.alive = false;
  std::erase(live_, &session);
  session.submitted.clear();
  session.ready.clear();
  arbiter_->RemoveClient(ClientOf(session.slot, 0), clock_.Now());
  table_->Close(session.slot);
  session.lease.reset();
  ArmDevice();
  RunKeeper();
}

bool LeaseBed::Condemned(size_t session) const { return sessions_[session]->condemned; }
OwnPage& LeaseBed::Forge(size_t index) {
  Session& session = *sessions_[index];
  if (!session.forged.valid()) {
    LeaseFds fds = std::move(table_->Fds(session.slot).value());
    session.forged =
        std::move(os::Mapping::Map(fds.own_page, sizeof(OwnPage), os::Mapping::Access::kReadWrite).value());
    session.doorbell = std::move(fds.doorbell);
  }
  os::RingEventCounter(session.doorbell);
  return *reinterpret_cast<OwnPage*>(session.forged.data());
}

const std::vector<Completion>& LeaseBed::Completions(size_t s) const { return sessions_[s]->completions; }
const std::vector<BurstTime>& LeaseBed::Bursts(size_t s) const { return sessions_[s]->bursts; }

double LeaseBed::WorkNs(size_t session, int64_t from, int64_t to) const {
  double sum = 0;
  const auto& log = sessions_[session]->completions;
  auto at = std::lower_bound(log.begin(), log.end(), from,
                             [](const Completion& c, int64_t time) { return c.at_ns < time; });
  for (; at != log.end() && at->at_ns < to; ++at) {
    sum += static_cast<double>(at->work_ns);
  }
  return sum;
}

void LeaseBed::Post(int64_t at, std::function<void()> run) { events_.push({at, order_++, std::move(run)}); }

int64_t LeaseBed::WakeDelay() {
  return random_.Below(50) == 0 ? options_.late_wake_ns
                                : random_.Between(options_.wake_low_ns, options_.wake_high_ns);
}

void LeaseBed::RunUntil(int64_t until) {
  AfterEvent();
  while (!events_.empty() && events_.top().at <= until) {
    const Event event = events_.top();
    events_.pop();
    clock_.Set({std::max(event.at, now())});
    event.run();
    AfterEvent();
  }
  clock_.Set({until});
}

// Whoever was rung by the event wakes up later.
void LeaseBed::AfterEvent() {
  bool rung = false;
  for (Session* session : live_) {
    if (!session->alive) {
      continue;
    }
    if (os::DrainEventCounter(table_->Doorbell(session->slot))) {
      arbiter_->Look(ClientOf(session->slot, 0), clock_.Now());
      rung = true;
    }
    const auto words = session->lease->WakeWords();
    for (size_t i = 0; i < words.size(); ++i) {
      if (const uint32_t value = words[i]->load(); value != session->bells[i]) {
        session->bells[i] = value;
        WakeEngine(*session);
      }
    }
  }
  if (rung && !keeper_posted_) {
    keeper_posted_ = true;
    Post(now() + WakeDelay() + options_.keeper_ns, [this] { RunKeeper(); });
  }
}

void LeaseBed::RunKeeper() {
  keeper_posted_ = false;
  ++keeper_passes_;
  for (Session* session : live_) {
    if (session->alive) {
      arbiter_->Look(ClientOf(session->slot, 0), clock_.Now());
    }
  }
  arbiter_->Decide(clock_.Now());
  const uint64_t generation = ++keeper_timer_;
  const int64_t at = arbiter_->NextDeadline().value;
  if (at != INT64_MAX) {
    Post(std::max(at, now()) + WakeDelay(), [this, generation] {
      if (generation == keeper_timer_) {
        RunKeeper();
      }
    });
  }
}

void LeaseBed::WakeEngine(Session& session) {
  if (!session.engine_posted) {
    session.engine_posted = true;
    Post(now() + WakeDelay(), [this, &session] { RunEngine(session); });
  }
}

void LeaseBed::RunEngine(Session& session) {
  session.engine_posted = false;
  if (!session.alive || session.frozen) {
    return;
  }
  if (session.lease->Deadline().value <= now()) {
    session.lease->OnDeadline();
  }
  if (session.workload.burst == 0) {
    Refill(session);
  }
  int64_t busy = 0;
  while (!session.ready.empty()) {
    Session::Command command = session.ready.front();
    const Entry entry = session.lease->TryEnter(0, {command.predicted_ns});
    if (entry == Entry::kNo) {
      break;
    }
    session.ready.pop_front();
    command.report_start = entry == Entry::kYesReportStart;
    busy += options_.submit_ns;
    session.submitted.push_back(command);
    if (session.submitted.size() == 1) {
      QueueHead(session, busy + options_.start_ns);
    }
    if (session.workload.burst == 0) {
      Refill(session);
    }
  }
  if (session.ready.empty()) {
    session.lease->Idle(0);
  }
  ArmEngine(session);
}

void LeaseBed::ArmEngine(Session& session) {
  const uint64_t generation = ++session.engine_timer;
  const int64_t at = session.lease->Deadline().value;
  if (at != INT64_MAX) {
    Post(std::max(at, now()) + options_.wake_low_ns / 2, [this, &session, generation] {
      if (session.alive && generation == session.engine_timer) {
        RunEngine(session);
      }
    });
  }
}

// The command at the head of the native queue begins after `delay`.
void LeaseBed::QueueHead(Session& session, int64_t delay) {
  if (session.head_posted || session.submitted.empty()) {
    return;
  }
  session.head_posted = true;
  if (session.first) {
    delay += session.workload.first_compile_ns;
    session.first = false;
  }
  Post(now() + delay, [this, &session] { StartCommand(session); });
}

void LeaseBed::StartCommand(Session& session) {
  session.head_posted = false;
  if (!session.alive || session.submitted.empty()) {
    return;
  }
  if (session.frozen) {
    QueueHead(session, 100'000);
    return;
  }
  AdvanceDevice();
  Session::Command& command = session.submitted.front();
  command.running = true;
  command.start_ns = now();
  command.left_ns = static_cast<double>(command.work_ns);
  if (command.report_start) {
    session.lease->Started(0, clock_.Now());
  }
  ArmDevice();
}

void LeaseBed::FinishCommand(Session& session) {
  const Session::Command command = session.submitted.front();
  session.submitted.pop_front();
  QueueHead(session, options_.gap_ns);
  session.completions.push_back({now(), command.work_ns});
  const auto claimed =
      static_cast<int64_t>(session.workload.claimed * static_cast<double>(now() - command.start_ns));
  if (session.lease->Finished(0, {command.predicted_ns}, {now() - claimed}, clock_.Now())) {
    WakeEngine(session);
  }
  if (session.workload.burst > 0 && --session.burst_left == 0) {
    session.bursts.push_back({session.burst_began, now()});
    Post(now() + session.workload.think(session.random), [this, &session] {
      if (session.alive) {
        Refill(session);
        WakeEngine(session);
      }
    });
  } else if (session.workload.burst == 0 && session.ready.empty()) {
    WakeEngine(session);
  }
}

// Moves all running commands forward to the present.
void LeaseBed::AdvanceDevice() {
  const double elapsed = static_cast<double>(now() - device_at_);
  device_at_ = now();
  size_t running = 0;
  const auto runs = [](const Session& s) {
    return s.alive && !s.frozen && !s.submitted.empty() && s.submitted.front().running;
  };
  for (const Session* session : live_) {
    running += runs(*session) ? 1 : 0;
  }
  if (running == 0 || elapsed <= 0) {
    return;
  }
  busy_ns_ += elapsed;
  for (Session* session : live_) {
    if (runs(*session)) {
      session->submitted.front().left_ns -= elapsed / static_cast<double>(running);
    }
  }
}

void LeaseBed::ArmDevice() {
  size_t running = 0;
  double least = 1e18;
  for (const Session* session : live_) {
    if (session->alive && !session->frozen && !session->submitted.empty() &&
        session->submitted.front().running) {
      ++running;
      least = std::min(least, session->submitted.front().left_ns);
    }
  }
  const uint64_t generation = ++device_timer_;
  if (running == 0) {
    return;
  }
  const auto wait = static_cast<int64_t>(std::ceil(std::max(0.0, least) * static_cast<double>(running)));
  Post(now() + wait, [this, generation] {
    if (generation != device_timer_) {
      return;
    }
    AdvanceDevice();
    for (Session* session : live_) {
      constexpr double kDone = 0.5;
      if (session->alive && !session->frozen && !session->submitted.empty() &&
          session->submitted.front().running && session->submitted.front().left_ns < kDone) {
        FinishCommand(*session);
      }
    }
    ArmDevice();
  });
}

// The client enqueues its next burst; a saturating one keeps a few commands ahead.
void LeaseBed::Refill(Session& session) {
  constexpr size_t kAhead = 8;
  const bool saturating = session.workload.burst == 0;
  if (now() >= session.workload.stop_at_ns) {
    return;
  }
  size_t count = saturating ? kAhead - std::min(kAhead, session.ready.size())
                            : static_cast<size_t>(session.workload.burst);
  if (!saturating) {
    session.burst_left = session.workload.burst;
    session.burst_began = now();
  }
  for (; count > 0; --count) {
    Session::Command command;
    command.work_ns = session.workload.next(session.random);
    const double error = 1 + session.workload.mispredict * (2 * session.random.Unit() - 1);
    const bool unknown = session.completions.empty() && session.submitted.empty() && session.ready.empty();
    command.predicted_ns = unknown ? 0 : static_cast<int64_t>(static_cast<double>(command.work_ns) * error);
    session.ready.push_back(command);
  }
}

double WorstExcessPoints(const LeaseBed& bed, const std::vector<double>& shares, int64_t from, int64_t to,
                         int64_t window_ns, double slack_points, double slack_of_due, int64_t longest_ns) {
  double worst = -1e9;
  const double window = static_cast<double>(window_ns);
  for (int64_t begin = from; begin + window_ns <= to; begin += window_ns / 2) {
    for (size_t i = 0; i < shares.size(); ++i) {
      const double due = shares[i] * 100;
      const double got = bed.WorkNs(i, begin, begin + window_ns) / window * 100;
      const double allowed =
          std::max(slack_points, slack_of_due * due) + static_cast<double>(longest_ns) / window * 100;
      worst = std::max(worst, std::abs(got - due) - allowed);
    }
  }
  return worst;
}

}  // namespace flexai::share
