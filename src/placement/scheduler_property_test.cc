// Random clusters, jobs and events: what must hold whatever happens.
//
// FLEXAI_PROPERTY_EVENTS sets the number of events; docs/placement.md has the command for ten million.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <memory>

#include "base/random.h"
#include "placement/room.h"
#include "placement/scheduler.h"

namespace flexai::placement {
namespace {

int64_t Events() {
  const char* const text = std::getenv("FLEXAI_PROPERTY_EVENTS");
  return text == nullptr ? 1'000'000 : std::atoll(text);
}

constexpr int64_t kEventsOfWorld = 5'000;

QueueSpec Queue(const std::string& name, const std::string& parent, double weight,
                const QueueLimits& guaranteed, const QueueLimits& limit) {
  QueueSpec queue;
  queue.name = name;
  queue.parent = parent;
  queue.weight = weight;
  queue.guaranteed = guaranteed;
  queue.limit = limit;
  return queue;
}

// One cluster with its queues, and all that has been said to its scheduler.
class World {
 public:
  explicit World(uint64_t seed) : random_(seed) {
    std::vector<NodeSpec> nodes;
    std::vector<NodeIdentity> identities;
    Resources capacity;
    const DeviceSteps kinds[] = {{}, {142, 10'240}, {250, 1}, {1, 5'120}};
    const DeviceSteps steps[] = {kinds[random_.Below(4)], kinds[random_.Below(4)]};  // by model
    const int64_t count = random_.Between(2, 9);
    for (int64_t i = 0; i < count; ++i) {
      NodeSpec node{"n" + std::to_string(i),
                    random_.Between(8, 64) * 1'000,
                    random_.Between(8, 64) * 1'024,
                    static_cast<int32_t>(random_.Between(0, 8)),
                    static_cast<int32_t>(random_.Below(2)),
                    static_cast<int32_t>(random_.Below(3)) * 40'960};
      node.steps = steps[node.model];
      for (uint8_t& group : node.groups) {
        group = static_cast<uint8_t>(random_.Below(3));
      }
      node.lends = random_.Below(4) != 0;
      node.domain = static_cast<int32_t>(random_.Below(3));
      nodes.push_back(node);
      identities.push_back({{{"zone", std::to_string(random_.Below(3))}, {"host", node.name}}, {}, true});
      capacity.cpu_milli += node.cpu_milli;
      capacity.memory_mib += node.memory_mib;
      capacity.device_milli[static_cast<size_t>(node.model)] += int64_t{node.devices} * kWholeDevice;
    }
    const int64_t devices = capacity.total_device_milli();
    QueueLimits third;
    third.device_milli = devices / 3;
    QueueLimits half;
    half.device_milli = devices / 2;
    queues_ = std::make_unique<QueueTree>(
        *QueueTree::Make({Queue("research", "", 2, third, {}), Queue("vision", "research", 1, {}, {}),
                          Queue("language", "research", 3, {}, half), Queue("production", "", 1, third, {})},
                         capacity, Seconds(static_cast<int64_t>(random_.Below(2) * 600))));
    cluster_ = std::make_unique<Cluster>(nodes, RandomLinks());
    constraints_ = std::make_unique<Constraints>(identities);
    const std::vector<std::string> policies = PolicyNames();
    policy_ = *MakePolicy(policies[random_.Below(policies.size())], {typical_, seed});
    options_.move = random_.Below(2) == 0;
    options_.preempt = random_.Below(4) != 0;
    reserves_ = random_.Below(2) == 0;
    options_.reserve_after = reserves_ ? Seconds(random_.Between(0, 100)) : Seconds(1'000'000'000);
    scheduler_ = std::make_unique<Scheduler>(*cluster_, *constraints_, *queues_, *policy_, options_);
    ClassRules spread;
    spread.spreads = {{"zone", 2}};
    ClassRules apart;
    apart.apart = {"host"};
    rules_ = {kNoRules, kNoRules, kNoRules, *constraints_->Define(spread), *constraints_->Define(apart)};
  }

  // Half of the worlds have none.
  Links RandomLinks() {
    std::vector<LinkSpec> links;
    for (int32_t from = 0; from < 3; ++from) {
      for (int32_t to = from; to < 3; ++to) {
        if (random_.Below(4) != 0) {
          links.push_back({from, to, static_cast<int32_t>(random_.Between(0, 20) * 10), Micros(50)});
        }
      }
    }
    return random_.Below(2) == 0 ? Links() : *Links::Make({"east", "west", "south"}, links);
  }

  void Event() {
    now_ = now_ + Millis(random_.Between(0, 20'000));
    const uint64_t kind = random_.Below(100);
    const JobId job = live_.empty() ? 0 : live_[random_.Below(live_.size())];
    if (kind < 45 && live_.size() < 60) {
      Submit();
    } else if (kind < 80 && job != 0) {
      scheduler_->Remove(job, now_);
      live_.erase(std::find(live_.begin(), live_.end(), job));
      ended_.push_back(job);
    } else if (kind < 88 && job != 0) {
      (void)scheduler_->Confirm(job);
    } else if (kind < 92 && job != 0) {
      scheduler_->Forget(job, now_);
    } else if (kind < 94 && job != 0) {
      // Somebody says that it runs somewhere; mostly there is no room.
      const JobSpec spec = *scheduler_->spec(job);
      std::vector<Member> members;
      for (int i = 0; i < spec.roles[0].min; ++i) {
        const auto node = static_cast<NodeId>(random_.Below(cluster_->nodes().size()));
        if (cluster_->nodes()[node].devices < spec.roles[0].shape.devices) {
          return;
        }
        const bool remote = spec.roles[0].shape.remote != Remote::kNever;
        const NodeId cpu = remote ? static_cast<NodeId>(random_.Below(cluster_->nodes().size())) : node;
        const DeviceMask first = FirstDevices(0xffff, spec.roles[0].shape.devices);
        members.push_back({0, {cpu, node, cluster_->DevicesAt(node, first)}});
      }
      if (spec.roles.size() == 1) {
        (void)scheduler_->Adopt(spec, std::move(members), now_);
      }
    } else if (kind < 95 && !ended_.empty()) {
      scheduler_->Remove(ended_[random_.Below(ended_.size())], now_);  // again
    } else if (kind < 96) {
      (void)scheduler_->LoseNode(static_cast<NodeId>(random_.Below(cluster_->nodes().size())), now_);
    } else if (kind < 98) {
      const auto node = static_cast<NodeId>(random_.Below(cluster_->nodes().size()));
      if (const int32_t devices = cluster_->nodes()[node].devices; devices > 0) {
        const auto device = static_cast<int32_t>(random_.Below(static_cast<uint64_t>(devices)));
        if (random_.Below(2) == 0) {
          (void)scheduler_->LoseDevice(node, device, now_);
        } else {
          scheduler_->RestoreDevice(node, device);
        }
      }
    } else {
      const auto node = static_cast<NodeId>(random_.Below(cluster_->nodes().size()));
      NodeIdentity identity = constraints_->node(node);
      identity.in_service = true;
      scheduler_->SetNode(node, identity);
    }
    // What is adopted may be beyond limits; what is decided is not.
    const QueueId limited = *queues_->Find("language");
    const int64_t used = queues_->used(limited).total_device_milli();
    decisions_ += static_cast<int64_t>(scheduler_->Cycle(now_).size());
    const int64_t after = queues_->used(limited).total_device_milli();
    ASSERT_TRUE(after <= *queues_->spec(limited).limit.device_milli || after <= used);
  }

  Status Check() const {
    FLEXAI_RETURN_IF_ERROR(scheduler_->Audit());
    for (const JobId job : live_) {
      if (!scheduler_->state(job).has_value()) {
        return Internal("job " + std::to_string(job) + " is lost");
      }
      for (const Member& member : *scheduler_->members(job)) {
        for (const int32_t device : member.where.devices) {
          if (!cluster_->InService(member.where.device_node, device)) {
            return Internal("job " + std::to_string(job) + " is on a device out of service");
          }
        }
      }
    }
    for (QueueId queue = 0; queue < queues_->size(); ++queue) {
      // Adopted jobs are beyond limits as they come.
      if (queues_->used(queue).total_device_milli() < 0) {
        return Internal("a queue uses less than nothing");
      }
    }
    if (options_.preempt && !reserves_) {
      for (const JobId job : live_) {
        FLEXAI_RETURN_IF_ERROR(CheckNobodyLowerBlocks(job));
      }
    }
    return {};
  }

  int64_t decisions() const { return decisions_; }

 private:
  void Submit() {
    JobSpec job;
    job.id = ++last_;
    job.name = "j" + std::to_string(job.id);
    for (uint64_t role = 0; role < (random_.Below(5) == 0 ? 2u : 1u); ++role) {
      TaskShape shape{random_.Between(1, 8) * 1'000, random_.Between(1, 8) * 1'024, 0, 0, kAnyModel};
      shape.devices = static_cast<int32_t>(random_.Below(4));
      shape.share_milli = shape.devices == 0 ? 0 : static_cast<int32_t>(random_.Between(1, 10) * 100);
      shape.models = random_.Below(4) == 0 ? OneModel(static_cast<int>(random_.Below(2))) : kAnyModel;
      if (shape.devices > 0 && random_.Below(3) == 0) {
        shape.device_memory_mib = static_cast<int32_t>(random_.Between(1, 8)) * 5'120;
      }
      if (shape.devices > 0 && random_.Below(3) == 0) {
        shape.remote = random_.Below(3) == 0 ? Remote::kOnly : Remote::kAllowed;
        shape.link_mbit = static_cast<int32_t>(random_.Below(4) * 10);
      }
      const int min = random_.Below(3) == 0 ? static_cast<int>(random_.Between(1, 5)) : 1;
      job.roles.push_back(
          {shape, min, min + (random_.Below(4) == 0 ? static_cast<int>(random_.Below(4)) : 0)});
    }
    job.queue =
        *queues_->Find(std::vector<std::string>{"vision", "language", "production"}[random_.Below(3)]);
    job.priority = static_cast<int32_t>(random_.Below(3));
    job.preemptible = random_.Below(5) != 0;
    job.min_run = random_.Below(3) == 0 ? Seconds(random_.Between(1, 200)) : Nanos{};
    job.restart_cost = Seconds(random_.Between(0, 30));
    job.expected_run = random_.Below(2) == 0 ? Seconds(random_.Between(1, 500)) : Nanos{};
    job.rules = rules_[random_.Below(rules_.size())];
    job.together = random_.Below(6) == 0 ? "zone" : "";
    if (random_.Below(20) == 0) {
      job.window = *TimeWindow::Make(0, 720, 0x7f);
    }
    job.submitted = now_;
    const Status status = scheduler_->Submit(job, now_);
    ASSERT_TRUE(status.ok()) << status.message();
    live_.push_back(job.id);
  }

  // A lower priority never blocks a higher, except within its least run time.
  Status CheckNobodyLowerBlocks(JobId id) const {
    const JobSpec& job = *scheduler_->spec(id);
    if (scheduler_->state(id) != Scheduler::kPending || job.roles.size() != 1 || job.rules != kNoRules ||
        !job.together.empty() || job.window.has_value()) {
      return {};
    }
    Role role = job.roles[0];
    for (int model = 0; model < 2; ++model) {
      Resources need;
      need.cpu_milli = role.min * role.shape.cpu_milli;
      need.memory_mib = role.min * role.shape.memory_mib;
      need.device_milli[static_cast<size_t>(model)] =
          role.min * cluster_->Taken(role.shape, model).device_milli();
      if (queues_->Blocking(job.queue, need).has_value()) {
        role.shape.models &= ~OneModel(model);
        if (role.shape.devices == 0) {
          return {};
        }
      }
    }
    std::deque<std::vector<Evictable::Part>> parts;
    std::vector<Evictable> lower;
    for (const JobId other : live_) {
      const JobSpec& spec = *scheduler_->spec(other);
      if (spec.priority < job.priority && spec.preemptible && spec.min_run == Nanos{} &&
          scheduler_->state(other) != Scheduler::kPending) {
        std::vector<Evictable::Part>& of_job = parts.emplace_back();
        for (const Member& member : *scheduler_->members(other)) {
          of_job.push_back({spec.roles[member.role].shape, member.where});
        }
        lower.push_back({0, 0, of_job});
      }
    }
    const Request request{role.shape, &constraints_->Allowed(kNoRules)};
    bool fits =
        role.shape.remote != Remote::kOnly && ChooseVictims(*cluster_, request, role.min, lower).has_value();
    if (role.shape.remote != Remote::kNever && role.min == 1) {
      // A policy finds what fits remotely; of several members a search may miss some.
      Cluster without = *cluster_;
      for (const Evictable& evictable : lower) {
        for (const Evictable::Part& part : evictable.parts) {
          without.Give(part.shape, part.where);
        }
      }
      fits = (*MakePolicy("best-fit", {}))->Choose(without, request).has_value();
    }
    if (fits) {
      return Internal("job " + job.name + " waits, though it would fit without those of lower priority: " +
                      *scheduler_->Explain(id, now_));
    }
    return {};
  }

  Random random_;
  SchedulerOptions options_;
  bool reserves_ = false;
  std::vector<TypicalTask> typical_{{{1'000, 0, 1, 500, kAnyModel}, 0.3},
                                    {{1'000, 0, 1, 300, kAnyModel, 10'240}, 0.2},
                                    {{4'000, 0, 1, 1000, kAnyModel}, 0.5}};
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<Constraints> constraints_;
  std::unique_ptr<QueueTree> queues_;
  std::unique_ptr<Policy> policy_;
  std::unique_ptr<Scheduler> scheduler_;
  std::vector<ClassId> rules_;
  std::vector<JobId> live_;
  std::vector<JobId> ended_;
  JobId last_ = 0;
  Nanos now_;
  int64_t decisions_ = 0;
};

TEST(SchedulerProperty, HoldsWhateverHappens) {
  int64_t decisions = 0;
  const int64_t events = Events();
  for (int64_t done = 0; done < events; done += kEventsOfWorld) {
    const auto seed = static_cast<uint64_t>(done / kEventsOfWorld);
    World world(seed);
    for (int64_t event = 0; event < std::min(kEventsOfWorld, events - done); ++event) {
      world.Event();
      if (event % 20 == 0) {
        const Status status = world.Check();
        ASSERT_TRUE(status.ok()) << "world " << seed << ", event " << event << ": " << status.message();
      }
    }
    decisions += world.decisions();
  }
  EXPECT_GT(decisions, events / 6);
}

}  // namespace
}  // namespace flexai::placement
