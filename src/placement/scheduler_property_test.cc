// Random clusters, jobs and events: what must hold whatever happens.
//
// FLEXAI_PROPERTY_EVENTS sets the number of events; docs/placement.md has the command for ten million.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <memory>
#include <numeric>

#include "base/random.h"
#include "placement/remote.h"
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
      if (random_.Below(6) == 0) {
        identities.back().taints = {{"dedicated", "yes"}};
      }
      capacity.cpu_milli += node.cpu_milli;
      capacity.memory_mib += node.memory_mib;
      capacity.device_milli[static_cast<size_t>(node.model)] += int64_t{node.devices} * kWholeDevice;
    }
    const int64_t devices = capacity.total_device_milli();
    QueueLimits third;
    third.device_milli = devices / 3;
    QueueLimits half;
    half.device_milli = devices / 2;
    half.model_milli[0] = static_cast<int64_t>(random_.Below(4)) * capacity.device_milli[0] / 4;
    QueueLimits most;  // of what both below it use
    if (random_.Below(2) == 0) {
      most.cpu_milli = capacity.cpu_milli * 2 / 3;
      most.model_milli[1] = capacity.device_milli[1] / 2;
      most.device_milli = devices * 2 / 3;
    }
    std::vector<QueueSpec> queues = {
        Queue("research", "", 2, third, most), Queue("vision", "research", 1, {}, {}),
        Queue("language", "research", 3, {}, half), Queue("production", "", 1, third, {})};
    queues.back().borrow = random_.Below(4) != 0 || devices == 0;
    queues_ = std::make_unique<QueueTree>(
        *QueueTree::Make(queues, capacity, Seconds(static_cast<int64_t>(random_.Below(2) * 600))));
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
    ClassRules there;
    there.selectors = {{"zone", Selector::kIn, {"0", "1"}}};
    ClassRules tolerant;
    tolerant.tolerations = {{"dedicated", ""}};
    tolerant.spreads = {{"host", 1}};
    for (const ClassRules& rules : {spread, apart, there, tolerant}) {
      rules_.push_back(*constraints_->Define(rules));
      rules_.push_back(kNoRules);
    }
    apart_ = rules_[2];
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
    Happen();
    Decide();
  }

  void Happen() {
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
      const bool ran = scheduler_->state(job) == Scheduler::kRunning;
      if (spec.roles.size() == 1 && scheduler_->Adopt(spec, std::move(members), now_).ok()) {
        adopted_.insert(job);
        started_[job] = ran ? started_[job] : now_;
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
  }

  void Decide() {
    // What is adopted may be beyond limits; what is decided is not.
    std::vector<Resources> before;
    for (QueueId queue = 0; queue < queues_->size(); ++queue) {
      before.push_back(queues_->used(queue));
    }
    for (const Decision& decision : scheduler_->Cycle(now_)) {
      ++decisions_;
      if (decision.kind == Decision::kStart || decision.kind == Decision::kMove) {
        adopted_.erase(decision.job);
      }
      if (decision.kind == Decision::kStart) {
        started_[decision.job] = now_;
      }
    }
    for (QueueId queue = 0; queue < queues_->size(); ++queue) {
      const QueueSpec& spec = queues_->spec(queue);
      const auto holds = [&](const QueueLimits& limits) {
        return Keeps(limits.cpu_milli, before[queue].cpu_milli, queues_->used(queue).cpu_milli) &&
               Keeps(limits.device_milli, before[queue].total_device_milli(),
                     queues_->used(queue).total_device_milli()) &&
               std::all_of(limits.model_milli.begin(), limits.model_milli.end(), [&](const auto& bound) {
                 const auto model = static_cast<size_t>(bound.first);
                 return Keeps(bound.second, before[queue].device_milli[model],
                              queues_->used(queue).device_milli[model]);
               });
      };
      ASSERT_TRUE(holds(spec.limit) && (spec.borrow || holds(spec.guaranteed))) << "limit of " << spec.name;
    }
  }

  Status Check() {
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
    for (const JobId job : live_) {
      FLEXAI_RETURN_IF_ERROR(CheckRules(job));
      if (options_.preempt) {
        FLEXAI_RETURN_IF_ERROR(CheckNobodyLowerBlocks(job));
      }
    }
    return {};
  }

  int64_t decisions() const { return decisions_; }
  // How often somebody waited for what may make it wait.
  int64_t held() const { return held_; }
  int64_t reserved() const { return reserved_; }

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

  static bool Keeps(const std::optional<int64_t>& bound, int64_t before, int64_t after) {
    return !bound.has_value() || after <= *bound || after <= before;
  }

  // Nobody that the scheduler has placed breaks its own rules that look at others.
  Status CheckRules(JobId id) const {
    const JobSpec& job = *scheduler_->spec(id);
    std::vector<std::string> zones;
    for (const Member& member : *scheduler_->members(id)) {
      zones.push_back(constraints_->node(member.where.cpu_node).labels.at("zone"));
      for (const JobId other : live_) {
        if (job.rules != apart_ || scheduler_->spec(other)->rules != apart_ || adopted_.contains(other)) {
          continue;
        }
        const std::vector<Member>& others = *scheduler_->members(other);
        const auto there = std::count_if(others.begin(), others.end(), [&member](const Member& each) {
          return each.where.cpu_node == member.where.cpu_node;
        });
        if (there > (other == id ? 1 : 0) && !adopted_.contains(id)) {
          return Internal("jobs " + job.name + " and " + scheduler_->spec(other)->name + " are not apart");
        }
      }
    }
    std::sort(zones.begin(), zones.end());
    if (!job.together.empty() && !adopted_.contains(id) && !zones.empty() && zones.front() != zones.back()) {
      return Internal("job " + job.name + " is not in one zone");
    }
    return {};
  }

  // A lower priority never blocks a higher, except within its least run time or by what was reserved before,
  // and then it is said.
  Status CheckNobodyLowerBlocks(JobId id) {
    const JobSpec& job = *scheduler_->spec(id);
    if (scheduler_->state(id) != Scheduler::kPending || (job.window.has_value() && !job.window->Open(now_))) {
      return {};
    }
    // Of several members that may be remote the search may miss some places.
    const bool remote = std::any_of(job.roles.begin(), job.roles.end(),
                                    [](const Role& role) { return role.shape.remote != Remote::kNever; });
    if (remote && (job.roles.size() > 1 || job.roles[0].min > 1)) {
      return {};
    }
    std::vector<JobId> lower;  // that may be ended
    std::vector<JobId> all_lower;
    for (const JobId other : live_) {
      const JobSpec& spec = *scheduler_->spec(other);
      if (spec.priority >= job.priority || !spec.preemptible ||
          scheduler_->state(other) == Scheduler::kPending) {
        continue;
      }
      all_lower.push_back(other);
      if (started_.at(other) + spec.min_run <= now_) {
        lower.push_back(other);
      }
    }
    NodeSet left(cluster_->nodes().size(), true);
    for (const Scheduler::Reservation& reservation : scheduler_->reservations()) {
      // Run times count as the next power of two.
      const auto run = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(job.expected_run.value)));
      const bool in_time = job.expected_run > Nanos{} && run <= (reservation.until - now_).value;
      if (reservation.job != id && reservation.priority >= job.priority && !in_time &&
          scheduler_->state(reservation.job) == Scheduler::kPending) {
        left -= reservation.nodes;
      }
    }
    const NodeSet everywhere(cluster_->nodes().size(), true);
    if (Fits(job, lower, left)) {
      return Internal("job " + job.name + " waits, though it would fit without those of lower priority: " +
                      *scheduler_->Explain(id, now_));
    }
    bool by_time = false;
    bool by_reservation = false;
    if (Fits(job, all_lower, left)) {
      by_time = true;
    } else if (Fits(job, lower, everywhere)) {
      by_reservation = true;
    } else if (Fits(job, all_lower, everywhere)) {
      by_time = by_reservation = true;
    } else {
      return {};
    }
    held_ += by_time ? 1 : 0;
    reserved_ += by_reservation ? 1 : 0;
    const std::string text = *scheduler_->Explain(id, now_);
    const bool names_job = std::any_of(all_lower.begin(), all_lower.end(), [&](JobId other) {
      const Nanos until = started_.at(other) + scheduler_->spec(other)->min_run;
      return until > now_ && text.find(fmt::format(
                                 "Job 'j{}' of lower priority may not be ended before {} s from now", other,
                                 ((until - now_).value + 999'999'999) / 1'000'000'000)) != std::string::npos;
    });
    const bool names_reservation = std::any_of(
        scheduler_->reservations().begin(), scheduler_->reservations().end(), [&](const auto& each) {
          return each.priority >= job.priority &&
                 text.find(fmt::format("reserved for job 'j{}' until ", each.job)) != std::string::npos;
        });
    if (by_time != names_job || by_reservation != names_reservation) {
      return Internal(fmt::format("job {} waits for {}{}, but this is said: {}", job.name,
                                  by_time ? "a least run time " : "", by_reservation ? "a reservation" : "",
                                  text));
    }
    return {};
  }

  // Whether each member finds a node with room if `gone` and the members of lower priority that gangs can do
  // without were gone, on nodes of `left`: the first that has room, for all orders of the roles. That is
  // exact for one role, and no search that looks further.
  bool Fits(const JobSpec& job, const std::vector<JobId>& gone, const NodeSet& left) {
    Transaction transaction(*cluster_, constraints_.get());
    std::vector<Resources> used;
    for (QueueId queue = 0; queue < queues_->size(); ++queue) {
      used.push_back(queues_->used(queue));
    }
    for (const JobId other : live_) {
      const JobSpec& spec = *scheduler_->spec(other);
      const std::vector<Member>& members = *scheduler_->members(other);
      const bool all = std::find(gone.begin(), gone.end(), other) != gone.end();
      std::vector<int> count(spec.roles.size(), 0);
      for (const Member& member : members) {
        const bool extra = ++count[member.role] > spec.roles[member.role].min;
        if (all || (extra && spec.preemptible && spec.priority < job.priority)) {
          transaction.Give(spec.roles[member.role].shape, spec.rules, member.where);
          for (std::optional<QueueId> at = spec.queue; at.has_value(); at = queues_->parent(*at)) {
            used[*at] -= UsedBy(spec, {member}, *cluster_);
          }
        }
      }
    }
    std::vector<NodeSet> domains = {left};
    if (!job.together.empty()) {
      domains = constraints_->Domains(job.together);
    }
    for (NodeSet& domain : domains) {
      domain &= left;
      std::vector<size_t> order(job.roles.size());
      std::iota(order.begin(), order.end(), size_t{0});
      do {
        const size_t savepoint = transaction.Savepoint();
        std::vector<Resources> with = used;
        const bool fits = std::all_of(order.begin(), order.end(), [&](size_t role) {
          return FitsFirst(job, job.roles[role], domain, &with, &transaction);
        });
        if (fits) {
          return KeepsToGuarantee(job, used, with);
        }
        transaction.Rollback(savepoint);
      } while (std::next_permutation(order.begin(), order.end()));
    }
    return false;
  }

  // The least members of a role, each on the first node, or else on the first two.
  bool FitsFirst(const JobSpec& job, const Role& role, const NodeSet& domain, std::vector<Resources>* used,
                 Transaction* transaction) {
    const auto nodes = static_cast<NodeId>(cluster_->nodes().size());
    for (int i = 0; i < role.min; ++i) {
      bool fits = false;
      for (NodeId node = 0; node < nodes && !fits && role.shape.remote != Remote::kOnly; ++node) {
        fits = cluster_->Fits(node, role.shape) && FitsAt(job, role, node, node, domain, used, transaction);
      }
      for (NodeId cpu = 0; cpu < nodes && !fits && role.shape.remote != Remote::kNever; ++cpu) {
        for (NodeId device = 0; device < nodes && !fits; ++device) {
          fits = cpu != device && cluster_->Fits(device, DeviceHalf(role.shape)) &&
                 FitsAt(job, role, cpu, device, domain, used, transaction);
        }
      }
      if (!fits) {
        return false;
      }
    }
    return true;
  }

  // One member there. The devices have room.
  bool FitsAt(const JobSpec& job, const Role& role, NodeId cpu, NodeId device, const NodeSet& domain,
              std::vector<Resources>* used, Transaction* transaction) {
    JobSpec one = job;
    one.roles = {role};
    const Resources more = UsedBy(one, {{0, {cpu, device, {}}}}, *cluster_);
    const NodeSet& allowed = constraints_->Allowed(job.rules);
    bool fits = domain.Has(cpu) && allowed.Has(cpu) && domain.Has(device) && allowed.Has(device);
    for (std::optional<QueueId> at = job.queue; fits && at.has_value(); at = queues_->parent(*at)) {
      const QueueSpec& spec = queues_->spec(*at);
      fits = placement::Fits(spec.limit, (*used)[*at], more) &&
             (spec.borrow || placement::Fits(spec.guaranteed, (*used)[*at], more));
    }
    if (!fits) {
      return false;
    }
    const std::vector<int32_t> devices = cluster_->DevicesAt(
        device, RoomiestDevices(cluster_->state_of_node(device), cluster_->TakenOn(device, role.shape)));
    if (!transaction->Take(role.shape, job.rules, {cpu, device, devices}).ok()) {
      return false;
    }
    for (std::optional<QueueId> at = job.queue; at.has_value(); at = queues_->parent(*at)) {
      (*used)[*at] += more;
    }
    return true;
  }

  // Whether a queue that may not borrow has guaranteed what it gets.
  bool KeepsToGuarantee(const JobSpec& job, const std::vector<Resources>& before,
                        const std::vector<Resources>& after) const {
    if (queues_->spec(job.queue).borrow) {
      return true;
    }
    Resources more = after[job.queue];
    more -= before[job.queue];
    return Covers(queues_->spec(job.queue).guaranteed, before[job.queue], more);
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
  ClassId apart_ = kNoRules;
  std::map<JobId, Nanos> started_;  // of those that run
  std::set<JobId> adopted_;         // where they were said to run
  std::vector<JobId> live_;
  std::vector<JobId> ended_;
  JobId last_ = 0;
  Nanos now_;
  int64_t decisions_ = 0;
  int64_t held_ = 0;
  int64_t reserved_ = 0;
};

TEST(SchedulerProperty, HoldsWhateverHappens) {
  int64_t decisions = 0;
  int64_t held = 0;
  int64_t reserved = 0;
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
    held += world.held();
    reserved += world.reserved();
  }
  EXPECT_GT(decisions, events / 8);
  // That the exceptions come up at all.
  EXPECT_GT(held, events / 5'000);
  EXPECT_GT(reserved, events / 5'000);
  RecordProperty("held", std::to_string(held));
  RecordProperty("reserved", std::to_string(reserved));
}

}  // namespace
}  // namespace flexai::placement
