// Jobs whose devices may be on another node: how they start, make room, grow, move, and what is told of them.
#include <gmock/gmock.h>

#include <memory>

#include "placement/scheduler.h"

namespace flexai::placement {
namespace {

using ::testing::HasSubstr;

constexpr Nanos At(int64_t seconds) { return Seconds(seconds); }

TaskShape Shape(int64_t cores, int32_t devices, Remote remote = Remote::kNever, int32_t link_mbit = 0) {
  TaskShape shape{cores * 1'000, 10, devices, devices > 0 ? kWholeDevice : 0, kAnyModel};
  shape.remote = remote;
  shape.link_mbit = link_mbit;
  return shape;
}

NodeSpec Node(const std::string& name, int64_t cores, int32_t devices, int32_t domain = 0) {
  NodeSpec node;
  node.name = name;
  node.cpu_milli = cores * 1'000;
  node.memory_mib = 64'000;
  node.devices = devices;
  node.domain = domain;
  return node;
}

class SchedulerRemoteTest : public ::testing::Test {
 protected:
  // A node with devices and hardly any CPU, and one with CPU alone.
  SchedulerRemoteTest() { Make({Node("gpu", 2, 4), Node("cpu", 64, 0)}); }

  void Make(std::vector<NodeSpec> nodes, Links links = {}, const SchedulerOptions& options = {}) {
    Resources capacity;
    for (const NodeSpec& node : nodes) {
      capacity.cpu_milli += node.cpu_milli;
      capacity.memory_mib += node.memory_mib;
      capacity.device_milli[0] += int64_t{node.devices} * kWholeDevice;
    }
    QueueSpec queue;
    queue.name = "a";
    constraints_ = std::make_unique<Constraints>(std::vector<NodeIdentity>(nodes.size()));
    cluster_ = std::make_unique<Cluster>(std::move(nodes), std::move(links));
    queues_ = std::make_unique<QueueTree>(*QueueTree::Make({queue}, capacity, Seconds(600)));
    policy_ = *MakePolicy("binpack", {});
    scheduler_ = std::make_unique<Scheduler>(*cluster_, *constraints_, *queues_, *policy_, options);
  }

  void Submit(JobId id, const TaskShape& shape, int min = 1, int max = 1, int32_t priority = 0) {
    JobSpec job;
    job.id = id;
    job.name = "j" + std::to_string(id);
    job.roles = {{shape, min, max}};
    job.priority = priority;
    job.queue = *queues_->Find("a");
    job.submitted = Nanos{static_cast<int64_t>(id)};
    const Status status = scheduler_->Submit(std::move(job), At(0));
    ASSERT_TRUE(status.ok()) << status.message();
  }
  std::string Cycle(Nanos now) {
    std::string text;
    for (const Decision& decision : scheduler_->Cycle(now)) {
      const char* const names[] = {"end", "move", "shrink", "start", "grow"};
      text +=
          (text.empty() ? "" : ", ") + std::string(names[decision.kind]) + " " + std::to_string(decision.job);
    }
    const Status audit = scheduler_->Audit();
    EXPECT_TRUE(audit.ok()) << audit.message();
    return text;
  }
  std::string Explain(JobId job) { return *scheduler_->Explain(job, At(9)); }

  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<Constraints> constraints_;
  std::unique_ptr<QueueTree> queues_;
  std::unique_ptr<Policy> policy_;
  std::unique_ptr<Scheduler> scheduler_;
};

Links OneLink(int32_t mbit) {
  const std::vector<LinkSpec> specs{{0, 1, mbit, Micros(50)}};
  return *Links::Make({"east", "west"}, specs);
}

TEST_F(SchedulerRemoteTest, GangsStartOnTwoNodesAndSaySo) {
  Submit(1, Shape(8, 1), 3, 3);
  Submit(2, Shape(8, 1, Remote::kAllowed), 3, 3);
  EXPECT_EQ(Cycle(At(0)), "start 2");
  EXPECT_EQ(
      Explain(2),
      "job 'j2' runs with 3 members on cpu, 3 of them remotely, the first with CPU on cpu, devices on gpu");
  Submit(3, Shape(8, 1, Remote::kOnly));
  EXPECT_EQ(Cycle(At(1)), "start 3");
  EXPECT_EQ(Explain(3), "job 'j3' runs with 1 member: CPU on cpu, devices on gpu");
  scheduler_->Forget(3, At(2));
  scheduler_->Remove(2, At(2));
  EXPECT_EQ(Cycle(At(2)), "start 3");
}

TEST_F(SchedulerRemoteTest, LinksBoundWhatRuns) {
  Make({Node("gpu", 2, 4), Node("cpu", 64, 0, 1)}, OneLink(100));
  Submit(1, Shape(8, 1, Remote::kAllowed, 40), 1, 4);
  EXPECT_EQ(Cycle(At(0)), "start 1");
  EXPECT_EQ(scheduler_->members(1)->size(), 2u) << "two at 40 Mbit/s";
  Submit(2, Shape(8, 1, Remote::kAllowed, 30));
  EXPECT_EQ(Cycle(At(1)), "shrink 1, start 2") << "it can do with fewer";
  Submit(3, Shape(8, 1, Remote::kAllowed, 40));
  EXPECT_EQ(Cycle(At(2)), "");
  EXPECT_THAT(Explain(3),
              HasSubstr("remotely devices and CPU have room, but not on two nodes with 40 Mbit/s left"));
  scheduler_->Remove(2, At(3));
  EXPECT_EQ(Cycle(At(3)), "start 3");
  scheduler_->Remove(3, At(4));
  EXPECT_EQ(Cycle(At(4)), "grow 1");
}

TEST_F(SchedulerRemoteTest, ExplainsWhichHalfHasNoRoom) {
  Submit(1, Shape(0, 3));
  Submit(2, Shape(60, 0));
  EXPECT_EQ(Cycle(At(0)), "start 1, start 2");
  Submit(3, Shape(8, 2, Remote::kAllowed));
  Submit(4, Shape(8, 1, Remote::kOnly));
  EXPECT_EQ(Cycle(At(1)), "");
  EXPECT_EQ(
      Explain(3),
      "job 'j3' in queue 'a' needs 2 devices, 8 cores and 10 MiB, remotely if need be: of 2 nodes, 1 without "
      "such devices, 1 too small; remotely its devices have no room: of 2 nodes, 1 without such devices, "
      "1 with devices taken. Where it would fit run jobs: 1 of equal priority");
  EXPECT_EQ(
      Explain(4),
      "job 'j4' in queue 'a' needs 1 device, 8 cores and 10 MiB, remotely: remotely its CPU and memory have "
      "no room: of 2 nodes, 1 too small, 1 with too little CPU left. Where it would fit run jobs: 1 of "
      "equal priority");
  Make({Node("gpu", 64, 1)});
  Submit(1, Shape(1, 1, Remote::kOnly));
  EXPECT_EQ(Cycle(At(0)), "");
  EXPECT_THAT(Explain(1), HasSubstr("remotely devices and CPU have room, but not on two nodes"));
  NodeSpec keeps = Node("gpu", 64, 1);
  keeps.lends = false;
  Make({keeps, Node("cpu", 64, 0)});
  Submit(1, Shape(1, 1, Remote::kOnly));
  EXPECT_EQ(Cycle(At(0)), "");
  EXPECT_THAT(Explain(1),
              HasSubstr("its devices have no room: of 2 nodes, 1 without such devices, 1 that lend none"));
}

TEST_F(SchedulerRemoteTest, EndsWhoHoldsTheHalfThatIsMissing) {
  Submit(1, Shape(0, 4));   // all devices
  Submit(2, Shape(30, 0));  // CPU that is not missing
  EXPECT_EQ(Cycle(At(0)), "start 1, start 2");
  Submit(3, Shape(8, 1, Remote::kAllowed), 1, 1, 5);
  EXPECT_EQ(Cycle(At(1)), "end 1, start 3");
  Submit(4, Shape(30, 1, Remote::kOnly), 1, 1, 5);
  EXPECT_EQ(Cycle(At(2)), "end 2, start 4");
}

TEST_F(SchedulerRemoteTest, MakesRoomOnOneNodeFirst) {
  Make({Node("gpu", 16, 4), Node("other", 2, 4), Node("cpu", 64, 0)});
  Submit(1, Shape(0, 4));
  Submit(2, Shape(0, 4));
  EXPECT_EQ(Cycle(At(0)), "start 1, start 2");
  const JobId on_gpu = (*scheduler_->members(1))[0].where.cpu_node == 0 ? 1 : 2;
  Submit(3, Shape(8, 1, Remote::kAllowed), 1, 1, 5);
  EXPECT_EQ(Cycle(At(1)), "end " + std::to_string(on_gpu) + ", start 3");
  EXPECT_THAT(Explain(3), HasSubstr("on gpu"));
}

TEST_F(SchedulerRemoteTest, EndsWhoHoldsTheLink) {
  Make({Node("gpu", 2, 4), Node("cpu", 64, 0, 1)}, OneLink(100));
  Submit(1, Shape(8, 1, Remote::kAllowed, 60));
  Submit(2, Shape(8, 1, Remote::kAllowed, 30));
  Submit(3, Shape(1, 1));
  EXPECT_EQ(Cycle(At(0)), "start 1, start 2, start 3");
  Submit(4, Shape(8, 1, Remote::kAllowed, 70), 1, 1, 5);
  EXPECT_EQ(Cycle(At(1)), "end 1, start 4") << "who fits beside it stays";
}

TEST_F(SchedulerRemoteTest, MovesToTwoNodes) {
  SchedulerOptions options;
  options.move = true;
  Make({Node("gpu", 16, 2), Node("small", 2, 2), Node("cpu", 64, 0)}, {}, options);
  Submit(1, Shape(8, 2, Remote::kAllowed));
  EXPECT_EQ(Cycle(At(0)), "start 1");
  EXPECT_THAT(Explain(1), HasSubstr("on gpu"));
  Submit(2, Shape(9, 2));
  EXPECT_EQ(Cycle(At(1)), "move 1, start 2");
  EXPECT_THAT(Explain(1), HasSubstr("CPU on cpu, devices on small"));
}

TEST_F(SchedulerRemoteTest, AReservationKeepsBothNodes) {
  SchedulerOptions options;
  options.reserve_after = Seconds(0);
  Make({Node("gpu", 2, 4), Node("cpu", 64, 0), Node("spare", 2, 1)}, {}, options);
  Submit(1, Shape(1, 4));
  EXPECT_EQ(Cycle(At(0)), "start 1");
  Submit(2, Shape(64, 4, Remote::kOnly));
  EXPECT_EQ(Cycle(At(1)), "");
  EXPECT_THAT(Explain(2), HasSubstr("2 nodes are reserved for it"));
  Submit(3, Shape(8, 0));
  EXPECT_EQ(Cycle(At(2)), "") << "it would take the CPU";
  scheduler_->Remove(1, At(3));
  EXPECT_EQ(Cycle(At(3)), "start 2");
}

TEST_F(SchedulerRemoteTest, ALostNodeGivesTheLinkBack) {
  Make({Node("gpu", 2, 4), Node("cpu", 64, 0, 1)}, OneLink(100));
  Submit(1, Shape(8, 1, Remote::kOnly, 100));
  EXPECT_EQ(Cycle(At(0)), "start 1");
  const std::vector<Member> members = *scheduler_->members(1);
  EXPECT_EQ(scheduler_->LoseNode(0, At(1)).size(), 1u) << "it has its devices there";
  EXPECT_EQ(cluster_->links().free_mbit(0), 100);
  EXPECT_EQ(Cycle(At(1)), "");
  scheduler_->SetNode(0, {});
  ASSERT_TRUE(scheduler_->Adopt(*scheduler_->spec(1), members, At(2)).ok());
  EXPECT_EQ(cluster_->links().free_mbit(0), 0);
  EXPECT_TRUE(scheduler_->Audit().ok());
}

}  // namespace
}  // namespace flexai::placement
