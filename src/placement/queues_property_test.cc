// What must hold for every tree of queues, on random ones. Everything follows from the seeds.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/random.h"
#include "placement/queues.h"

namespace flexai::placement {
namespace {

std::string Name(uint64_t number) { return "q" + std::to_string(number); }

Resources RandomAmount(Random* random) {
  Resources amount{random->Between(0, 4'000), random->Between(0, 4'096), {}};
  amount.device_milli[random->Below(3)] = random->Between(0, 2'000);
  return amount;
}

Resources Capacity() {
  Resources capacity{10'000'000, 10'000'000, {}};
  std::fill_n(capacity.device_milli.begin(), 3, 1'000'000);
  return capacity;
}

// With guarantees at random: of a leaf a few tasks' worth, of a parent what its children have and more.
std::vector<QueueSpec> RandomSpecs(Random* random, size_t count) {
  std::vector<QueueSpec> specs(count);
  std::vector<size_t> parents(count, count);
  for (size_t i = 0; i < count; ++i) {
    specs[i].name = Name(i);
    specs[i].weight = 0.5 + random->Unit() * 4;
    if (i > 0 && random->Below(4) > 0) {
      parents[i] = random->Below(i);
      specs[i].parent = Name(parents[i]);
    }
  }
  std::vector<int64_t> sums(count + 1);
  for (size_t i = count; i-- > 0;) {  // children stand after their parents
    int64_t guaranteed = sums[i];
    if (random->Below(2) == 0) {
      guaranteed += random->Between(1, 10'000);
      specs[i].guaranteed.device_milli = guaranteed;
      specs[i].guaranteed.cpu_milli = guaranteed;
    }
    sums[parents[i]] += guaranteed;
  }
  return specs;
}

// By the rules in the header, in the simplest way: never a worse one than any sibling with pending work.
void ExpectBestOnEachLevel(const QueueTree& tree, const std::vector<bool>& pending, QueueId next, Nanos now) {
  const auto waits = [&](QueueId queue) {
    for (QueueId leaf = 0; leaf < tree.size(); ++leaf) {
      for (std::optional<QueueId> at = leaf; pending[leaf] && tree.is_leaf(leaf) && at;
           at = tree.parent(*at)) {
        if (*at == queue) {
          return true;
        }
      }
    }
    return false;
  };
  for (std::optional<QueueId> at = next; at; at = tree.parent(*at)) {
    const auto& siblings = tree.parent(*at) ? tree.children(*tree.parent(*at)) : tree.top();
    for (const QueueId other : siblings) {
      if (other == *at || !waits(other)) {
        continue;
      }
      const bool below = tree.BelowGuarantee(*at);
      ASSERT_GE(below, tree.BelowGuarantee(other));
      if (below == tree.BelowGuarantee(other)) {
        const double share = tree.WeightedShare(*at, now);
        const double others = tree.WeightedShare(other, now);
        ASSERT_TRUE(share < others || (share == others && tree.spec(*at).name < tree.spec(other).name));
      }
    }
  }
}

struct Running {
  QueueId queue = 0;
  Resources amount;
};

// Starts and ends tasks at random and checks after each.
void RunStream(uint64_t seed, int operations) {
  Random random(seed);
  const Nanos half_life = Seconds(random.Between(0, 1'000));
  Result<QueueTree> made = QueueTree::Make(RandomSpecs(&random, 1 + random.Below(40)), Capacity(), half_life);
  ASSERT_TRUE(made.ok()) << made.status().message();
  QueueTree& tree = *made;
  std::vector<Running> running;
  std::vector<Resources> used(tree.size());  // of leaves
  Nanos now{};
  for (int i = 0; i < operations; ++i) {
    now = now + Millis(random.Between(0, 60'000));
    std::vector<bool> pending(tree.size());
    bool any = false;
    for (QueueId queue = 0; queue < tree.size(); ++queue) {
      pending[queue] = random.Below(8) == 0;
      any = any || (pending[queue] && tree.is_leaf(queue));
    }
    const std::optional<QueueId> next = tree.Next(pending, now);
    ASSERT_EQ(next.has_value(), any);
    if (next) {
      ASSERT_TRUE(tree.is_leaf(*next) && pending[*next]);
      if (i % 16 == 0) {
        ExpectBestOnEachLevel(tree, pending, *next, now);
      }
    }
    if (next && running.size() < 200) {
      running.push_back({*next, RandomAmount(&random)});
      const Resources before = tree.used(*next);
      tree.Charge(*next, running.back().amount, now);
      tree.Refund(*next, running.back().amount, now);
      ASSERT_EQ(tree.used(*next), before);
      tree.Charge(*next, running.back().amount, now);
      used[*next] += running.back().amount;
    } else if (!running.empty()) {
      std::swap(running[random.Below(running.size())], running.back());
      used[running.back().queue] -= running.back().amount;
      tree.Refund(running.back().queue, running.back().amount, now);
      running.pop_back();
    }
    ASSERT_TRUE(tree.Audit().ok());
  }
  for (QueueId queue = 0; queue < tree.size(); ++queue) {
    if (tree.is_leaf(queue)) {
      ASSERT_EQ(tree.used(queue), used[queue]);
    }
    // The share is that of the mean one half life ahead.
    ASSERT_NEAR(
        tree.WeightedShare(queue, now) * tree.spec(queue).weight,
        DominantShare(tree.DecayedUsage(queue, now + half_life + Nanos{half_life == Nanos{}}), Capacity()),
        1e-12);
    ASSERT_GE(tree.DecayedUsage(queue, now).cpu_milli, 0);
    ASSERT_LE(DominantShare(tree.DecayedUsage(queue, now), Capacity()), 1);
  }
}

TEST(QueueProperties, HoldThroughRandomStreams) {
  for (uint64_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE(seed);
    RunStream(seed, 4'000);
    if (HasFatalFailure()) {
      return;
    }
  }
}

// Two queues that always have work, on 12 devices; who is next gets what has become free. The part of the
// device time that the first one got.
double PartOfTheFirst(std::vector<QueueSpec> specs, int64_t first_ms, int64_t second_ms, uint64_t seed) {
  Resources capacity;
  capacity.device_milli[0] = 12'000;
  QueueTree tree = *QueueTree::Make(std::move(specs), capacity, Seconds(600));
  Resources task;
  task.device_milli[0] = 1'000;
  Random random(seed);
  std::multiset<std::pair<Nanos, QueueId>> ends;
  double got[] = {0, 0};
  Nanos now{};
  while (now < Seconds(100'000)) {
    while (ends.size() < 12) {
      const QueueId next = tree.Next({true, true}, now).value();
      const int64_t mean = next == 0 ? first_ms : second_ms;
      const Nanos duration = Millis(random.Between(mean / 2, mean * 3 / 2));
      tree.Charge(next, task, now);
      ends.insert({now + duration, next});
      got[next] += static_cast<double>(duration.value);
    }
    const auto [end, queue] = *ends.begin();
    ends.erase(ends.begin());
    now = end;
    tree.Refund(queue, task, now);
  }
  return got[0] / (got[0] + got[1]);
}

TEST(QueueProperties, LongRunUsageFollowsTheWeights) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    EXPECT_NEAR(PartOfTheFirst({{"a", "", 2}, {"b", "", 1}}, 60'000, 60'000, seed), 2.0 / 3, 0.01);
    EXPECT_NEAR(PartOfTheFirst({{"a", "", 1}, {"b", "", 3}}, 60'000, 60'000, seed), 1.0 / 4, 0.01);
    EXPECT_NEAR(PartOfTheFirst({{"a", "", 2}, {"b", "", 1}}, 600'000, 6'000, seed), 2.0 / 3, 0.02)
        << "however long tasks are";
  }
}

TEST(QueueProperties, AGuaranteeComesBeforeTheWeights) {
  QueueLimits guaranteed;
  guaranteed.device_milli = 9'000;
  EXPECT_NEAR(PartOfTheFirst({{"a", "", 1, guaranteed}, {"b", "", 100}}, 60'000, 60'000, 1), 0.75, 0.01);
}

// Any graph in which each queue has at most one parent: refused exactly if some walk upwards does not end.
TEST(QueueProperties, CyclesAreFound) {
  Random random(7);
  int cycles = 0;
  for (int round = 0; round < 2'000; ++round) {
    const size_t count = 1 + random.Below(30);
    std::vector<QueueSpec> specs(count);
    std::vector<size_t> parents(count, count);
    for (size_t i = 0; i < count; ++i) {
      specs[i].name = Name(i);
      if (random.Below(4) > 0) {
        parents[i] = random.Below(count);
        specs[i].parent = Name(parents[i]);
      }
    }
    bool cycle = false;
    for (size_t i = 0; i < count; ++i) {
      size_t at = i;
      for (size_t steps = 0; steps <= count && at < count; ++steps) {
        at = parents[at];
      }
      cycle = cycle || at < count;
    }
    const Result<QueueTree> tree = QueueTree::Make(specs, Capacity(), {});
    ASSERT_EQ(tree.ok(), !cycle);
    ASSERT_TRUE(tree.ok() || tree.status().message().starts_with("queues are their own ancestors: "));
    cycles += cycle;
  }
  EXPECT_GT(cycles, 200);
  EXPECT_LT(cycles, 1'900);
}

}  // namespace
}  // namespace flexai::placement
