#include "placement/scheduler_fixture.h"

namespace flexai::placement {
namespace {

using ::testing::HasSubstr;

TEST_F(SchedulerTest, AReservationKeepsBackfillFromStarvingABigJob) {
  SchedulerOptions options;
  options.reserve_after = Seconds(10);
  Make(options, {Queue("a")});
  for (JobId id = 1; id <= 3; ++id) {
    Submit(Job(id, {{Devices(3), 1, 1}}));
  }
  EXPECT_EQ(Cycle(At(0)), "start 1, start 2, start 3");
  Submit(Job(4, {{Devices(4), 1, 1}}));
  EXPECT_EQ(Cycle(At(1)), "");
  EXPECT_EQ(Cycle(At(20)), "");
  EXPECT_THAT(Explain(4, At(20)), HasSubstr("1 node is reserved for it"));
  for (JobId id = 5; id <= 7; ++id) {
    Submit(Job(id, {{Devices(1), 1, 1}}));
  }
  EXPECT_EQ(Cycle(At(21)), "start 5, start 6") << "three devices are idle, and one is on the reserved node";
  EXPECT_THAT(Explain(7, At(21)), HasSubstr("1 reserved for jobs that have waited longer"));
  EXPECT_THAT(Explain(7, At(21)), HasSubstr(". Node n0 is reserved for job 'j4' until about 19 s from now"));
  Submit(Job(8, {{Devices(1), 1, 1}}, 1));
  EXPECT_EQ(Cycle(At(22)), "start 8") << "what is reserved for one does not bind those above it";
  scheduler_->Remove(8, At(23));
  scheduler_->Remove(1, At(23));
  EXPECT_EQ(Cycle(At(23)), "start 4");
  scheduler_->Remove(5, At(24));
  EXPECT_EQ(Cycle(At(24)), "start 7");
}

TEST_F(SchedulerTest, TheFirstOfAKindMayUseWhatIsReservedForAnotherOfIt) {
  SchedulerOptions options;
  options.reserve_after = Seconds(0);
  Make(options, {Queue("a")});
  const auto fill = [&](JobId id, NodeId node, int32_t devices, Nanos expected_run) {
    JobSpec job = Job(id, {{Devices(devices), 1, 1}});
    job.expected_run = expected_run;
    const std::vector<int32_t> taken = cluster_->DevicesAt(node, FirstDevices(0xffff, devices));
    ASSERT_TRUE(scheduler_->Adopt(job, {{0, {node, node, taken}}}, At(0)).ok());
  };
  fill(1, 0, 4, Nanos{});
  fill(2, 1, 3, Seconds(3'000));
  fill(3, 2, 3, Seconds(5'000));
  Submit(Job(4, {{Devices(4), 1, 1}}));
  EXPECT_EQ(Cycle(At(2'000)), "");
  ASSERT_EQ(scheduler_->reservations().size(), 1u);
  EXPECT_TRUE(scheduler_->reservations()[0].nodes.Has(1)) << "which is expected to be left first";
  (void)scheduler_->LoseNode(0, At(2'001));
  EXPECT_EQ(Cycle(At(2'001)), "");
  scheduler_->Remove(2, At(2'002));
  EXPECT_EQ(Cycle(At(2'002)), "start 1") << "the older one, though the node is reserved for the younger";
}

TEST_F(SchedulerTest, WhatFitsOnNoNodeTakesNothingFromOthersUntilOneComes) {
  SchedulerOptions options;
  options.reserve_after = Seconds(0);
  Make(options, {Queue("a")});
  scheduler_->SetNode(2, {{}, {}, false});
  JobSpec large = Job(1, {{Devices(2), 1, 1}}, 5);
  large.roles[0].shape.models = OneModel(1);
  Submit(large);
  Submit(Job(2, {{Devices(1), 8, 8}}));
  EXPECT_EQ(Cycle(At(1)), "start 2") << "nobody would make room for it";
  EXPECT_TRUE(scheduler_->reservations().empty());
  EXPECT_THAT(*scheduler_->Explain(1, At(1)), HasSubstr("1 out of service"));
  scheduler_->SetNode(2, {{}, {}, true});
  ASSERT_TRUE(scheduler_->Adopt(Job(3, {{Devices(4), 1, 1}}), {{0, {2, 2, {0, 1, 2, 3}}}}, At(2)).ok());
  EXPECT_EQ(Cycle(At(3)), "end 3, start 1") << "now somebody does make room";
}

TEST_F(SchedulerTest, AReservationOnALostNodeIsMadeAnewElsewhere) {
  SchedulerOptions options;
  options.reserve_after = Seconds(0);
  Make(options, {Queue("a")});
  for (JobId id = 1; id <= 3; ++id) {
    JobSpec job = Job(id, {{Devices(4), 1, 1}});
    job.expected_run = Seconds(static_cast<int64_t>(id) * 1'000);
    Submit(job);
  }
  EXPECT_EQ(Cycle(At(0)), "start 1, start 2, start 3");
  Submit(Job(4, {{Devices(4), 1, 1}}));
  EXPECT_EQ(Cycle(At(1)), "");
  ASSERT_EQ(scheduler_->reservations().size(), 1u);
  const NodeId reserved = scheduler_->members(1)->front().where.device_node;
  EXPECT_TRUE(scheduler_->reservations()[0].nodes.Has(reserved));
  (void)scheduler_->LoseNode(reserved, At(2));
  EXPECT_EQ(Cycle(At(2)), "");
  ASSERT_GE(scheduler_->reservations().size(), 1u);
  for (const Scheduler::Reservation& each : scheduler_->reservations()) {
    EXPECT_FALSE(each.nodes.Has(reserved));
  }
}

TEST_F(SchedulerTest, ReservesWhereEnoughEndsFirst) {
  SchedulerOptions options;
  options.reserve_after = Seconds(0);
  Make(options, {Queue("a")});
  for (JobId id = 1; id <= 3; ++id) {
    JobSpec job = Job(id, {{Devices(3), 1, 1}});
    job.expected_run = Seconds(id == 1 ? 300 : 100 * static_cast<int64_t>(id - 1));
    Submit(job);
  }
  Submit(Job(4, {{Devices(4), 2, 2}}));
  EXPECT_EQ(Cycle(At(0)), "start 1, start 2, start 3");
  EXPECT_EQ(Cycle(At(1)), "");
  EXPECT_THAT(Explain(4, At(1)), HasSubstr("2 nodes are reserved for it"));
  Submit(Job(5, {{Devices(1), 1, 1}}));
  Submit(Job(6, {{Devices(1), 1, 1}}));
  EXPECT_EQ(Cycle(At(2)), "start 5");
  EXPECT_EQ((*scheduler_->members(5))[0].where.cpu_node, (*scheduler_->members(1))[0].where.cpu_node);
}

TEST_F(SchedulerTest, AJobThatEndsInTimeMayUseWhatIsReserved) {
  SchedulerOptions options;
  options.reserve_after = Seconds(0);
  Make(options, {Queue("a")});
  JobSpec all = Job(1, {{Devices(3), 3, 3}});
  all.expected_run = Seconds(1'000);
  Submit(all);
  Submit(Job(2, {{Devices(4), 3, 3}}));
  EXPECT_EQ(Cycle(At(0)), "start 1");
  JobSpec brief = Job(3, {{Devices(1), 1, 1}});
  brief.expected_run = Seconds(100);
  JobSpec lengthy = Job(4, {{Devices(1), 1, 1}});
  lengthy.expected_run = Seconds(2'000);
  Submit(brief);
  Submit(lengthy);
  Submit(Job(5, {{Devices(1), 1, 1}}));
  EXPECT_EQ(Cycle(At(1)), "start 3");
}

}  // namespace
}  // namespace flexai::placement
