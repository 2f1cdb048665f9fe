// LeaseClient against LeaseTable: the protocol of the pages step by step, and under threads.
#include "share/lease_client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "os/event_counter.h"
#include "os/futex.h"
#include "os/monotonic_clock.h"
#include "share/arbiter.h"
#include "share/lease_table.h"
#include "share/standalone_lease.h"

namespace flexai::share {
namespace {

constexpr int64_t kUs = 1000;
constexpr int64_t kMs = 1'000'000;

std::unique_ptr<LeaseTable> MakeTable() {
  return std::move(LeaseTable::Create({[](uint32_t, bool) {}, [](uint32_t, const std::string&) {}}).value());
}

class LeaseClientTest : public ::testing::Test {
 protected:
  LeaseClientTest() {
    clock_.Set({1000 * kMs});
    table_ = MakeTable();
    a_ = OpenClient(1);
    b_ = OpenClient(2);
  }

  std::unique_ptr<LeaseClient> OpenClient(size_t lanes) {
    const uint32_t slot = table_->Open(std::vector<LeaseTable::LaneTerms>(lanes)).value();
    return std::move(LeaseClient::Open(std::move(table_->Fds(slot).value()), clock_).value());
  }

  Grant Open(uint64_t lease) const {
    Grant grant;
    grant.lease = lease;
    grant.until_used_ns = kUnlimitedNs;
    grant.hold_ns = kUnlimitedNs;
    grant.in_flight_limit_ns = 2 * kMs;
    return grant;
  }

  // A command from `start` for `length`, submitted and ended.
  void RunCommand(LeaseClient& client, uint32_t lane, int64_t length) {
    ASSERT_NE(client.TryEnter(lane, {length}), Entry::kNo);
    const Nanos start = clock_.Now();
    clock_.Advance({length});
    static_cast<void>(client.Finished(lane, {length}, start, clock_.Now()));
  }

  bool Rang(uint32_t slot) { return os::DrainEventCounter(table_->Doorbell(slot)); }

