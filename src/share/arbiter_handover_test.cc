// Handovers step by step: what the arbiter publishes, against executors that the test plays by hand.
#include <gtest/gtest.h>

#include <map>

#include "share/arbiter.h"

namespace flexai::share {
namespace {

constexpr int64_t kUs = 1'000;
constexpr int64_t kMs = 1'000'000;
constexpr ClientId kA = 1, kB = 2;

// Plays the executors: holds what they claim and what they were told last.
class ScriptedPort final : public LeasePort {
 public:
  LaneView Read(ClientId client) override { return views[client]; }
  void Issue(ClientId client, const Grant& grant) override { grants[client] = grant; }
  void Adjust(ClientId client, const Grant& grant) override { grants[client] = grant; }
  void Ring(ClientId) override {}
  void Revoke(ClientId, uint64_t) override {}
  void SetSuccessor(ClientId, uint64_t, ClientId next, uint32_t) override { successor = next; }
  void Freeze(ClientId, bool) override {}
  void Condemn(ClientId client, const std::string& reason) override { FAIL() << client << ": " << reason; }

  std::map<ClientId, LaneView> views;
  std::map<ClientId, Grant> grants;
  ClientId successor = 0;
};

class Handover : public testing::Test {
 protected:
  Handover() : arbiter({}, port) {
    for (const ClientId id : {kA, kB}) {
      arbiter.AddVxpu(id, {{500}, {1000}, Priority::kNormal}, {0});
      arbiter.AddClient(id, id, {0});
      port.views[id].want = true;
    }
  }

  void DecideAt(int64_t ns) {
    for (const ClientId id : {kA, kB}) {
      arbiter.Look(id, {ns});
    }
    arbiter.Decide({ns});
  }

  // The client submits a command of 1 ms under its present lease.
  void Submit(ClientId id, int64_t start_ns) {
    LaneView& view = port.views[id];
    view.lease_taken = port.grants[id].lease;
    view.running = 1;
    view.in_flight_ns = kMs;
    view.head_entered_ns = view.head_start_ns = start_ns;
    view.first_start_ns = view.first_start_ns == 0 ? start_ns : view.first_start_ns;
  }

  void Finish(ClientId id, int64_t used_ns, int64_t end_ns) {
    LaneView& view = port.views[id];
    view.running = 0;
    view.in_flight_ns = 0;
    view.used_ns += static_cast<uint64_t>(used_ns);
    view.finished += 1;
    view.last_end_ns = end_ns;
  }

  ScriptedPort port;
  Arbiter arbiter;
};

TEST_F(Handover, ACommandAboutToEndDoesNotHoldUpTheNextTurn) {
  DecideAt(0);
  ASSERT_EQ(port.grants[kA].lease, 1u);
  Submit(kA, 10 * kUs);
  // It gives back 50 us before the end, and passes to nobody: B's claim comes later.
  port.views[kB].want = false;
  port.views[kA].want = false;
  DecideAt(900 * kUs);
  const uint64_t before = port.grants[kB].lease;
  port.views[kA].lease_done = 1;
  port.views[kB].want = true;
  DecideAt(960 * kUs);
  EXPECT_GT(port.grants[kB].lease, before) << "B waits for a command of 50 us";
}

TEST_F(Handover, APendingLeaseOutlivesAnInterruptedCommand) {
  DecideAt(0);
  Submit(kA, 10 * kUs);
  DecideAt(20 * kUs);
  ASSERT_EQ(port.successor, kB);
  // A gives back just before its command ends. B's worker then keeps A's off the processor, so that the
  // command takes 9 ms instead of 1.
  port.views[kA].lease_done = port.grants[kA].lease;
  Submit(kB, 980 * kUs);
  DecideAt(kMs);
  ASSERT_EQ(port.successor, kA) << "A is pending while its command still runs";
  Finish(kA, 9 * kMs, 9 * kMs + 10 * kUs);
  DecideAt(9 * kMs + 20 * kUs);
  const auto used = static_cast<int64_t>(port.views[kA].used_ns);
  EXPECT_GT(port.grants[kA].until_used_ns, used) << "A would give its lease back unused";
  EXPECT_NE(port.grants[kA].pass_token, 0u) << "and it is still pending";
}

}  // namespace
}  // namespace flexai::share
