// The keeper, a daemon that asks it for things, and sessions, with seeded faults in virtual time: programs
// and executors die, hang, lie and fail to load, daemons are replaced, requests are malformed. After every
// step the account must be right, and at the end everything must be free.
#include <gtest/gtest.h>

#include <cstdio>

#include "os/event_counter.h"
#include "os/memory.h"
#include "sim/world.h"

namespace flexai::sim {
namespace {

using nlohmann::json;

constexpr uint64_t kMiB = 1 << 20;

keeper::Options Device() {
  keeper::Options options;
  options.device = "sim-0";
  options.log_dir = "/nonexistent";
  options.memory = {4096 * kMiB};
  options.reserve = {256 * kMiB};
  options.session_overhead = {100 * kMiB};
  options.longest_command = Seconds(2);
  options.freeze = true;
  return options;
}

class Simulation {
 public:
  explicit Simulation(uint64_t seed)
      : world_(seed),
        executors_(world_),
        silent_(std::fopen("/dev/null", "w")),
        log_("sim", telemetry::LogLevel::kError, telemetry::LogLayout::kPlain, silent_),
        options_(Device()) {
    world_.clock.Set(Seconds(100));
    keeper_ =
        std::move(keeper::Keeper::Create(world_, executors_, log_, world_.clock, options_, seed).value());
    empty_ = Ask({{"op", "hello"}});
    world_.after_event = [this] { CheckAccount(); };
  }
  ~Simulation() {
    world_.after_event = nullptr;
    keeper_.reset();
    std::fclose(silent_);
  }