  ManualClock clock_;
  std::unique_ptr<LeaseTable> table_;
  std::unique_ptr<LeaseClient> a_;  // slot 0, one lane
  std::unique_ptr<LeaseClient> b_;  // slot 1, two lanes
};

constexpr ClientId kA = ClientOf(0, 0);
constexpr ClientId kB0 = ClientOf(1, 0);
constexpr ClientId kB1 = ClientOf(1, 1);

TEST_F(LeaseClientTest, WithoutALeaseItAsksOnce) {
  EXPECT_EQ(a_->TryEnter(0, {kMs}), Entry::kNo);
  EXPECT_TRUE(Rang(0));
  EXPECT_TRUE(table_->Read(kA).want);
  EXPECT_EQ(a_->TryEnter(0, {kMs}), Entry::kNo);
  EXPECT_FALSE(Rang(0));
  a_->Idle(0);
  EXPECT_FALSE(table_->Read(kA).want);
}

TEST_F(LeaseClientTest, AnOpenLeaseIsEnteredAndLeftWithoutTheKeeper) {
  table_->Issue(kA, Open(1));
  EXPECT_EQ(a_->TryEnter(0, {kMs}), Entry::kYesReportStart);
  EXPECT_EQ(a_->TryEnter(0, {kMs}), Entry::kYes);
  EXPECT_EQ(a_->TryEnter(0, {kMs}), Entry::kNo) << "enough in flight";
  const Nanos start = clock_.Now();
  clock_.Advance({kMs});
  EXPECT_TRUE(a_->Finished(0, {kMs}, start, clock_.Now()));
  a_->Idle(0);
  static_cast<void>(a_->Finished(0, {kMs}, clock_.Now(), clock_.Now() + Nanos{kMs}));
  EXPECT_FALSE(Rang(0));
  EXPECT_EQ(table_->Read(kA).used_ns, 2u * kMs);
  EXPECT_EQ(table_->Read(kA).lease_done, 0u);
}

TEST_F(LeaseClientTest, AnIdleLeaseIsTakenBackAtOnce) {
  table_->Issue(kA, Open(1));
  RunCommand(*a_, 0, kMs);
  a_->Idle(0);
  table_->Revoke(kA, 1);
  EXPECT_EQ(table_->Read(kA).running, 0u);
  EXPECT_EQ(a_->TryEnter(0, {kMs}), Entry::kNo);
  EXPECT_TRUE(Rang(0));
  EXPECT_EQ(table_->Read(kA).lease_done, 1u);
}

TEST_F(LeaseClientTest, ARevokedLeaseIsGivenBackAfterItsCommands) {
  table_->Issue(kA, Open(1));
  ASSERT_NE(a_->TryEnter(0, {kMs}), Entry::kNo);
  table_->Revoke(kA, 1);
  EXPECT_EQ(a_->TryEnter(0, {kMs}), Entry::kNo);
  EXPECT_EQ(table_->Read(kA).lease_done, 0u);
  EXPECT_FALSE(a_->Finished(0, {kMs}, clock_.Now(), clock_.Now() + Nanos{kMs}));
  EXPECT_EQ(table_->Read(kA).lease_done, 1u);
  EXPECT_TRUE(Rang(0));
}

TEST_F(LeaseClientTest, ASpentLeasePassesToTheSuccessorOnly) {
  Grant spent = Open(1);
  spent.until_used_ns = kMs;
  spent.hold_ns = 0;
  table_->Issue(kA, spent);
  Grant pending = Open(7);
  pending.pass_token = 99;
  table_->Issue(kB1, pending);
  table_->SetSuccessor(kA, 1, kB1, 99);
  EXPECT_EQ(b_->TryEnter(1, {kMs}), Entry::kNo) << "not passed yet";
  const uint32_t bell = b_->WakeWords()[1]->load();
  RunCommand(*a_, 0, kMs);
  EXPECT_NE(b_->WakeWords()[1]->load(), bell);
  EXPECT_EQ(table_->Read(kA).lease_done, 1u);
  EXPECT_EQ(b_->TryEnter(0, {kMs}), Entry::kNo) << "the other lane";
  EXPECT_EQ(b_->TryEnter(1, {kMs}), Entry::kYesReportStart);
  EXPECT_EQ(table_->Read(kB1).lease_taken, 7u);
}

TEST_F(LeaseClientTest, ASuccessorOfAnEarlierLeaseIsNotPassedTo) {
  Grant spent = Open(2);
  spent.until_used_ns = kMs;
  table_->Issue(kA, spent);
  Grant pending = Open(1);
  pending.pass_token = 99;
  table_->Issue(kB0, pending);
  table_->SetSuccessor(kA, 1, kB0, 99);
  RunCommand(*a_, 0, kMs);
  EXPECT_EQ(b_->TryEnter(0, {kMs}), Entry::kNo);
}

TEST_F(LeaseClientTest, PassesOnJustBeforeTheLastCommandEnds) {
  Grant grant = Open(1);
  grant.until_used_ns = kMs;
  grant.pass_lead_ns = 20 * kUs;
  table_->Issue(kA, grant);
  table_->SetSuccessor(kA, 1, kB0, 5);
  ASSERT_EQ(a_->TryEnter(0, {kMs}), Entry::kYesReportStart);
  EXPECT_EQ(a_->Deadline().value, kUnlimitedNs) << "it does not run yet";
  a_->Started(0, clock_.Now());
  EXPECT_EQ(a_->Deadline().value, clock_.Now().value + kMs - 20 * kUs);
  clock_.Advance({kMs - 20 * kUs});
  a_->OnDeadline();
  EXPECT_EQ(table_->Read(kA).lease_done, 1u);
  EXPECT_EQ(table_->Read(kA).running, 1u);
}

TEST_F(LeaseClientTest, OneInterruptedCommandDoesNotKeepItFromPassingOnEarly) {
  Grant grant = Open(1);
  grant.until_used_ns = 5 * kMs;  // of an interrupted command, and one more
  grant.pass_lead_ns = 20 * kUs;
  table_->Issue(kA, grant);
  table_->SetSuccessor(kA, 1, kB0, 5);
  ASSERT_EQ(a_->TryEnter(0, {kMs}), Entry::kYesReportStart);
  const Nanos start = clock_.Now();
  a_->Started(0, start);
  clock_.Advance({4 * kMs});  // instead of 1 ms
  static_cast<void>(a_->Finished(0, {kMs}, start, clock_.Now()));
  ASSERT_EQ(a_->TryEnter(0, {kMs}), Entry::kYes);
  EXPECT_EQ(a_->Deadline().value, clock_.Now().value + kMs - 20 * kUs);
}

TEST_F(LeaseClientTest, HoldsAnIdleLeaseOnlyIfItsGapsAreShort) {
  Grant grant = Open(1);
  grant.hold_ns = 50 * kUs;
  table_->Issue(kA, grant);
  for (int i = 0; i < 8; ++i) {
    RunCommand(*a_, 0, kMs);
    a_->Idle(0);
    if (table_->Read(kA).lease_done == grant.lease) {  // not yet known to come back soon
      ++grant.lease;
      table_->Issue(kA, grant);
    }
    clock_.Advance({20 * kUs});
  }
  RunCommand(*a_, 0, kMs);
  a_->Idle(0);
  EXPECT_LT(table_->Read(kA).lease_done, grant.lease);
  EXPECT_EQ(a_->Deadline().value, clock_.Now().value + 50 * kUs);
  clock_.Advance({50 * kUs});
  a_->OnDeadline();
  EXPECT_EQ(table_->Read(kA).lease_done, grant.lease);
}

TEST_F(LeaseClientTest, ALeaseThatComesForNothingIsGivenBack) {
  EXPECT_EQ(a_->TryEnter(0, {kMs}), Entry::kNo);
  a_->Idle(0);
  Grant grant = Open(1);
  grant.hold_ns = 0;
  table_->Issue(kA, grant);
  a_->Idle(0);
  EXPECT_EQ(table_->Read(kA).lease_done, 1u);
}

TEST_F(LeaseClientTest, AnUnknownCommandRunsAloneAndIsReported) {
  table_->Issue(kA, Open(1));
  EXPECT_EQ(a_->TryEnter(0, {kMs}), Entry::kYesReportStart);
  EXPECT_EQ(a_->TryEnter(0, {0}), Entry::kNo);
  EXPECT_TRUE(a_->Finished(0, {kMs}, clock_.Now(), clock_.Now() + Nanos{kMs}));
  EXPECT_EQ(a_->TryEnter(0, {0}), Entry::kYesReportStart);
  EXPECT_EQ(table_->Read(kA).head_start_ns, 0);
  a_->Abandon(0, {0});
  EXPECT_EQ(table_->Read(kA).running, 0u);
}

TEST_F(LeaseClientTest, OverlappingCommandsAreCountedOnce) {
  table_->Issue(kA, Open(1));
  ASSERT_NE(a_->TryEnter(0, {kMs}), Entry::kNo);
  ASSERT_NE(a_->TryEnter(0, {kMs}), Entry::kNo);
  const int64_t at = clock_.Now().value;
  static_cast<void>(a_->Finished(0, {kMs}, {at}, {at + kMs}));
  static_cast<void>(a_->Finished(0, {kMs}, {at + kMs / 2}, {at + kMs + kMs / 4}));
  EXPECT_EQ(table_->Read(kA).used_ns, static_cast<uint64_t>(kMs + kMs / 4));
}

TEST_F(LeaseClientTest, ChargesWaitForTheKeeperAndReleasesDoNot) {
  std::thread keeper([&] {
    for (const Code code : {Code::kOk, Code::kResourceExhausted}) {
      while (!table_->PendingCharge(kB1)) {
        std::this_thread::yield();
      }
      EXPECT_EQ(table_->PendingCharge(kB1)->value, 4096u);
      table_->AnswerCharge(kB1, code, {123});
    }
  });
  EXPECT_TRUE(b_->Charge(1, 4096).ok());
  EXPECT_EQ(b_->Available(1).value, 123u);
  const Status refused = b_->Charge(1, 4096);
  EXPECT_EQ(refused.code(), Code::kResourceExhausted);
  EXPECT_EQ(refused.message(), "4.0 KiB of device memory do not fit: 123 B of the vXPU's quota are left");
  keeper.join();
  EXPECT_TRUE(b_->Charge(1, -4096).ok());
  EXPECT_EQ(table_->TakeReleased(kB1).value, 4096u);
  EXPECT_EQ(table_->TakeReleased(kB1).value, 0u);
}

TEST_F(LeaseClientTest, PagesOfAnotherKindAreRefused) {
  LeaseFds fds = std::move(table_->Fds(0).value());
  std::swap(fds.grant_page, fds.own_page);
  EXPECT_FALSE(LeaseClient::Open(std::move(fds), clock_).ok());
}

TEST(StandaloneLease, CountsMemoryOnly) {
  StandaloneLease lease(std::vector<Bytes>{{100}});
  EXPECT_EQ(lease.TryEnter(0, {0}), Entry::kYes);
  EXPECT_TRUE(lease.Charge(0, 60).ok());
  EXPECT_EQ(lease.Charge(0, 41).code(), Code::kResourceExhausted);
  EXPECT_TRUE(lease.Charge(0, -60).ok());
  EXPECT_EQ(lease.Available(0).value, 100u);
}

// Executors as threads with a thread for callbacks each, and a keeper: everybody gets on, whatever the
// interleaving.
class ThreadedExecutor {
 public:
  ThreadedExecutor(std::unique_ptr<LeaseClient> lease, const std::atomic<bool>& stop)
      : lease_(std::move(lease)),
        stop_(stop),
        device_([this] { RunDevice(); }),
        engine_([this] { RunEngine(); }) {}
  ~ThreadedExecutor() {
    engine_.join();
    device_.join();
  }
  uint64_t finished() const { return finished_.load(); }

