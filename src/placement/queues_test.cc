#include "placement/queues.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace flexai::placement {
namespace {

constexpr Nanos kNow{};

Resources Devices(int64_t milli, size_t model = 0) {
  Resources amount;
  amount.device_milli[model] = milli;
  return amount;
}

Resources Cpu(int64_t milli) { return {milli, 0, {}}; }

Resources Both(int64_t cpu_milli, int64_t device_milli, size_t model = 0) {
  Resources amount = Devices(device_milli, model);
  amount.cpu_milli = cpu_milli;
  return amount;
}

// 100 cores, 1000 MiB, 10 devices of model 0 and 4 of model 1.
Resources Capacity() {
  Resources capacity{100'000, 1'000, {}};
  capacity.device_milli[0] = 10'000;
  capacity.device_milli[1] = 4'000;
  return capacity;
}

QueueTree Tree(std::vector<QueueSpec> specs, Nanos half_life = {}) {
  Result<QueueTree> tree = QueueTree::Make(std::move(specs), Capacity(), half_life);
  EXPECT_TRUE(tree.ok()) << tree.status().message();
  return *std::move(tree);
}

QueueLimits InTotal(int64_t milli) { return {.device_milli = milli}; }
QueueLimits OfModels(std::map<int, int64_t> milli) { return {.model_milli = std::move(milli)}; }

TEST(Resources, AddUp) {
  Resources sum = Both(100, 500);
  sum += Both(1, 250, 1);
  EXPECT_EQ(sum.cpu_milli, 101);
  EXPECT_EQ(sum.total_device_milli(), 750);
  sum -= Both(1, 250, 1);
  EXPECT_EQ(sum, Both(100, 500));
  EXPECT_TRUE(sum.any());
  EXPECT_FALSE(Resources().any());
}

TEST(Resources, TheDominantShareIsTheLargest) {
  EXPECT_DOUBLE_EQ(DominantShare(Cpu(25'000), Capacity()), 0.25);
  EXPECT_DOUBLE_EQ(DominantShare(Both(25'000, 7'000), Capacity()), 0.7)
      << "more of model 0 than of all devices";
  EXPECT_DOUBLE_EQ(DominantShare(Devices(4'000, 1), Capacity()), 1);
  EXPECT_DOUBLE_EQ(DominantShare(Resources{0, 600, {}}, Capacity()), 0.6);
  EXPECT_DOUBLE_EQ(DominantShare(Devices(1'000, 2), Capacity()), 0) << "there is no model 2";
  EXPECT_DOUBLE_EQ(DominantShare(Cpu(5), Resources()), 0);
}

TEST(Queues, KnowTheirPlaces) {
  const QueueTree tree = Tree({{"b", "top"}, {"a", "top"}, {"top", ""}, {"alone", ""}});
  EXPECT_EQ(tree.size(), 4u);
  EXPECT_EQ(tree.Find("top"), 2u);
  EXPECT_EQ(tree.Find("none"), std::nullopt);
  EXPECT_EQ(tree.parent(0), 2u);
  EXPECT_EQ(tree.parent(2), std::nullopt);
  EXPECT_THAT(tree.children(2), testing::ElementsAre(1, 0));
  EXPECT_THAT(tree.top(), testing::ElementsAre(3, 2));
  EXPECT_TRUE(tree.is_leaf(3));
  EXPECT_FALSE(tree.is_leaf(2));
  EXPECT_EQ(tree.spec(1).name, "a");
}

struct Bad {
  std::vector<QueueSpec> specs;
  const char* sentence;
};

void ExpectRefused(const std::vector<Bad>& cases) {
  for (const Bad& bad : cases) {
    const Result<QueueTree> tree = QueueTree::Make(bad.specs, Capacity(), {});
    ASSERT_FALSE(tree.ok()) << bad.sentence;
    EXPECT_EQ(tree.status().message(), bad.sentence);
    EXPECT_EQ(tree.status().code(), Code::kInvalidArgument);
  }
}

TEST(Queues, RefuseNamesParentsAndWeightsThatCannotBe) {
  ExpectRefused({
      {{}, "0 queues, expected 1 to 10000"},
      {std::vector<QueueSpec>(10'001), "10001 queues, expected 1 to 10000"},
      {{{""}}, "a queue has no name"},
      {{{"a"}, {"b"}, {"a"}}, "two queues have the name 'a'"},
      {{{"a", "b"}}, "queue 'a': there is no queue 'b' to be its parent"},
      {{{"a", "a"}}, "queues are their own ancestors: a -> a"},
      {{{"d", "a"}, {"a", "b"}, {"b", "c"}, {"c", "a"}}, "queues are their own ancestors: a -> b -> c -> a"},
      {{{"a", "", 0}}, "queue 'a': the weight is 0, expected a number above 0"},
      {{{"a", "", -1}}, "queue 'a': the weight is -1, expected a number above 0"},
      {{{"a", "", std::nan("")}}, "queue 'a': the weight is nan, expected a number above 0"},
      {{{"a", "", std::numeric_limits<double>::infinity()}},
       "queue 'a': the weight is inf, expected a number above 0"},
  });
  EXPECT_FALSE(QueueTree::Make({{"a"}}, Capacity(), Nanos{-1}).ok());
  EXPECT_FALSE(QueueTree::Make({{"a"}}, Cpu(-1), {}).ok());
}

TEST(Queues, RefuseAmountsThatCannotBe) {
  ExpectRefused({
      {{{"a", "", 1, {.cpu_milli = -1}}},
       "queue 'a': guaranteed CPU (milli) is -1, expected 0 to 1000000000000"},
      {{{"a", "", 1, {}, {.memory_mib = 1'000'000'000'001}}},
       "queue 'a': limited memory (MiB) is 1000000000001, expected 0 to 1000000000000"},
      {{{"a", "", 1, OfModels({{3, -5}})}},
       "queue 'a': guaranteed devices of model 3 (milli) is -5, expected 0 to 1000000000000"},
      {{{"a", "", 1, {}, OfModels({{64, 5}})}},
       "queue 'a': what is limited names model 64, expected 0 to 63"},
      {{{"a", "", 1, OfModels({{-1, 5}})}}, "queue 'a': what is guaranteed names model -1, expected 0 to 63"},
      {{{"a", "", 1, {.device_milli = 5, .model_milli = {{0, 6}}}}},
       "queue 'a': 6 of model 0 are guaranteed, but only 5 devices (milli) in total"},
      {{{"a", "", 1, {}, InTotal(5), false}},
       "queue 'a' may not borrow and has no guarantee, so that nothing could ever run in it"},
      {{{"a", "", 1, InTotal(0), {}, false}},
       "queue 'a' may not borrow and has no guarantee, so that nothing could ever run in it"},
  });
}

TEST(Queues, RefuseGuaranteesThatCannotBeKept) {
  ExpectRefused({
      {{{"a", "", 1, InTotal(2'000), InTotal(1'999)}},
       "queue 'a': the limit of devices (milli) is 1999, below the 2000 guaranteed"},
      {{{"a", "", 1, OfModels({{0, 2'000}, {1, 500}}), InTotal(2'499)}},
       "queue 'a': the limit of devices (milli) is 2499, below the 2500 guaranteed"},
      {{{"a", "", 1, {}, {.cpu_milli = 3}}, {"b", "a", 1, {.cpu_milli = 2}}, {"c", "a", 1, {.cpu_milli = 2}}},
       "queue 'a': the limit of CPU (milli) is 3, below the 4 guaranteed"},
      {{{"a", "", 1, InTotal(3)}, {"b", "a", 1, InTotal(2)}, {"c", "a", 1, OfModels({{0, 2}})}},
       "queue 'a': the guarantees of its children add up to 4 of devices (milli), above its own 3"},
      {{{"a", "", 1, OfModels({{0, 3}})}, {"b", "a", 1, OfModels({{1, 2}})}},
       "queue 'a': the guarantees of its children add up to 2 of devices of model 1 (milli), above its own "
       "0"},
      {{{"a", "", 1, InTotal(14'000)}, {"b", "", 1, OfModels({{1, 1}})}},
       "the guarantees below the root add up to 14001 of devices (milli), but there are 14000"},
      {{{"a", "", 1, OfModels({{1, 3'000}})}, {"b"}, {"c", "b", 1, OfModels({{1, 1'001}})}},
       "the guarantees below the root add up to 4001 of devices of model 1 (milli), but there are 4000"},
      {{{"a", "", 1, {.memory_mib = 1'001}}},
       "the guarantees below the root add up to 1001 of memory (MiB), but there are 1000"},
  });
}

TEST(Queues, NameTheQueueWhoseLimitIsTooLow) {
  QueueTree tree = Tree({{"top", "", 1, {}, InTotal(3'000)},
                         {"a", "top", 1, {}, {.cpu_milli = 4'000, .model_milli = {{1, 1'000}}}},
                         {"b", "top"}});
  EXPECT_EQ(tree.Blocking(1, Both(4'000, 3'000)), std::nullopt);
  EXPECT_EQ(tree.Blocking(1, Cpu(4'001)), 1u);
  EXPECT_EQ(tree.Blocking(1, Devices(1'001, 1)), 1u);
  EXPECT_EQ(tree.Blocking(1, Devices(3'001)), 0u);
  EXPECT_EQ(tree.Blocking(1, Both(4'001, 3'001)), 1u) << "the one nearer to the task";
  tree.Charge(2, Devices(2'500), kNow);
  EXPECT_EQ(tree.Blocking(1, Devices(501)), 0u);
  EXPECT_EQ(tree.Blocking(1, Devices(500)), std::nullopt);
  EXPECT_EQ(tree.Blocking(1, Cpu(1)), std::nullopt) << "it asks for nothing of what is short";
  tree.Charge(2, Devices(1'500), kNow);
  EXPECT_EQ(tree.Blocking(1, Cpu(1)), std::nullopt) << "no limit is checked when a task starts";
  tree.Refund(2, Devices(4'000), kNow);
  EXPECT_EQ(tree.Blocking(1, Devices(501)), std::nullopt);
}

TEST(Queues, WithoutBorrowingTheGuaranteeIsALimit) {
  const QueueTree tree = Tree({{"a", "", 1, OfModels({{0, 2'000}}), {}, false}});
  EXPECT_EQ(tree.Blocking(0, Both(5'000, 2'000)), std::nullopt) << "CPU comes along with devices";
  EXPECT_EQ(tree.Blocking(0, Devices(2'001)), 0u);
  EXPECT_EQ(tree.Blocking(0, Devices(1, 1)), 0u) << "of another model nothing is guaranteed";
  EXPECT_EQ(tree.Blocking(0, Cpu(1)), 0u) << "without devices CPU does not come along";
}

TEST(Queues, HeadroomIsWhatAllOnThePathLeave) {
  QueueTree tree = Tree({{"top", "", 1, {}, InTotal(3'000)},
                         {"a", "top", 1, {}, {.cpu_milli = 4'000, .model_milli = {{1, 1'000}}}},
                         {"b", "top"}});
  tree.Charge(2, Both(9'000, 2'500, 1), kNow);
  const Headroom left = tree.HeadroomOf(1, Devices(1));
  EXPECT_EQ(left.cpu_milli, 4'000) << "CPU is not limited above";
  EXPECT_EQ(left.device_milli, 500);
  EXPECT_EQ(left.model_milli[1], 1'000);
  EXPECT_EQ(left.model_milli[0], Headroom::kUnbounded);
  EXPECT_EQ(tree.OwnHeadroom(1, Devices(1)).device_milli, Headroom::kUnbounded);
  EXPECT_TRUE(tree.IsLimited(0));
  EXPECT_FALSE(tree.IsLimited(2));
  EXPECT_TRUE(tree.Contains(0, 1));
  EXPECT_FALSE(tree.Contains(1, 2));
}

TEST(Queues, HeadroomWithoutBorrowingIsWhatIsGuaranteed) {
  QueueTree tree = Tree({{"a", "", 1, OfModels({{0, 2'000}}), {}, false}});
  tree.Charge(0, Devices(500), kNow);
  const Headroom left = tree.HeadroomOf(0, Both(5'000, 1));
  EXPECT_EQ(left.model_milli[0], 1'500);
  EXPECT_EQ(left.model_milli[1], 0);
  EXPECT_EQ(left.cpu_milli, Headroom::kUnbounded) << "CPU comes along with devices";
  EXPECT_EQ(tree.HeadroomOf(0, Cpu(1)).cpu_milli, 0);
}

TEST(Queues, HeadroomIsUsedUpByModel) {
  Headroom left = LeftOf({.cpu_milli = 10'000, .model_milli = {{0, 1'500}, {1, 400}}}, Devices(500, 0));
  const TaskShape task{1'000, 1, 1, 500, kAnyModel};
  EXPECT_TRUE(left.Fits(task, 0));
  EXPECT_FALSE(left.Fits(task, 1));
  EXPECT_TRUE(left.Fits(task, 2));
  left.Take(task, 0);
  left.Take(task, 0);
  EXPECT_FALSE(left.Fits(task, 0));
  EXPECT_TRUE(left.Fits({1'000, 1, 0, 0, kAnyModel}, 0)) << "it needs no devices";
  EXPECT_FALSE(left.Fits({9'000, 1, 0, 0, kAnyModel}, 0));
  const Headroom overdrawn = LeftOf({.cpu_milli = 1'000, .device_milli = 100}, Devices(500));
  EXPECT_TRUE(overdrawn.Fits({1'000, 1, 0, 0, kAnyModel}, 0)) << "it asks for nothing of what is short";
  EXPECT_FALSE(overdrawn.Fits(task, 0));
}

TEST(Queues, TrialsLeaveNoTrace) {
  QueueTree tree = Tree({{"top"}, {"a", "top"}, {"b", "top"}}, Seconds(100));
  tree.Charge(1, Devices(2'000), kNow);
  const double share = tree.WeightedShare(1, kNow + Seconds(50));
  {
    QueueTrial trial(tree);
    trial.Refund(1, Devices(2'000));
    trial.Charge(2, Devices(500, 1));
    EXPECT_EQ(tree.used(0), Devices(500, 1));
    trial.Undo();
    EXPECT_EQ(tree.used(0), Devices(2'000));
    trial.Charge(2, Devices(500));
  }
  EXPECT_EQ(tree.used(0), Devices(2'000));
  EXPECT_EQ(tree.used(2), Resources());
  EXPECT_EQ(tree.WeightedShare(1, kNow + Seconds(50)), share);
}

TEST(Queues, GuaranteesHoldOnTheWholePath) {
  QueueTree tree =
      Tree({{"top", "", 1, InTotal(4'000)}, {"a", "top", 1, InTotal(3'000)}, {"b", "top"}, {"none", ""}});
  EXPECT_TRUE(tree.WithinGuarantee(1, Devices(3'000)));
  EXPECT_FALSE(tree.WithinGuarantee(1, Devices(3'001)));
  EXPECT_TRUE(tree.WithinGuarantee(2, Devices(4'000))) << "that of its parent";
  EXPECT_FALSE(tree.WithinGuarantee(2, Devices(4'001)));
  EXPECT_FALSE(tree.WithinGuarantee(3, Devices(1)));
  tree.Charge(2, Devices(1'500), kNow);
  EXPECT_FALSE(tree.WithinGuarantee(1, Devices(3'000))) << "its sibling has taken of the parent's";
  EXPECT_TRUE(tree.WithinGuarantee(1, Devices(2'500)));
}

TEST(Queues, AreBelowTheirGuaranteeWhileASmallTaskWouldBeWithin) {
  QueueTree tree = Tree({{"models", "", 1, OfModels({{0, 1'000}, {1, 1'000}})},
                         {"both", "", 1, {.cpu_milli = 2'000, .device_milli = 2'000}},
                         {"none"}});
  EXPECT_TRUE(tree.BelowGuarantee(0));
  tree.Charge(0, Devices(1'000), kNow);
  EXPECT_TRUE(tree.BelowGuarantee(0)) << "there is model 1";
  tree.Charge(0, Devices(1'000, 1), kNow);
  EXPECT_FALSE(tree.BelowGuarantee(0));
  EXPECT_TRUE(tree.BelowGuarantee(1));
  tree.Charge(1, Cpu(2'000), kNow);
  EXPECT_FALSE(tree.BelowGuarantee(1)) << "a task needs CPU too";
  EXPECT_FALSE(tree.BelowGuarantee(2));
}

TEST(Queues, PastUsageHalves) {
  QueueTree tree = Tree({{"a"}}, Seconds(100));
  tree.Charge(0, Devices(8'000), Seconds(0));
  EXPECT_DOUBLE_EQ(tree.DecayedUsage(0, Seconds(100)).device_milli[0], 4'000);
  EXPECT_DOUBLE_EQ(tree.DecayedUsage(0, Seconds(200)).device_milli[0], 6'000);
  tree.Refund(0, Devices(8'000), Seconds(200));
  EXPECT_DOUBLE_EQ(tree.DecayedUsage(0, Seconds(400)).device_milli[0], 1'500);
  EXPECT_DOUBLE_EQ(tree.DecayedUsage(0, Seconds(100)).device_milli[0], 6'000) << "as at the last change";
  EXPECT_DOUBLE_EQ(tree.WeightedShare(0, Seconds(200)), 0.3) << "half of 6000 of 10000";
  EXPECT_EQ(tree.used(0), Resources());
}

TEST(Queues, WhoHasUsedLessIsServedFirst) {
  QueueTree tree = Tree({{"a"}, {"b"}, {"c", "", 4}}, Seconds(100));
  const std::vector<bool> all(3, true);
  EXPECT_EQ(tree.Next(all, kNow), 0u) << "ties by name";
  tree.Charge(0, Devices(1'000), kNow);
  EXPECT_EQ(tree.Next(all, kNow), 1u) << "what has just started counts";
  tree.Charge(1, Devices(1'000), kNow);
  tree.Charge(2, Devices(3'000), kNow);
  EXPECT_EQ(tree.Next(all, kNow), 2u) << "by weight";
  tree.Charge(2, Devices(2'000), kNow);
  EXPECT_EQ(tree.Next(all, kNow), 0u);
  tree.Refund(0, Devices(1'000), Seconds(100));
  tree.Refund(1, Devices(1'000), Seconds(50));
  EXPECT_EQ(tree.Next(all, Seconds(100)), 1u) << "it ended earlier";
  EXPECT_EQ(tree.Next({true, false, false}, Seconds(100)), 0u) << "nobody else waits";
  EXPECT_EQ(tree.Next({false, false, false}, Seconds(100)), std::nullopt);
}

TEST(Queues, GuaranteesComeFirstAtEachLevel) {
  QueueTree tree = Tree({{"a", "", 1, InTotal(5'000)}, {"aa", "a", 1, InTotal(1'000)}, {"ab", "a"}, {"b"}});
  const std::vector<bool> all(4, true);
  tree.Charge(2, Devices(3'000), kNow);
  EXPECT_EQ(tree.Next(all, kNow), 1u);
  tree.Charge(1, Devices(1'000), kNow);
  EXPECT_EQ(tree.Next(all, kNow), 1u) << "a is still below; in it the smaller share";
  EXPECT_EQ(tree.Next({true, false, true, true}, kNow), 2u);
  tree.Charge(2, Devices(1'000), kNow);
  EXPECT_EQ(tree.Next(all, kNow), 3u);
  EXPECT_EQ(tree.Next({true, false, false, true}, kNow), 3u) << "an inner queue has no tasks itself";
  EXPECT_EQ(tree.Next({true, false, false, false}, kNow), std::nullopt);
}

// The example of section 4.1 of the paper: 9 cores, 18 GB; a task of A asks for <1, 4>, one of B for <3, 1>.
TEST(Queues, ShareAsInThePaper) {
  Result<QueueTree> tree = QueueTree::Make({{"A"}, {"B"}}, {9'000, 18, {}}, {});
  ASSERT_TRUE(tree.ok());
  const Resources demands[] = {{1'000, 4, {}}, {3'000, 1, {}}};
  int tasks[] = {0, 0};
  Resources used;
  while (true) {
    const QueueId next = tree->Next({true, true}, kNow).value();
    used += demands[next];
    if (used.cpu_milli > 9'000 || used.memory_mib > 18) {
      break;
    }
    tree->Charge(next, demands[next], kNow);
    ++tasks[next];
  }
  EXPECT_EQ(tasks[0], 3);
  EXPECT_EQ(tasks[1], 2);
}

TEST(Queues, WhatIsBorrowedMayBeReclaimed) {
  QueueTree tree = Tree({{"lender", "", 1, InTotal(6'000)}, {"borrower", "", 1, InTotal(4'000)}, {"guest"}});
  tree.Charge(1, Devices(4'000), kNow);
  EXPECT_FALSE(tree.MayReclaim(0, Devices(1'000), 1, Devices(1'000))) << "it has what is guaranteed to it";
  tree.Charge(1, Devices(2'000), kNow);
  EXPECT_TRUE(tree.MayReclaim(0, Devices(6'000), 1, Devices(1'000)));
  EXPECT_TRUE(tree.MayReclaim(0, Devices(1'000), 1, Devices(6'000))) << "in part borrowed";
  EXPECT_FALSE(tree.MayReclaim(0, Devices(6'001), 1, Devices(1'000))) << "more than is guaranteed";
  EXPECT_FALSE(tree.MayReclaim(1, Devices(1'000), 0, Devices(1'000)));
  EXPECT_FALSE(tree.MayReclaim(2, Devices(1'000), 1, Devices(1'000))) << "nothing is guaranteed to a guest";
  EXPECT_FALSE(tree.MayReclaim(1, Devices(1'000), 1, Devices(1'000)));
  tree.Charge(2, Devices(1'000), kNow);
  EXPECT_TRUE(tree.MayReclaim(0, Devices(1'000), 2, Devices(1'000)));
}

TEST(Queues, AreJudgedWhereTheirPathsPart) {
  QueueTree tree = Tree({{"a", "", 1, InTotal(4'000)},
                         {"aa", "a", 1, InTotal(2'000)},
                         {"ab", "a"},
                         {"b", "", 1, InTotal(4'000)},
                         {"ba", "b"},
                         {"bb", "b", 1, InTotal(3'000)}});
  tree.Charge(4, Devices(4'000), kNow);
  EXPECT_FALSE(tree.MayReclaim(2, Devices(1'000), 4, Devices(1'000))) << "b has what is guaranteed to it";
  EXPECT_TRUE(tree.MayReclaim(5, Devices(3'000), 4, Devices(1'000))) << "in b, ba has no guarantee";
  tree.Charge(5, Devices(1'000), kNow);
  EXPECT_TRUE(tree.MayReclaim(2, Devices(4'000), 4, Devices(1'000))) << "what is guaranteed to a";
  EXPECT_TRUE(tree.MayReclaim(2, Devices(4'000), 5, Devices(1'000))) << "b as a whole borrows";
  tree.Charge(1, Devices(3'000), kNow);
  EXPECT_FALSE(tree.MayReclaim(2, Devices(2'000), 4, Devices(1'000))) << "a would be above";
}

TEST(Queues, ArePairedAtTheirOwnDepth) {
  QueueTree tree = Tree({{"a", "", 1, InTotal(4'000)}, {"aa", "a"}, {"aaa", "aa"}, {"ab", "a"}, {"b"}});
  tree.Charge(4, Devices(1'000), kNow);
  EXPECT_TRUE(tree.MayReclaim(2, Devices(4'000), 4, Devices(1'000)));
  EXPECT_FALSE(tree.MayReclaim(4, Devices(1'000), 2, Devices(1'000)));
  tree.Charge(3, Devices(1'000), kNow);
  EXPECT_FALSE(tree.MayReclaim(2, Devices(1'000), 3, Devices(1'000))) << "in a, nobody has a guarantee";
  EXPECT_FALSE(tree.MayReclaim(3, Devices(1'000), 2, Devices(1'000)));
}

TEST(Queues, ReclaimLooksAtTheModelsOfBothTasks) {
  QueueTree tree = Tree({{"a", "", 1, OfModels({{0, 2'000}})}, {"b", "", 1, OfModels({{1, 2'000}})}});
  tree.Charge(1, Devices(2'000, 1), kNow);
  tree.Charge(1, Devices(1'000, 0), kNow);
  EXPECT_TRUE(tree.MayReclaim(0, Devices(1'000), 1, Devices(1'000)));
  EXPECT_FALSE(tree.MayReclaim(0, Devices(1'000), 1, Devices(1'000, 1)));
  EXPECT_FALSE(tree.MayReclaim(0, Devices(1'000, 1), 1, Devices(1'000)));
}

}  // namespace
}  // namespace flexai::placement
