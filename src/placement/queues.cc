#include "placement/queues.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>

namespace flexai::placement {
namespace {

// What bounds are named on, in one row: CPU, memory, all devices, the devices of each model.
constexpr size_t kCpu = 0;
constexpr size_t kMemory = 1;
constexpr size_t kDevices = 2;
constexpr size_t kFirstModel = 3;
constexpr int64_t kAbsent = -1;
using Row = std::array<int64_t, kFirstModel + kMostModels>;

std::string KindName(size_t kind) {
  constexpr std::string_view kNames[] = {"CPU (milli)", "memory (MiB)", "devices (milli)"};
  return kind < kFirstModel ? std::string(kNames[kind])
                            : fmt::format("devices of model {} (milli)", kind - kFirstModel);
}

Row RowOf(const QueueLimits& bounds) {
  Row row;
  row.fill(kAbsent);
  row[kCpu] = bounds.cpu_milli.value_or(kAbsent);
  row[kMemory] = bounds.memory_mib.value_or(kAbsent);
  row[kDevices] = bounds.device_milli.value_or(kAbsent);
  for (const auto& [model, milli] : bounds.model_milli) {
    row[kFirstModel + static_cast<size_t>(model)] = milli;
  }
  return row;
}

Row RowOf(const Resources& amount) {
  Row row{amount.cpu_milli, amount.memory_mib, amount.total_device_milli()};
  std::copy(amount.device_milli.begin(), amount.device_milli.end(), row.begin() + kFirstModel);
  return row;
}

Status CheckBounds(const QueueSpec& spec, const QueueLimits& bounds, std::string_view what) {
  for (const auto& [model, milli] : bounds.model_milli) {
    if (model < 0 || model >= kMostModels) {
      return InvalidArgument(fmt::format("queue '{}': what is {} names model {}, expected 0 to {}", spec.name,
                                         what, model, kMostModels - 1));
    }
  }
  const auto bad = [](int64_t value) { return value < 0 || value > kMostOfAnything; };
  const std::optional<int64_t> values[] = {bounds.cpu_milli, bounds.memory_mib, bounds.device_milli};
  for (size_t kind = 0; kind < kFirstModel; ++kind) {
    if (values[kind] && bad(*values[kind])) {
      return InvalidArgument(fmt::format("queue '{}': {} {} is {}, expected 0 to {}", spec.name, what,
                                         KindName(kind), *values[kind], kMostOfAnything));
    }
  }
  for (const auto& [model, milli] : bounds.model_milli) {
    if (bad(milli)) {
      return InvalidArgument(fmt::format("queue '{}': {} {} is {}, expected 0 to {}", spec.name, what,
                                         KindName(kFirstModel + static_cast<size_t>(model)), milli,
                                         kMostOfAnything));
    }
  }
  return {};
}

// Of a guarantee, zero says as much as absent.
void DropZeros(QueueLimits* bounds) {
  for (std::optional<int64_t>* value : {&bounds->cpu_milli, &bounds->memory_mib, &bounds->device_milli}) {
    if (*value == 0) {
      value->reset();
    }
  }
  std::erase_if(bounds->model_milli, [](const auto& entry) { return entry.second == 0; });
}

Status CheckSpec(QueueSpec* spec) {
  if (spec->name.empty()) {
    return InvalidArgument("a queue has no name");
  }
  if (!std::isfinite(spec->weight) || spec->weight <= 0) {
    return InvalidArgument(
        fmt::format("queue '{}': the weight is {}, expected a number above 0", spec->name, spec->weight));
  }
  FLEXAI_RETURN_IF_ERROR(CheckBounds(*spec, spec->guaranteed, "guaranteed"));
  FLEXAI_RETURN_IF_ERROR(CheckBounds(*spec, spec->limit, "limited"));
  DropZeros(&spec->guaranteed);
  const QueueLimits& guaranteed = spec->guaranteed;
  for (const auto& [model, milli] : guaranteed.model_milli) {
    if (guaranteed.device_milli && milli > *guaranteed.device_milli) {
      return InvalidArgument(
          fmt::format("queue '{}': {} of model {} are guaranteed, but only {} devices (milli) in total",
                      spec->name, milli, model, *guaranteed.device_milli));
    }
  }
  if (!spec->borrow && !IsNamed(guaranteed)) {
    return InvalidArgument(fmt::format(
        "queue '{}' may not borrow and has no guarantee, so that nothing could ever run in it", spec->name));
  }
  return {};
}

// What a guarantee leaves for those of the children.
Row RoomForChildren(const QueueLimits& guaranteed) {
  Row room = RowOf(guaranteed);
  if (!guaranteed.device_milli && !guaranteed.model_milli.empty()) {
    room[kDevices] = 0;
    for (size_t kind = kFirstModel; kind < room.size(); ++kind) {
      room[kind] = std::max<int64_t>(room[kind], 0);
      room[kDevices] += room[kind];
    }
  }
  return room;
}

std::string CycleText(const std::vector<QueueId>& cycle, const std::vector<QueueSpec>& specs) {
  constexpr size_t kMostNamed = 8;
  std::string text;
  for (size_t i = 0; i < std::min(cycle.size(), kMostNamed); ++i) {
    text += specs[cycle[i]].name + " -> ";
  }
  return text + (cycle.size() > kMostNamed ? "... -> " : "") + specs[cycle.front()].name;
}

double Mix(double mean, int64_t used, double kept) {
  return kept * mean + (1 - kept) * static_cast<double>(used);
}

MeanResources Mix(const MeanResources& mean, const Resources& used, double kept) {
  MeanResources mixed{
      Mix(mean.cpu_milli, used.cpu_milli, kept), Mix(mean.memory_mib, used.memory_mib, kept), {}};
  for (size_t model = 0; model < kMostModels; ++model) {
    mixed.device_milli[model] = Mix(mean.device_milli[model], used.device_milli[model], kept);
  }
  return mixed;
}

}  // namespace

QueueTree::QueueTree(const Resources& capacity, Nanos half_life)
    : capacity_(capacity), device_capacity_(capacity.total_device_milli()), half_life_(half_life) {
  for (size_t model = 0; model < kMostModels; ++model) {
    if (capacity.device_milli[model] > 0) {
      models_.push_back(model);
    }
  }
}

Result<QueueTree> QueueTree::Make(std::vector<QueueSpec> specs, const Resources& capacity, Nanos half_life) {
  if (specs.empty() || specs.size() > kMostQueues) {
    return InvalidArgument(fmt::format("{} queues, expected 1 to {}", specs.size(), kMostQueues));
  }
  if (half_life < Nanos{}) {
    return InvalidArgument(
        fmt::format("the half life of usage is {} ns, expected none or more", half_life.value));
  }
  const Row row = RowOf(capacity);
  if (std::any_of(row.begin(), row.end(), [](int64_t v) { return v < 0 || v > kMostOfAnything; })) {
    return InvalidArgument(fmt::format("an amount of the capacity is not within 0 to {}", kMostOfAnything));
  }
  QueueTree tree(capacity, half_life);
  for (QueueSpec& spec : specs) {
    FLEXAI_RETURN_IF_ERROR(CheckSpec(&spec));
    if (!tree.ids_.emplace(spec.name, static_cast<QueueId>(tree.ids_.size())).second) {
      return InvalidArgument(fmt::format("two queues have the name '{}'", spec.name));
    }
  }
  FLEXAI_RETURN_IF_ERROR(tree.Link(std::move(specs)));
  FLEXAI_RETURN_IF_ERROR(tree.CheckGuarantees());
  return tree;
}

Status QueueTree::Link(std::vector<QueueSpec> specs) {
  queues_.resize(specs.size());
  for (QueueId queue = 0; queue < specs.size(); ++queue) {
    const QueueSpec& spec = specs[queue];
    if (!spec.parent.empty()) {
      queues_[queue].parent = Find(spec.parent);
      if (!queues_[queue].parent) {
        return InvalidArgument(
            fmt::format("queue '{}': there is no queue '{}' to be its parent", spec.name, spec.parent));
      }
    }
  }
  // Walks up from each queue to one that is in order already. Who is met twice on one walk is in a cycle.
  enum class Seen : uint8_t { kNo, kOnThisWalk, kInOrder };
  std::vector<Seen> seen(specs.size(), Seen::kNo);
  for (QueueId queue = 0; queue < specs.size(); ++queue) {
    std::vector<QueueId> walk;
    std::optional<QueueId> at = queue;
    for (; at && seen[*at] == Seen::kNo; at = queues_[*at].parent) {
      seen[*at] = Seen::kOnThisWalk;
      walk.push_back(*at);
    }
    if (at && seen[*at] == Seen::kOnThisWalk) {
      walk.erase(walk.begin(), std::find(walk.begin(), walk.end(), *at));
      return InvalidArgument("queues are their own ancestors: " + CycleText(walk, specs));
    }
    for (; !walk.empty(); walk.pop_back()) {
      const QueueId next = walk.back();
      seen[next] = Seen::kInOrder;
      order_.push_back(next);
      queues_[next].depth = queues_[next].parent ? queues_[*queues_[next].parent].depth + 1 : 0;
    }
  }
  for (const auto& [name, queue] : ids_) {  // by name
    queues_[queue].spec = std::move(specs[queue]);
    (queues_[queue].parent ? queues_[*queues_[queue].parent].children : top_).push_back(queue);
  }
  return {};
}

Status QueueTree::CheckGuarantees() const {
  // What is guaranteed in all to the children of each queue, and to those of the root.
  std::vector<Row> sums(queues_.size(), Row{});
  Row root{};
  for (auto queue = order_.rbegin(); queue != order_.rend(); ++queue) {
    const QueueSpec& spec = queues_[*queue].spec;
    const Row room = RoomForChildren(spec.guaranteed);
    const Row limit = RowOf(spec.limit);
    Row& sum = sums[*queue];
    Row& above = queues_[*queue].parent ? sums[*queues_[*queue].parent] : root;
    for (size_t kind = 0; kind < sum.size(); ++kind) {
      if (room[kind] != kAbsent && sum[kind] > room[kind]) {
        return InvalidArgument(
            fmt::format("queue '{}': the guarantees of its children add up to {} of {}, above its own {}",
                        spec.name, sum[kind], KindName(kind), room[kind]));
      }
      const int64_t guaranteed = room[kind] != kAbsent ? room[kind] : sum[kind];
      if (limit[kind] != kAbsent && guaranteed > limit[kind]) {
        return InvalidArgument(fmt::format("queue '{}': the limit of {} is {}, below the {} guaranteed",
                                           spec.name, KindName(kind), limit[kind], guaranteed));
      }
      above[kind] += guaranteed;
    }
  }
  const Row capacity = RowOf(capacity_);
  for (size_t kind = 0; kind < root.size(); ++kind) {
    if (root[kind] > capacity[kind]) {
      return InvalidArgument(fmt::format("the guarantees below the root add up to {} of {}, but there are {}",
                                         root[kind], KindName(kind), capacity[kind]));
    }
  }
  return {};
}

std::optional<QueueId> QueueTree::Find(std::string_view name) const {
  const auto found = ids_.find(name);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

// The part of the old mean that is left in the new one.
double QueueTree::Kept(const Queue& queue, Nanos now) const {
  if (now <= queue.since) {
    return 1;
  }
  if (half_life_ == Nanos{}) {
    return 0;
  }
  return std::exp2(-static_cast<double>((now - queue.since).value) / static_cast<double>(half_life_.value));
}

MeanResources QueueTree::DecayedUsage(QueueId queue, Nanos now) const {
  return Mix(queues_[queue].mean, queues_[queue].used, Kept(queues_[queue], now));
}

double QueueTree::WeightedShare(QueueId id, Nanos now) const {
  const Queue& queue = queues_[id];
  // One more half life halves what is kept; a half life of zero keeps nothing.
  const double kept = half_life_ == Nanos{} ? 0 : Kept(queue, now) / 2;
  // The dominant share of the mix, without the models that there are not: this is most of the work of Next.
  double largest = 0;
  double devices = 0;
  const auto add = [&](double mean, int64_t used, int64_t whole) {
    const double mixed = Mix(mean, used, kept);
    largest = whole > 0 ? std::max(largest, mixed / static_cast<double>(whole)) : largest;
    return mixed;
  };
  add(queue.mean.cpu_milli, queue.used.cpu_milli, capacity_.cpu_milli);
  add(queue.mean.memory_mib, queue.used.memory_mib, capacity_.memory_mib);
  for (const size_t model : models_) {
    devices +=
        add(queue.mean.device_milli[model], queue.used.device_milli[model], capacity_.device_milli[model]);
  }
  if (!models_.empty()) {
    largest = std::max(largest, devices / static_cast<double>(device_capacity_));
  }
  return largest / queue.spec.weight;
}

std::optional<QueueId> QueueTree::Blocking(QueueId queue, const Resources& more) const {
  for (std::optional<QueueId> at = queue; at; at = queues_[*at].parent) {
    const Queue& on_path = queues_[*at];
    if (!Fits(on_path.spec.limit, on_path.used, more) ||
        (!on_path.spec.borrow && !Covers(on_path.spec.guaranteed, on_path.used, more))) {
      return at;
    }
  }
  return std::nullopt;
}

Headroom QueueTree::OwnHeadroom(QueueId queue, const Resources& asked) const {
  const Queue& of = queues_[queue];
  Headroom left = LeftOf(of.spec.limit, of.used);
  if (!of.spec.borrow) {
    left.Narrow(LeftOfGuarantee(of.spec.guaranteed, of.used, asked));
  }
  return left;
}

Headroom QueueTree::HeadroomOf(QueueId queue, const Resources& asked) const {
  Headroom left;
  for (std::optional<QueueId> at = queue; at; at = queues_[*at].parent) {
    if (IsLimited(*at)) {
      left.Narrow(OwnHeadroom(*at, asked));
    }
  }
  return left;
}

bool QueueTree::IsLimited(QueueId queue) const {
  return IsNamed(queues_[queue].spec.limit) || !queues_[queue].spec.borrow;
}

bool QueueTree::Contains(QueueId queue, QueueId below) const {
  for (std::optional<QueueId> at = below; at; at = queues_[*at].parent) {
    if (*at == queue) {
      return true;
    }
  }
  return false;
}

bool QueueTree::WithinGuarantee(QueueId queue, const Resources& more) const {
  bool guaranteed = false;
  for (std::optional<QueueId> at = queue; at; at = queues_[*at].parent) {
    const Queue& on_path = queues_[*at];
    if (IsNamed(on_path.spec.guaranteed)) {
      if (!Covers(on_path.spec.guaranteed, on_path.used, more)) {
        return false;
      }
      guaranteed = true;
    }
  }
  return guaranteed;
}

bool QueueTree::BelowGuarantee(QueueId queue) const {
  return HasRoom(queues_[queue].spec.guaranteed, queues_[queue].used);
}

void QueueTree::Settle(Queue* queue, Nanos now) const {
  queue->mean = Mix(queue->mean, queue->used, Kept(*queue, now));
  queue->since = std::max(queue->since, now);
}

void QueueTree::Charge(QueueId queue, const Resources& amount, Nanos now) {
  assert(is_leaf(queue));
  for (std::optional<QueueId> at = queue; at; at = queues_[*at].parent) {
    Settle(&queues_[*at], now);
    queues_[*at].used += amount;
  }
}

void QueueTree::Refund(QueueId queue, const Resources& amount, Nanos now) {
  assert(is_leaf(queue));
  for (std::optional<QueueId> at = queue; at; at = queues_[*at].parent) {
    Settle(&queues_[*at], now);
    Resources& used = queues_[*at].used;
    used -= amount;
    assert(used.cpu_milli >= 0 && used.memory_mib >= 0 &&
           std::all_of(used.device_milli.begin(), used.device_milli.end(), [](int64_t v) { return v >= 0; }));
  }
}

void QueueTrial::Change(const Step& step) {
  for (std::optional<QueueId> at = step.queue; at; at = tree_.queues_[*at].parent) {
    Resources& used = tree_.queues_[*at].used;
    step.charged ? used += step.amount : used -= step.amount;
  }
  steps_.push_back(step);
}

void QueueTrial::Undo() {
  for (size_t i = steps_.size(); i-- > 0;) {
    Change({steps_[i].queue, steps_[i].amount, !steps_[i].charged});
    steps_.pop_back();
  }
  steps_.clear();
}

QueueId QueueTree::Best(const std::vector<QueueId>& siblings, const std::vector<bool>& pending,
                        Nanos now) const {
  std::optional<QueueId> best;
  bool best_below = false;
  double best_share = 0;
  for (const QueueId queue : siblings) {  // by name, hence only a better one replaces
    if (!pending[queue]) {
      continue;
    }
    const bool below = BelowGuarantee(queue);
    const double share = WeightedShare(queue, now);
    if (!best || (below != best_below ? below : share < best_share)) {
      best = queue;
      best_below = below;
      best_share = share;
    }
  }
  assert(best);
  return *best;
}

std::optional<QueueId> QueueTree::Next(const std::vector<bool>& has_pending, Nanos now) const {
  assert(has_pending.size() == queues_.size());
  std::vector<bool> pending(queues_.size());  // in the queue or below
  bool any = false;
  for (auto queue = order_.rbegin(); queue != order_.rend(); ++queue) {
    if (is_leaf(*queue) ? has_pending[*queue] : pending[*queue]) {
      pending[*queue] = true;
      any = true;
      if (queues_[*queue].parent) {
        pending[*queues_[*queue].parent] = true;
      }
    }
  }
  if (!any) {
    return std::nullopt;
  }
  QueueId at = Best(top_, pending, now);
  while (!is_leaf(at)) {
    at = Best(queues_[at].children, pending, now);
  }
  return at;
}

bool QueueTree::MayReclaim(QueueId claimant, const Resources& more, QueueId victim,
                           const Resources& less) const {
  if (claimant == victim) {
    return false;
  }
  // Up to the same depth, then together, until both have the same parent.
  while (queues_[claimant].depth > queues_[victim].depth) {
    claimant = *queues_[claimant].parent;
  }
  while (queues_[victim].depth > queues_[claimant].depth) {
    victim = *queues_[victim].parent;
  }
  while (queues_[claimant].parent != queues_[victim].parent) {
    claimant = *queues_[claimant].parent;
    victim = *queues_[victim].parent;
  }
  assert(claimant != victim);  // of two leaves, none is above the other
  const Queue& lender = queues_[claimant];
  const Queue& borrower = queues_[victim];
  Resources without = borrower.used;
  without -= less;
  return Covers(lender.spec.guaranteed, lender.used, more) &&
         !Covers(borrower.spec.guaranteed, without, less);
}

Status QueueTree::Audit() const {
  for (QueueId queue = 0; queue < queues_.size(); ++queue) {
    Resources sum;
    for (const QueueId child : queues_[queue].children) {
      sum += queues_[child].used;
    }
    if (!is_leaf(queue) && sum != queues_[queue].used) {
      return Internal(
          fmt::format("queue '{}' does not use what its children use in all", queues_[queue].spec.name));
    }
  }
  return {};
}

}  // namespace flexai::placement