 private:
  static constexpr int64_t kCommandNs = 30 * kUs;

  void RunEngine() {
    while (!stop_) {
      const uint32_t bell = bell_.load();
      const auto words = lease_->WakeWords();
      const os::FutexCondition conditions[] = {
          {words[0], words[0]->load()}, {words[1], words[1]->load()}, {&bell_, bell}};
      while (lease_->TryEnter(0, {kCommandNs}) != Entry::kNo) {
        submitted_.fetch_add(1);
        os::FutexWake(submitted_);
      }
      const int64_t left = lease_->Deadline().value - clock_.Now().value;
      if (left <= 0) {
        lease_->OnDeadline();
      } else {
        os::FutexWaitAny(conditions, 3, std::min<int64_t>(left, 50 * kMs));
      }
    }
  }

  void RunDevice() {
    for (uint32_t done = 0; !stop_;) {
      if (submitted_.load() == done) {
        os::FutexWait(submitted_, done, kMs);
        continue;
      }
      const Nanos start = clock_.Now();
      lease_->Started(0, start);
      std::this_thread::sleep_for(std::chrono::nanoseconds(kCommandNs));
      ++done;
      finished_.fetch_add(1);
      if (lease_->Finished(0, {kCommandNs}, start, clock_.Now())) {
        bell_.fetch_add(1);
        os::FutexWake(bell_);
      }
    }
  }