  void RunWithFaults(Nanos duration) {
    const Nanos end = world_.clock.Now() + duration;
    std::function<void()> act = [&, end] {
      if (world_.clock.Now() < end) {
        Act();
        world_.After({world_.random.Between(100'000, 30'000'000)}, act);
      }
    };
    world_.After(Nanos{0}, act);
    world_.RunUntil(end);
  }

  // Everything is given back: the device is as it was before.
  void EndAll() {
    for (auto& [id, program] : programs_) {
      os::RingEventCounter(program);
    }
    // Within a second, so that nothing waits for anybody: the promise about processes that are killed.
    world_.RunUntil(world_.clock.Now() + Seconds(1));
    EXPECT_TRUE(Ask({{"op", "stats"}}).at("sessions").empty());
    EXPECT_EQ(executors_.alive, 0u);
    bool done = false;
    keeper_->EndAll([&done] { done = true; });
    world_.RunUntil(world_.clock.Now() + Seconds(1));
    EXPECT_TRUE(done);
    const json after = Ask({{"op", "stats"}});
    EXPECT_EQ(after.at("free_bytes"), empty_.at("free_bytes"));
    EXPECT_EQ(after.at("free_share_permille"), 1000);
    EXPECT_EQ(unanswered_, 0);
  }

  uint64_t trace() const { return world_.trace; }
  const SimExecutors& executors() const { return executors_; }

 private:
  // An answer that comes at once; null for one that comes later.
  json Ask(const json& request, std::vector<os::UniqueFd> fds = {}) {
    // What comes later outlives this call, and must come exactly once.
    const auto answer = std::make_shared<json>();
    const auto answered = std::make_shared<bool>(false);
    ++unanswered_;
    keeper_->Handle(request, std::move(fds), [this, answer, answered](const keeper::Answer& reply) {
      EXPECT_FALSE(std::exchange(*answered, true)) << "answered twice";
      --unanswered_;
      *answer = reply.body;
      EXPECT_TRUE(reply.status.ok() || !reply.status.message().empty());
    });
    return *answer;
  }

  void Act() {
    switch (world_.random.Below(10)) {
      case 0:
      case 1:
        Ask({{"op", "create_vxpu"},
             {"id", AnyVxpu()},
             {"owner_uid", world_.random.Below(3)},
             {"request_permille", world_.random.Below(600)},
             {"memory_bytes", world_.random.Below(1500) * kMiB},
             {"priority", AnyPriority()}});
        break;
      case 2:
        Ask({{"op", "resize_vxpu"},
             {"id", AnyVxpu()},
             {"request_permille", world_.random.Below(700)},
             {"memory_bytes", world_.random.Below(1500) * kMiB}});
        break;
      case 3:
        if (world_.random.Below(4) == 0) {
          Ask({{"op", "remove_vxpu"}, {"id", AnyVxpu()}});
        }
        break;
      case 4:
      case 5:
      case 6:
        StartSession();
        break;
      case 7:
        Ask({{"op", "end_session"}, {"session", world_.random.Below(next_session_) + 1}});
        break;
      case 8:
        KillSomething();
        break;
      case 9:
        Malformed();
        break;
    }
  }

  uint64_t AnyVxpu() { return world_.random.Below(5) + 1; }
  std::string AnyPriority() {
    const char* names[] = {"low", "normal", "high", "urgent"};
    return names[world_.random.Below(4)];
  }

  void StartSession() {
    const uint64_t id = next_session_++;
    std::vector<os::UniqueFd> fds;
    for (int i = 0; i < 4; ++i) {
      fds.push_back(std::move(os::CreateEventCounter().value()));
    }
    programs_[id] = std::move(os::DuplicateFd(fds[2]).value());
    Ask({{"op", "start_session"},
         {"session", id},
         {"vxpus", {AnyVxpu()}},
         {"platform", 0},
         {"device_index", 0},
         {"uid", world_.random.Below(3)},
         {"arena_base", 0},
         {"geometry", {{"ring_bytes", 1}, {"reply_slots", 1}, {"status_slots", 1}, {"arena_bytes", 1}}}},
        std::move(fds));
  }

  void KillSomething() {
    if (world_.random.Below(2) == 0 && !executors_.sessions.empty()) {
      auto victim = executors_.sessions.begin();
      std::advance(victim, world_.random.Below(executors_.sessions.size()));
      victim->second->Die();
    } else if (!programs_.empty()) {
      auto victim = programs_.begin();
      std::advance(victim, world_.random.Below(programs_.size()));
      os::RingEventCounter(victim->second);
      programs_.erase(victim);
    }
  }

  void Malformed() {
    const json requests[] = {json::object(),
                             {{"op", 7}},
                             {{"op", "start_session"}},
                             {{"op", "create_vxpu"}, {"id", -1}},
                             {{"op", "resize_vxpu"}, {"id", "x"}},
                             {{"op", "create_vxpu"},
                              {"id", 99},
                              {"owner_uid", 0},
                              {"memory_bytes", UINT64_MAX},
                              {"request_permille", 1}}};
    Ask(requests[world_.random.Below(std::size(requests))]);
  }

  void CheckAccount() {
    if (++steps_ % 50 != 0) {
      return;
    }
    const json account = Ask({{"op", "hello"}});
    uint64_t request = 0, quotas = 0, resident = 0, held = 0;
    for (const json& vxpu : account.at("vxpus")) {
      request += vxpu.at("request_permille").get<uint64_t>();
      quotas += vxpu.at("memory_bytes").get<uint64_t>();
      resident += vxpu.at("resident_bytes").get<uint64_t>();
      ASSERT_LE(vxpu.at("resident_bytes"), vxpu.at("memory_bytes"));
    }
    for (const json& session : account.at("sessions")) {
      held += session.at("memory_bytes").get<uint64_t>();
    }
    ASSERT_LE(request, 1000u);
    ASSERT_LE(quotas, (options_.memory.value - options_.reserve.value));
    ASSERT_EQ(resident, held);
  }

  World world_;
  SimExecutors executors_;
  std::FILE* silent_;
  telemetry::Log log_;
  keeper::Options options_;
  std::unique_ptr<keeper::Keeper> keeper_;
  json empty_;
  std::map<uint64_t, os::UniqueFd> programs_;  // their "pidfds"
  uint64_t next_session_ = 1;
  int unanswered_ = 0;
  uint64_t steps_ = 0;
};

TEST(KeeperSimulation, AccountsStayRightUnderFaults) {
  uint64_t commands = 0, granted = 0, refused = 0;
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    Simulation simulation(seed);
    simulation.RunWithFaults(Seconds(6));
    simulation.EndAll();
    commands += simulation.executors().commands;
    granted += simulation.executors().granted_charges;
    refused += simulation.executors().refused_charges;
    if (::testing::Test::HasFailure()) {
      break;
    }
  }
  // That the faults did not keep everybody from working.
  EXPECT_GT(commands, 1000u);
  EXPECT_GT(granted, 100u);
  EXPECT_GT(refused, 100u);
}

TEST(KeeperSimulation, ASeedGivesTheSameRun) {
  const auto trace = [](uint64_t seed) {
    Simulation simulation(seed);
    simulation.RunWithFaults(Seconds(3));
    return simulation.trace();
  };
  EXPECT_EQ(trace(7), trace(7));
  EXPECT_NE(trace(7), trace(8));
}

}  // namespace
}  // namespace flexai::sim
