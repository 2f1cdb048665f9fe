// Three nodes with four devices each under a scheduler, for tests.
#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "placement/scheduler.h"

namespace flexai::placement {

inline QueueSpec Queue(const std::string& name, const QueueLimits& guaranteed = {},
                       const QueueLimits& limit = {}) {
  QueueSpec queue;
  queue.name = name;
  queue.guaranteed = guaranteed;
  queue.limit = limit;
  return queue;
}

constexpr Nanos At(int64_t seconds) { return Seconds(seconds); }

inline TaskShape Devices(int32_t count, int32_t share_milli = 1000) {
  return {1'000, 10, count, share_milli, kAnyModel};
}

class SchedulerTest : public ::testing::Test {
 protected:
  SchedulerTest() { Make({}, {Queue("a"), Queue("b")}); }

  // Three nodes with four devices each.
  void Make(const SchedulerOptions& options, std::vector<QueueSpec> queues) {
    std::vector<NodeSpec> nodes;
    std::vector<NodeIdentity> identities;
    for (int i = 0; i < 3; ++i) {
      nodes.push_back({"n" + std::to_string(i), 64'000, 64'000, 4, i == 2 ? 1 : 0});
      identities.push_back({{{"zone", i < 2 ? "1" : "2"}, {"host", std::to_string(i)}}, {}, true});
    }
    cluster_ = std::make_unique<Cluster>(nodes);
    constraints_ = std::make_unique<Constraints>(identities);
    Resources capacity;
    capacity.cpu_milli = 192'000;
    capacity.memory_mib = 192'000;
    capacity.device_milli[0] = 8'000;
    capacity.device_milli[1] = 4'000;
    queues_ = std::make_unique<QueueTree>(*QueueTree::Make(std::move(queues), capacity, Seconds(600)));
    policy_ = *MakePolicy("binpack", {});
    scheduler_ = std::make_unique<Scheduler>(*cluster_, *constraints_, *queues_, *policy_, options);
  }

  JobSpec Job(JobId id, std::vector<Role> roles, int32_t priority = 0, const std::string& queue = "a") {
    JobSpec job;
    job.id = id;
    job.name = "j" + std::to_string(id);
    job.roles = std::move(roles);
    job.priority = priority;
    job.queue = *queues_->Find(queue);
    job.submitted = Nanos{static_cast<int64_t>(id)};
    return job;
  }
  void Submit(JobSpec job) {
    const Status status = scheduler_->Submit(std::move(job), At(0));
    ASSERT_TRUE(status.ok()) << status.message();
  }
  // What the cycle does, as "start 1, end 2".
  std::string Cycle(Nanos now) {
    std::string text;
    last_ = scheduler_->Cycle(now);
    for (const Decision& decision : last_) {
      const char* const names[] = {"end", "move", "shrink", "start", "grow"};
      text +=
          (text.empty() ? "" : ", ") + std::string(names[decision.kind]) + " " + std::to_string(decision.job);
    }
    const Status audit = scheduler_->Audit();
    EXPECT_TRUE(audit.ok()) << audit.message();
    return text;
  }
  std::string Explain(JobId job, Nanos now) { return *scheduler_->Explain(job, now); }

  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<Constraints> constraints_;
  std::unique_ptr<QueueTree> queues_;
  std::unique_ptr<Policy> policy_;
  std::unique_ptr<Scheduler> scheduler_;
  std::vector<Decision> last_;
};

}  // namespace flexai::placement
