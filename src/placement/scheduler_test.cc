#include "placement/scheduler_fixture.h"

namespace flexai::placement {
namespace {

using ::testing::HasSubstr;

TEST_F(SchedulerTest, StartsByPriorityThenQueueThenAge) {
  Submit(Job(1, {{Devices(1), 1, 1}}));
  Submit(Job(2, {{Devices(1), 1, 1}}));
  Submit(Job(3, {{Devices(1), 1, 1}}, 0, "b"));
  Submit(Job(4, {{Devices(1), 1, 1}}, 5, "b"));
  EXPECT_EQ(Cycle(At(1)), "start 4, start 1, start 2, start 3") << "queue b has had one already";
  EXPECT_EQ(scheduler_->waiting(), 0u);
  EXPECT_EQ(cluster_->device_taken(), 4'000);
}

TEST_F(SchedulerTest, AJobThatDoesNotFitLetsOthersPass) {
  Submit(Job(1, {{Devices(1), 13, 13}}));
  Submit(Job(2, {{Devices(4), 1, 1}}));
  EXPECT_EQ(Cycle(At(1)), "start 2");
  EXPECT_EQ(
      Explain(1, At(1)),
      "job 'j1' in queue 'a' needs 13 members with 1 device, 1 core and 10 MiB each: of 3 nodes, 1 with "
      "devices taken; there is room for 8 members. Where it would fit run jobs: 1 of equal priority");
  EXPECT_THAT(Explain(2, At(1)), HasSubstr("runs with 1 member on n0"));
}

TEST_F(SchedulerTest, HigherPriorityEndsLower) {
  for (JobId id = 1; id <= 3; ++id) {
    Submit(Job(id, {{Devices(4), 1, 1}}));
    EXPECT_EQ(Cycle(At(static_cast<int64_t>(id))), "start " + std::to_string(id));
  }
  Submit(Job(4, {{Devices(2), 1, 1}}, 1));
  EXPECT_EQ(Cycle(At(10)), "end 3, start 4") << "the one with the least work to lose";
  EXPECT_EQ(last_[0].because_of, 4u);
  EXPECT_EQ(last_[0].reason, "job 'j4' has priority 1 and this one 0");
  EXPECT_EQ(Cycle(At(11)), "") << "the one that was ended waits";
  scheduler_->Remove(1, At(12));
  EXPECT_EQ(Cycle(At(12)), "start 3");
}

TEST_F(SchedulerTest, NotBeforeTheLeastRunTime) {
  JobSpec job = Job(1, {{Devices(4), 3, 3}});
  job.min_run = Seconds(100);
  Submit(job);
  EXPECT_EQ(Cycle(At(0)), "start 1");
  Submit(Job(2, {{Devices(1), 1, 1}}, 1));
  EXPECT_EQ(Cycle(At(99)), "");
  EXPECT_THAT(Explain(2, At(99)),
              HasSubstr("Job 'j1' of lower priority may not be ended before 1 s from now"));
  EXPECT_EQ(Cycle(At(100)), "end 1, start 2");
}

TEST_F(SchedulerTest, TheLeastRunTimeThatMattersIsNamed) {
  for (JobId id = 1; id <= 3; ++id) {
    JobSpec job = Job(id, {{Devices(4), 1, 1}});
    job.min_run = Seconds(100 * static_cast<int64_t>(id));
    Submit(job);
  }
  EXPECT_EQ(Cycle(At(0)), "start 1, start 2, start 3");
  Submit(Job(4, {{Devices(4), 2, 2}}, 1));
  EXPECT_EQ(Cycle(At(1)), "");
  EXPECT_THAT(Explain(4, At(1)),
              HasSubstr("Job 'j2' of lower priority may not be ended before 199 s from now"));
  EXPECT_EQ(Cycle(At(200)), "end 1, end 2, start 4");
}

TEST_F(SchedulerTest, WhoMayNotBeEndedIsNot) {
  JobSpec job = Job(1, {{Devices(4), 3, 3}});
  job.preemptible = false;
  Submit(job);
  EXPECT_EQ(Cycle(At(0)), "start 1");
  Submit(Job(2, {{Devices(1), 1, 1}}, 1));
  EXPECT_EQ(Cycle(At(1)), "");
}

TEST_F(SchedulerTest, MembersThatAGangCanDoWithoutGoFirst) {
  Submit(Job(1, {{Devices(1), 2, 10}}));
  Submit(Job(2, {{Devices(2), 1, 1}}));
  EXPECT_EQ(Cycle(At(0)), "start 1, start 2");
  EXPECT_EQ(scheduler_->members(1)->size(), 10u);
  Submit(Job(3, {{Devices(1), 3, 3}}));
  EXPECT_EQ(Cycle(At(5)), "shrink 1, start 3") << "equal priority is enough for that";
  EXPECT_EQ(scheduler_->members(1)->size(), 7u);
  EXPECT_EQ(last_[0].members.size(), 7u);
  scheduler_->Remove(2, At(6));
  EXPECT_EQ(Cycle(At(6)), "grow 1");
  EXPECT_EQ(scheduler_->members(1)->size(), 9u);
}

TEST_F(SchedulerTest, AGangThatHasAllItMayHaveGivesToo) {
  Submit(Job(1, {{Devices(1), 2, 12}}));
  EXPECT_EQ(Cycle(At(0)), "start 1");
  EXPECT_EQ(scheduler_->members(1)->size(), 12u);
  Submit(Job(2, {{Devices(1), 3, 3}}));
  EXPECT_EQ(Cycle(At(5)), "shrink 1, start 2");
}

TEST_F(SchedulerTest, MovesRatherThanEnds) {
  SchedulerOptions options;
  options.move = true;
  Make(options, {Queue("a")});
  // Two devices idle on each of two nodes, and someone needs four.
  const auto on = [&](JobId id, NodeId node, std::vector<int32_t> devices) {
    const Role role{Devices(static_cast<int32_t>(devices.size())), 1, 1};
    ASSERT_TRUE(scheduler_->Adopt(Job(id, {role}), {{0, {node, node, std::move(devices)}}}, At(0)).ok());
  };
  on(1, 0, {0, 1});
  on(2, 1, {0, 1});
  on(3, 2, {0, 1, 2, 3});
  Submit(Job(4, {{Devices(4), 1, 1}}));
  EXPECT_EQ(Cycle(At(1)), "move 1, start 4");
  EXPECT_EQ(scheduler_->state(1), Scheduler::kRunning);
  EXPECT_EQ(last_[0].members[0].where.cpu_node, 1u);
  EXPECT_EQ(last_[0].reason, "job 'j4' fits only where it was");
  Submit(Job(5, {{Devices(4), 1, 1}}));
  EXPECT_EQ(Cycle(At(2)), "") << "nobody of equal priority is ended";
}

TEST_F(SchedulerTest, BorrowedShareIsTakenBack) {
  QueueLimits half;
  half.device_milli = 6'000;
  Make({}, {Queue("a", half), Queue("b", half)});
  for (JobId id = 1; id <= 6; ++id) {
    Submit(Job(id, {{Devices(2), 1, 1}}));
  }
  EXPECT_EQ(Cycle(At(0)), "start 1, start 2, start 3, start 4, start 5, start 6");
  for (JobId id = 7; id <= 10; ++id) {
    Submit(Job(id, {{Devices(2), 1, 1}}, 0, "b"));
  }
  EXPECT_EQ(Cycle(At(10)), "end 1, start 7, end 2, start 8, end 3, start 9")
      << "down to what is guaranteed to both, and not further";
  EXPECT_EQ(last_[0].reason, "queue 'a' had borrowed what is guaranteed to queue 'b' of job 'j7'");
  EXPECT_EQ(Cycle(At(11)), "");
}

TEST_F(SchedulerTest, LimitsHoldAndAreNamed) {
  QueueLimits four;
  four.device_milli = 4'000;
  Make({}, {Queue("a", {}, four)});
  Submit(Job(1, {{Devices(3), 1, 1}}));
  Submit(Job(2, {{Devices(2), 1, 1}}));
  EXPECT_EQ(Cycle(At(0)), "start 1");
  EXPECT_EQ(Explain(2, At(0)), "job 'j2' waits since queue 'a' is at its limit");
  Submit(Job(3, {{Devices(1), 1, 1}}));
  EXPECT_EQ(Cycle(At(1)), "start 3");
}

TEST_F(SchedulerTest, LimitsHoldForWhatAGangTakesBesides) {
  QueueLimits seven;
  seven.device_milli = 7'000;
  Make({}, {Queue("a", {}, seven)});
  Submit(Job(1, {{Devices(2), 1, 2}, {Devices(1), 1, 10}}));
  EXPECT_EQ(Cycle(At(0)), "start 1");
  EXPECT_EQ(queues_->used(0).total_device_milli(), 7'000) << "2 x 2 and 3 x 1";
  EXPECT_EQ(Cycle(At(1)), "");
}

TEST_F(SchedulerTest, LimitsHoldForWhatAGangGrowsTo) {
  QueueLimits seven;
  seven.device_milli = 7'000;
  Make({}, {Queue("a", {}, seven)});
  Submit(Job(1, {{Devices(2), 1, 1}}));
  Submit(Job(2, {{Devices(2), 1, 10}}));
  EXPECT_EQ(Cycle(At(0)), "start 1, start 2");
  EXPECT_EQ(scheduler_->members(2)->size(), 2u);
  scheduler_->Remove(1, At(1));
  EXPECT_EQ(Cycle(At(1)), "grow 2");
  EXPECT_EQ(scheduler_->members(2)->size(), 3u) << "a fourth would be 8 devices";
}

TEST_F(SchedulerTest, ALimitOfOneModelLeavesTheOther) {
  QueueLimits limit;
  limit.model_milli[0] = 0;
  Make({}, {Queue("a", {}, limit)});
  Submit(Job(1, {{Devices(1), 1, 1}}));
  EXPECT_EQ(Cycle(At(0)), "start 1");
  EXPECT_EQ(scheduler_->members(1)->front().where.device_node, 2u);
}

TEST_F(SchedulerTest, AGangMixesModelsWithinTheirLimits) {
  QueueLimits limit;
  limit.model_milli[0] = 3'000;
  Make({}, {Queue("a", {}, limit)});
  Submit(Job(1, {{Devices(1), 6, 10}}));
  EXPECT_EQ(Cycle(At(0)), "start 1") << "three of model 0, though there are eight, and four of model 1";
  EXPECT_EQ(queues_->used(0).device_milli[0], 3'000);
  EXPECT_EQ(queues_->used(0).device_milli[1], 4'000);
  scheduler_->Remove(1, At(1));
  Submit(Job(2, {{Devices(2), 1, 1}, {Devices(1), 3, 3}}));
  EXPECT_EQ(Cycle(At(1)), "start 2");
  EXPECT_LE(queues_->used(0).device_milli[0], 3'000);
  scheduler_->Remove(2, At(2));
  limit.model_milli[1] = 2'000;
  Make({}, {Queue("a", {}, limit)});
  Submit(Job(1, {{Devices(1), 6, 10}}));
  EXPECT_EQ(Cycle(At(0)), "");
  EXPECT_EQ(Explain(1, At(0)), "job 'j1' waits since queue 'a' is at its limit");
  Submit(Job(2, {{Devices(1), 5, 10}}));
  EXPECT_EQ(Cycle(At(0)), "start 2");
  EXPECT_EQ(queues_->used(0).total_device_milli(), 5'000);
}

TEST_F(SchedulerTest, LowerPrioritiesGiveWayAtALimit) {
  QueueLimits four;
  four.device_milli = 4'000;
  Make({}, {Queue("a", {}, four), Queue("b")});
  Submit(Job(1, {{Devices(2), 1, 1}}));
  Submit(Job(2, {{Devices(2), 1, 1}}, 0, "b"));
  EXPECT_EQ(Cycle(At(0)), "start 1, start 2");
  JobSpec brief = Job(3, {{Devices(2), 1, 1}});
  brief.min_run = Seconds(50);
  Submit(brief);
  EXPECT_EQ(Cycle(At(10)), "start 3");
  Submit(Job(4, {{Devices(2), 1, 1}}, 1));
  EXPECT_EQ(Cycle(At(20)), "end 1, start 4") << "the other queue's would be of no use";
  Submit(Job(5, {{Devices(1), 1, 1}}, 1));
  EXPECT_EQ(Cycle(At(20)), "");
  EXPECT_EQ(
      Explain(5, At(20)),
      "job 'j5' waits since queue 'a' is at its limit. Job 'j3' of lower priority may not be ended before "
      "40 s from now");
  EXPECT_EQ(Cycle(At(60)), "end 3, start 5");
}

TEST_F(SchedulerTest, LowerPrioritiesGiveWayWhereRulesMove) {
  ClassRules rules;
  rules.apart = {"host"};
  const ClassId apart = *constraints_->Define(rules);
  for (JobId id = 1; id <= 3; ++id) {
    JobSpec job = Job(id, {{Devices(1), 1, 1}});
    job.rules = apart;
    job.preemptible = id != 3;
    Submit(job);
    EXPECT_EQ(Cycle(At(static_cast<int64_t>(id))), "start " + std::to_string(id));
  }
  JobSpec job = Job(4, {{Devices(1), 2, 2}}, 1);
  job.rules = apart;
  Submit(job);
  EXPECT_EQ(Cycle(At(10)), "end 1, end 2, start 4") << "there is room beside them, but they have to be apart";
  for (const Member& member : *scheduler_->members(4)) {
    EXPECT_NE(member.where.cpu_node, scheduler_->members(3)->front().where.cpu_node);
  }
}

TEST_F(SchedulerTest, AGuaranteeIsTakenBackBelowALimitThatIsReached) {
  QueueLimits four;
  four.device_milli = 4'000;
  QueueSpec a = Queue("a", four);
  QueueSpec b = Queue("b");
  a.parent = b.parent = "p";
  Make({}, {Queue("p", four, four), a, b});
  for (JobId id = 1; id <= 2; ++id) {
    Submit(Job(id, {{Devices(2), 1, 1}}, 0, "b"));
  }
  EXPECT_EQ(Cycle(At(0)), "start 1, start 2");
  Submit(Job(3, {{Devices(2), 1, 1}}, 0, "a"));
  EXPECT_THAT(Cycle(At(10)), HasSubstr("start 3")) << "b has borrowed all of what is guaranteed to a";
}

TEST_F(SchedulerTest, StaysInOneDomain) {
  JobSpec job = Job(1, {{Devices(1), 5, 5}});
  job.together = "zone";
  Submit(job);
  JobSpec large = Job(2, {{Devices(1), 9, 9}});
  large.together = "zone";
  Submit(large);
  EXPECT_EQ(Cycle(At(0)), "start 1");
  for (const Member& member : *scheduler_->members(1)) {
    EXPECT_LT(member.where.cpu_node, 2u);
  }
}

TEST_F(SchedulerTest, GrowsWithinItsDomain) {
  JobSpec job = Job(1, {{Devices(1), 2, 12}});
  job.together = "zone";
  Submit(Job(2, {{Devices(4), 1, 1}}, 1));
  Submit(Job(3, {{Devices(4), 1, 1}}, 1));
  Submit(Job(4, {{Devices(2), 1, 1}}, 1));
  Submit(job);
  EXPECT_EQ(Cycle(At(0)), "start 2, start 3, start 4, start 1");
  EXPECT_EQ(scheduler_->members(1)->size(), 2u) << "on the third node, which is a zone by itself";
  scheduler_->Remove(2, At(1));
  EXPECT_EQ(Cycle(At(1)), "") << "not elsewhere";
  scheduler_->Remove(4, At(2));
  EXPECT_EQ(Cycle(At(2)), "grow 1");
  EXPECT_EQ(scheduler_->members(1)->size(), 4u);
  for (const Member& member : *scheduler_->members(1)) {
    EXPECT_EQ(member.where.cpu_node, 2u);
  }
}

TEST_F(SchedulerTest, WindowsOpen) {
  JobSpec job = Job(1, {{Devices(1), 1, 1}});
  job.window = *TimeWindow::Parse("22:00-06:00");
  Submit(job);
  EXPECT_EQ(Cycle(At(12 * 3600)), "");
  EXPECT_EQ(Explain(1, At(12 * 3600)), "job 'j1' waits for its time: it may start in 22:00-06:00");
  EXPECT_EQ(Cycle(At(22 * 3600)), "start 1");
}

TEST_F(SchedulerTest, WhatIsSaidFromOutsideMayComeTwiceAndLate) {
  const JobSpec job = Job(1, {{Devices(2), 1, 1}});
  Submit(job);
  EXPECT_EQ(scheduler_->Submit(job, At(0)).code(), Code::kAlreadyExists);
  EXPECT_EQ(scheduler_->Confirm(1).code(), Code::kFailedPrecondition);
  EXPECT_EQ(scheduler_->Confirm(9).code(), Code::kNotFound);
  EXPECT_EQ(Cycle(At(0)), "start 1");
  EXPECT_EQ(scheduler_->state(1), Scheduler::kAssumed);
  scheduler_->Forget(1, At(1));
  scheduler_->Forget(1, At(1));
  scheduler_->Forget(9, At(1));
  EXPECT_EQ(cluster_->device_taken(), 0);
  EXPECT_EQ(Cycle(At(1)), "start 1");
  EXPECT_TRUE(scheduler_->Confirm(1).ok());
  EXPECT_TRUE(scheduler_->Confirm(1).ok());
  // It turns out to run elsewhere.
  EXPECT_TRUE(scheduler_->Adopt(job, {{0, {2, 2, {0, 1}}}}, At(2)).ok());
  EXPECT_TRUE(scheduler_->Adopt(job, {{0, {2, 2, {0, 1}}}}, At(2)).ok());
  EXPECT_EQ(cluster_->device_taken(), 2'000);
  EXPECT_EQ(scheduler_->Adopt(Job(2, {{Devices(3), 1, 1}}), {{0, {2, 2, {1, 2, 3}}}}, At(3)).message(),
            "job 'j2': a device of node n2 has too little left");
  EXPECT_TRUE(scheduler_->Audit().ok());
  scheduler_->Remove(1, At(4));
  scheduler_->Remove(1, At(4));
  EXPECT_EQ(scheduler_->Submit(job, At(5)).code(), Code::kAlreadyExists)
      << "a late word about a job that ended";
  EXPECT_EQ(scheduler_->Adopt(job, {{0, {2, 2, {0, 1}}}}, At(5)).code(), Code::kAlreadyExists);
  EXPECT_EQ(cluster_->device_taken(), 0);
  EXPECT_TRUE(scheduler_->Audit().ok());
}

TEST_F(SchedulerTest, ALostNodeSendsItsJobsBack) {
  Submit(Job(1, {{Devices(4), 2, 2}}));
  Submit(Job(2, {{Devices(4), 1, 1}}));
  EXPECT_EQ(Cycle(At(0)), "start 1, start 2");
  const NodeId node = scheduler_->members(1)->front().where.cpu_node;
  const std::vector<Decision> lost = scheduler_->LoseNode(node, At(1));
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].job, 1u);
  EXPECT_EQ(lost[0].members.size(), 2u) << "the member on the other node goes too";
  EXPECT_EQ(Cycle(At(1)), "");
  EXPECT_THAT(Explain(1, At(1)), HasSubstr("1 out of service"));
  NodeIdentity back = constraints_->node(node);
  back.in_service = true;
  scheduler_->SetNode(node, back);
  EXPECT_EQ(Cycle(At(2)), "start 1");
}

TEST_F(SchedulerTest, ALostDeviceSendsBackWhatUsesIt) {
  Submit(Job(1, {{Devices(2), 1, 1}}));
  Submit(Job(2, {{Devices(1), 1, 1}}));
  EXPECT_EQ(Cycle(At(0)), "start 1, start 2");
  const Placement where = scheduler_->members(1)->front().where;
  const std::vector<Decision> lost = scheduler_->LoseDevice(where.device_node, where.devices[0], At(1));
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].job, 1u);
  EXPECT_EQ(lost[0].reason, "device " + std::to_string(where.devices[0]) + " of node n0 is lost");
  EXPECT_TRUE(scheduler_->LoseDevice(where.device_node, where.devices[0], At(1)).empty()) << "said twice";
  EXPECT_EQ(Cycle(At(1)), "start 1") << "on what is left";
  Submit(Job(3, {{Devices(4), 3, 3}}));
  scheduler_->Remove(1, At(2));
  scheduler_->Remove(2, At(2));
  EXPECT_EQ(Cycle(At(2)), "");
  EXPECT_THAT(Explain(3, At(2)),
              HasSubstr("of 3 nodes, 1 with too few devices in service; there is room for 2"));
  scheduler_->RestoreDevice(where.device_node, where.devices[0]);
  EXPECT_EQ(Cycle(At(3)), "start 3");
}

TEST_F(SchedulerTest, QueuesAreChargedWhatDevicesHandOut) {
  QueueSpec limited = Queue("a");
  limited.limit.device_milli = 2'000;
  Make({}, {limited});
  std::vector<NodeSpec> nodes = cluster_->nodes();
  for (NodeSpec& node : nodes) {
    node.steps.share_milli = 250;
  }
  *cluster_ = Cluster(nodes);
  for (JobId id = 1; id <= 3; ++id) {
    Submit(Job(id, {{Devices(1, 510), 1, 1}}));
  }
  EXPECT_EQ(Cycle(At(0)), "start 1, start 2") << "750 each: a third is beyond the limit";
  EXPECT_EQ(queues_->used(0).total_device_milli(), 1'500);
  EXPECT_EQ(Explain(3, At(0)), "job 'j3' waits since queue 'a' is at its limit");
}

TEST_F(SchedulerTest, ExplainTellsMemoryOfDevicesFromTheirShare) {
  std::vector<NodeSpec> nodes = cluster_->nodes();
  for (NodeSpec& node : nodes) {
    node.device_memory_mib = 80'000;
  }
  *cluster_ = Cluster(nodes);
  TaskShape task = Devices(1, 500);
  task.device_memory_mib = 50'000;
  for (JobId id = 1; id <= 12; ++id) {
    Submit(Job(id, {{id <= 8 ? task : Devices(1, 900), 1, 1}}));
  }
  Cycle(At(0));
  EXPECT_EQ(scheduler_->waiting(), 0u);
  Submit(Job(13, {{task, 1, 1}}));
  EXPECT_EQ(Cycle(At(1)), "");
  EXPECT_THAT(Explain(13, At(1)),
              HasSubstr("needs 50 % of 1 device with 50000 MiB, 1 core and 10 MiB: of 3 nodes, 1 with "
                        "devices taken, 2 with too little memory left on devices; 4 devices have the "
                        "memory left, 0 of them also the share"));
}

TEST_F(SchedulerTest, RefusesWhatCouldNeverRun) {
  const auto refused = [&](const JobSpec& job) { return scheduler_->Submit(job, At(0)).message(); };
  EXPECT_EQ(refused(Job(1, {})), "job 'j1' needs no member to start");
  EXPECT_EQ(refused(Job(1, {{Devices(1), 2, 1}})),
            "job 'j1' has a role whose number of members is not 0 <= min <= max, with max at least 1");
  EXPECT_EQ(refused(Job(1, {{Devices(17), 1, 1}})), "job 'j1' asks for amounts that no node can have");
  JobSpec job = Job(1, {{Devices(1), 1, 1}});
  job.queue = 7;
  EXPECT_EQ(refused(job), "job 'j1' is in a queue that does not exist or has queues below it");
  EXPECT_EQ(scheduler_->Explain(1, At(0)).status().message(), "there is no job 1");
}

}  // namespace
}  // namespace flexai::placement
