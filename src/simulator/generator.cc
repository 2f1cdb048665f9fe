#include "simulator/generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

#include "base/random.h"

namespace flexai::simulator {
namespace {

constexpr double kMostTasks = 1e7;
constexpr int32_t kMostGang = 10'000;
constexpr double kMostSigma = 4;
constexpr double kMostLoad = 100;
constexpr double kMostPart = 1e9;

bool Within(double value, double most) { return value >= 0 && value <= most; }  // false for NaN

Status CheckOptions(const GeneratorOptions& options) {
  if (options.length <= Nanos{} || options.length > kLongestWorkload) {
    return InvalidArgument(
        fmt::format("a workload of {} ns, expected 1 to {}", options.length.value, kLongestWorkload.value));
  }
  if (!Within(options.load, kMostLoad) || options.load == 0) {
    return InvalidArgument(fmt::format("a load of {}, expected above 0 to {}", options.load, kMostLoad));
  }
  if (options.median_duration < Millis(1) || options.median_duration > kLongestWorkload) {
    return InvalidArgument(fmt::format("a median duration of {}, expected a millisecond to ten years",
                                       FormatNanos(options.median_duration)));
  }
  if (!Within(options.sigma, kMostSigma)) {
    return InvalidArgument(fmt::format("a sigma of {}, expected 0 to {}", options.sigma, kMostSigma));
  }
  double parts = 0;
  for (const TaskKind& kind : options.kinds) {
    if (!Within(kind.part, kMostPart) || kind.priority < 0 || kind.priority > kMostPriority) {
      return InvalidArgument(
          fmt::format("a kind of task with part {} and priority {}, expected 0 to {:.0f} and 0 to {}",
                      kind.part, kind.priority, kMostPart, kMostPriority));
    }
    if (kind.queue.empty()) {
      return InvalidArgument("a kind of task without a queue");
    }
    parts += kind.part;
  }
  if (parts <= 0) {
    return InvalidArgument("the parts of the kinds of tasks add up to 0, expected more");
  }
  if (!Within(options.gang_part, 1)) {
    return InvalidArgument(fmt::format("{} of the arrivals are gangs, expected 0 to 1", options.gang_part));
  }
  const auto bad = [](int32_t size) { return size < 1 || size > kMostGang; };
  if (options.gang_part > 0 && (options.gang_sizes.empty() ||
                                std::any_of(options.gang_sizes.begin(), options.gang_sizes.end(), bad))) {
    return InvalidArgument(fmt::format("gangs need sizes from 1 to {}", kMostGang));
  }
  return {};
}

// The pods whose shapes are drawn.
struct Pods {
  explicit Pods(const Trace& trace) {
    for (const Pod& pod : trace.pods) {
      all.push_back(&pod);
      if (pod.shape.devices > 0) {
        with_devices.push_back(&pod);
      }
    }
  }
  std::vector<const Pod*> all;
  std::vector<const Pod*> with_devices;
};

double MeanMilli(const std::vector<const Pod*>& pods) {
  double sum = 0;
  for (const Pod* pod : pods) {
    sum += static_cast<double>(pod->shape.device_milli());
  }
  return sum / static_cast<double>(pods.size());
}

// Arrivals in a nanosecond that make the wanted load.
Result<double> ArrivalRate(const Trace& trace, const Pods& pods, const GeneratorOptions& options) {
  double capacity = 0;
  for (const placement::NodeSpec& node : trace.nodes) {
    capacity += node.devices * placement::kWholeDevice;
  }
  if (capacity == 0 || pods.with_devices.empty()) {
    return InvalidArgument("the trace has no devices, or no pods that ask for some");
  }
  double gang_size = 0;
  for (const int32_t size : options.gang_sizes) {
    gang_size += size / static_cast<double>(options.gang_sizes.size());
  }
  const double milli = (1 - options.gang_part) * MeanMilli(pods.all) +
                       options.gang_part * gang_size * MeanMilli(pods.with_devices);
  const double duration =
      static_cast<double>(options.median_duration.value) * std::exp(options.sigma * options.sigma / 2);
  const double rate = options.load * capacity / (milli * duration);
  const double tasks = rate * static_cast<double>(options.length.value) *
                       (1 - options.gang_part + options.gang_part * gang_size);
  if (tasks > kMostTasks) {
    return InvalidArgument(fmt::format("the workload would have about {:.0f} tasks, expected {:.0f} at most",
                                       tasks, kMostTasks));
  }
  return rate;
}

class Draw {
 public:
  Draw(const GeneratorOptions& options, const Pods& pods)
      : options_(options), pods_(pods), random_(options.seed) {
    for (const TaskKind& kind : options.kinds) {
      parts_ += kind.part;
    }
  }