  os::MonotonicClock clock_;
  std::unique_ptr<LeaseClient> lease_;
  const std::atomic<bool>& stop_;
  std::atomic<uint32_t> bell_{0}, submitted_{0};
  std::atomic<uint64_t> finished_{0};
  std::thread device_, engine_;
};

constexpr uint64_t kEnoughCommands = 300;

TEST(LeaseThreads, EverybodyGetsOn) {
  constexpr uint32_t kExecutors = 3;
  const os::MonotonicClock clock;
  auto table = MakeTable();
  Arbiter arbiter({}, *table);
  std::atomic<bool> stop{false};
  std::vector<std::unique_ptr<ThreadedExecutor>> executors;
  for (uint32_t i = 0; i < kExecutors; ++i) {
    const uint32_t slot = table->Open({{}}).value();
    arbiter.AddVxpu(i + 1, {{100 * (i + 1)}, kWholeDevice, Priority::kNormal}, clock.Now());
    arbiter.AddClient(ClientOf(slot, 0), i + 1, clock.Now());
    executors.push_back(std::make_unique<ThreadedExecutor>(
        std::move(LeaseClient::Open(std::move(table->Fds(slot).value()), clock).value()), stop));
  }
  const auto enough = [&executors] {
    return std::all_of(executors.begin(), executors.end(),
                       [](const auto& e) { return e->finished() >= kEnoughCommands; });
  };
  for (int round = 0; round < 1'000'000 && !enough(); ++round) {
    for (uint32_t slot = 0; slot < kExecutors; ++slot) {
      if (os::DrainEventCounter(table->Doorbell(slot))) {
        arbiter.Look(ClientOf(slot, 0), clock.Now());
      }
    }
    arbiter.Decide(clock.Now());
    std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
  stop = true;
  EXPECT_TRUE(enough());
  executors.clear();
}

}  // namespace
}  // namespace flexai::share