  // The time between two events of a Poisson process, in ns.
  double Gap(double per_ns) { return -std::log1p(-random_.Unit()) / per_ns; }

  // What arrives at one time: one task, or the members of one gang.
  void Arrive(Nanos now, size_t number, std::vector<TimedTask>* tasks) {
    const bool is_gang = random_.Unit() < options_.gang_part;
    const TaskKind& kind = Kind();
    TimedTask task;
    task.name = fmt::format("task-{}", number);
    task.arrival = now;
    task.shape = Of(is_gang ? pods_.with_devices : pods_.all)->shape;
    task.duration = Duration();
    task.queue = kind.queue;
    task.priority = kind.priority;
    task.preemptible = kind.preemptible;
    task.remote = task.shape.devices > 0 ? kind.remote : Remote::kNever;
    task.window = kind.window;
    task.min_run = options_.min_run;
    task.restart = options_.restart;
    if (!is_gang) {
      tasks->push_back(std::move(task));
      return;
    }
    task.gang = fmt::format("gang-{}", number);
    task.gang_min = Of(options_.gang_sizes);
    task.gang_max = task.gang_min;
    for (int32_t member = 0; member < task.gang_min; ++member) {
      tasks->push_back(task);
      tasks->back().name += fmt::format("-{}", member);
    }
  }

 private:
  template <typename T>
  const T& Of(const std::vector<T>& items) {
    return items[random_.Below(items.size())];
  }

  const TaskKind& Kind() {
    double left = random_.Unit() * parts_;
    const TaskKind* last = nullptr;  // rounding may leave a rest for nobody
    for (const TaskKind& kind : options_.kinds) {
      left -= kind.part;
      last = kind.part > 0 ? &kind : last;
      if (left < 0) {
        break;
      }
    }
    return *last;
  }

  // From a normal number by G. Box and M. Muller, "A Note on the Generation of Random Normal Deviates"
  // (1958).
  Nanos Duration() {
    const double radius = std::sqrt(-2 * std::log1p(-random_.Unit()));
    const double normal = radius * std::cos(2 * std::numbers::pi * random_.Unit());
    const double ms = static_cast<double>(options_.median_duration.value) / kMillisecond *
                      std::exp(options_.sigma * normal);
    return Millis(std::llround(std::clamp(ms, 1.0, kLongestWorkload.value / kMillisecond)));
  }

  static constexpr double kMillisecond = 1e6;

  const GeneratorOptions& options_;
  const Pods& pods_;
  Random random_;
  double parts_ = 0;
};

}  // namespace

Result<Workload> DrawWorkload(const Trace& trace, const GeneratorOptions& options) {
  FLEXAI_RETURN_IF_ERROR(CheckOptions(options));
  const Pods pods(trace);
  FLEXAI_ASSIGN_OR_RETURN(const double rate, ArrivalRate(trace, pods, options));
  const auto length = static_cast<double>(options.length.value);
  Workload workload;
  Draw draw(options, pods);
  size_t number = 0;
  double now = draw.Gap(rate);
  while (now < length) {
    draw.Arrive(Nanos{static_cast<int64_t>(now)}, number++, &workload.tasks);
    now += draw.Gap(rate);
  }
  std::set<std::string> queues;
  for (const TaskKind& kind : options.kinds) {
    queues.insert(kind.queue);
  }
  for (const std::string& queue : queues) {
    workload.queues.emplace_back().name = queue;
  }
  return workload;
}

}  // namespace flexai::simulator
