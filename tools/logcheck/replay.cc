#include "replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "simulator/csv.h"

namespace flexai::logcheck {
namespace {

constexpr size_t kMostFindings = 100;
constexpr int64_t kMostNumber = 1'000'000'000'000;

struct Node {
  int64_t cpu = 0;
  int64_t memory = 0;
  int model = 0;
  struct Device {
    int64_t share = 0;
    int64_t memory = 0;
  };
  std::vector<Device> devices;  // what is free on each
};

struct Columns {
  size_t seq, pod, cpu, memory, num_gpu, gpu_milli, spec, cpu_node, gpu_node, gpus, result;
};

struct Entry {
  std::string_view pod, spec, cpu_node, gpu_node, gpus, result;
  int64_t seq = 0, cpu = 0, memory = 0, num_gpu = 0, gpu_milli = 0;
};

Result<Columns> FindColumns(const simulator::CsvTable& table) {
  Columns c{};
  FLEXAI_ASSIGN_OR_RETURN(c.seq, table.Column("seq"));
  FLEXAI_ASSIGN_OR_RETURN(c.pod, table.Column("pod"));
  FLEXAI_ASSIGN_OR_RETURN(c.cpu, table.Column("cpu"));
  FLEXAI_ASSIGN_OR_RETURN(c.memory, table.Column("memory"));
  FLEXAI_ASSIGN_OR_RETURN(c.num_gpu, table.Column("num_gpu"));
  FLEXAI_ASSIGN_OR_RETURN(c.gpu_milli, table.Column("gpu_milli"));
  FLEXAI_ASSIGN_OR_RETURN(c.spec, table.Column("spec"));
  FLEXAI_ASSIGN_OR_RETURN(c.cpu_node, table.Column("cpu_node"));
  FLEXAI_ASSIGN_OR_RETURN(c.gpu_node, table.Column("gpu_node"));
  FLEXAI_ASSIGN_OR_RETURN(c.gpus, table.Column("gpus"));
  FLEXAI_ASSIGN_OR_RETURN(c.result, table.Column("result"));
  return c;
}

Result<Entry> ReadEntry(const simulator::CsvRow& row, const Columns& c) {
  Entry entry{row.Text(c.pod),      row.Text(c.spec), row.Text(c.cpu_node),
              row.Text(c.gpu_node), row.Text(c.gpus), row.Text(c.result)};
  FLEXAI_ASSIGN_OR_RETURN(entry.seq, row.Number(c.seq, kMostNumber));
  FLEXAI_ASSIGN_OR_RETURN(entry.cpu, row.Number(c.cpu, kMostNumber));
  FLEXAI_ASSIGN_OR_RETURN(entry.memory, row.Number(c.memory, kMostNumber));
  FLEXAI_ASSIGN_OR_RETURN(entry.num_gpu, row.Number(c.num_gpu, kMostNumber));
  FLEXAI_ASSIGN_OR_RETURN(entry.gpu_milli, row.Number(c.gpu_milli, kMostNumber));
  return entry;
}

class Replayer {
 public:
  Replayer(const simulator::Trace& trace, const Rules& rules) : trace_(trace), rules_(rules) {
    for (const placement::NodeSpec& spec : trace.nodes) {
      by_name_[spec.name] = nodes_.size();
      const Node::Device idle{placement::kWholeDevice, spec.device_memory_mib};
      nodes_.push_back(
          {spec.cpu_milli, spec.memory_mib, spec.model, {static_cast<size_t>(spec.devices), idle}});
    }
    for (const simulator::Pod& pod : trace.pods) {
      pods_[pod.name] = &pod;
    }
  }

  // What is wrong with the next decision; empty if nothing. A wrong one takes nothing.
  std::string Check(const Entry& entry) {
    if (std::string wrong = CheckOrder(entry.seq); !wrong.empty()) {
      return wrong;
    }
    const auto pod = pods_.find(entry.pod);
    if (pod == pods_.end()) {
      return fmt::format("the trace has no pod '{}'", entry.pod);
    }
    const placement::TaskShape& shape = pod->second->shape;
    if (entry.cpu != shape.cpu_milli || entry.memory != shape.memory_mib || entry.num_gpu != shape.devices ||
        entry.gpu_milli != shape.share_milli ||
        entry.spec != simulator::ModelNames(trace_.models, shape.models)) {
      return fmt::format("pod '{}' asks for something else in the trace", entry.pod);
    }
    if (entry.result == "dropped") {
      const std::optional<std::string> place = FirstPlace(entry, shape, rules_.remote);
      return place ? fmt::format("pod '{}' is dropped, but fits on {}", entry.pod, *place) : "";
    }
    if (entry.result != "placed") {
      return fmt::format("result is '{}', expected placed or dropped", entry.result);
    }
    return Place(entry, shape);
  }

  // The first task that was passed over and is still not decided.
  std::optional<int64_t> undecided() const {
    return decided_.empty() ? std::nullopt : std::optional(first_undecided_);
  }

  double allocated_percent() const {
    int64_t free = 0;
    int64_t all = 0;
    for (const Node& node : nodes_) {
      for (const Node::Device& device : node.devices) {
        free += device.share;
        all += placement::kWholeDevice;
      }
    }
    return all == 0 ? 0 : 100.0 * static_cast<double>(all - free) / static_cast<double>(all);
  }

 private:
  static bool HasCpu(const Node& node, const Entry& entry) {
    return node.cpu >= entry.cpu && node.memory >= entry.memory;
  }
  // The log does not say how much memory of devices a pod wants; the trace does.
  static bool HasDevice(const Node::Device& free, const placement::TaskShape& shape) {
    return free.share >= shape.share_milli && free.memory >= shape.device_memory_mib;
  }
  static bool HasDevices(const Node& node, const placement::TaskShape& shape) {
    return shape.devices == 0 ||
           ((shape.models >> node.model & 1) != 0 &&
            std::count_if(node.devices.begin(), node.devices.end(), [&shape](const Node::Device& free) {
              return HasDevice(free, shape);
            }) >= shape.devices);
  }

  // A batch is decided in any order, but all of it before a task of the next. It ends as soon as nobody who
  // came before one of its tasks waits.
  std::string CheckOrder(int64_t seq) {
    const int64_t end = batch_start_ + static_cast<int64_t>(rules_.batch);
    if (seq < first_undecided_ || seq >= end || decided_.contains(seq)) {
      return rules_.batch == 1 ? fmt::format("seq is {}, expected {}", seq, first_undecided_)
                               : fmt::format("seq is {}, expected one from {} to {} that is not decided", seq,
                                             first_undecided_, end - 1);
    }
    decided_.insert(seq);
    while (decided_.erase(first_undecided_) > 0) {
      ++first_undecided_;
    }
    if (decided_.empty()) {
      batch_start_ = first_undecided_;
    }
    return "";
  }

  std::optional<std::string> FirstPlace(const Entry& entry, const placement::TaskShape& shape,
                                        bool remote) const {
    std::optional<std::string> cpu, devices;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const std::string& name = trace_.nodes[i].name;
      const bool has_cpu = HasCpu(nodes_[i], entry);
      const bool has_devices = HasDevices(nodes_[i], shape);
      if (has_cpu && has_devices) {
        return name;
      }
      cpu = has_cpu ? name : cpu;
      devices = has_devices && trace_.nodes[i].lends ? name : devices;
    }
    return remote && cpu && devices ? std::optional(*cpu + " with devices of " + *devices) : std::nullopt;
  }

  std::string Place(const Entry& entry, const placement::TaskShape& shape) {
    const auto cpu = by_name_.find(entry.cpu_node);
    if (cpu == by_name_.end()) {
      return fmt::format("there is no node '{}'", entry.cpu_node);
    }
    Node& host = nodes_[cpu->second];
    if (!HasCpu(host, entry)) {
      return fmt::format("node '{}' has {} milli of CPU and {} MiB left", entry.cpu_node, host.cpu,
                         host.memory);
    }
    if (entry.num_gpu > 0) {
      if (const std::string wrong = PlaceDevices(entry, shape); !wrong.empty()) {
        return wrong;
      }
    } else if (!entry.gpu_node.empty() || !entry.gpus.empty()) {
      return "a pod without devices has some";
    }
    host.cpu -= entry.cpu;
    host.memory -= entry.memory;
    return "";
  }

  std::string PlaceDevices(const Entry& entry, const placement::TaskShape& shape) {
    const auto found = by_name_.find(entry.gpu_node);
    if (found == by_name_.end()) {
      return fmt::format("there is no node '{}'", entry.gpu_node);
    }
    if (entry.gpu_node != entry.cpu_node) {
      if (!rules_.remote) {
        return "CPU and devices are on two nodes";
      }
      if (const std::optional<std::string> local = FirstPlace(entry, shape, false)) {
        return fmt::format("CPU and devices are on two nodes, but pod '{}' fits on {}", entry.pod, *local);
      }
    }
    Node& node = nodes_[found->second];
    if ((shape.models >> node.model & 1) == 0) {
      return fmt::format("node '{}' has devices of another model", entry.gpu_node);
    }
    std::vector<size_t> chosen;
    for (std::string_view rest = entry.gpus; !rest.empty();) {
      size_t device = 0;
      const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), device);
      if (error != std::errc() || device >= node.devices.size() ||
          std::find(chosen.begin(), chosen.end(), device) != chosen.end()) {
        return fmt::format("gpus is '{}', expected different numbers below {}", entry.gpus,
                           node.devices.size());
      }
      const Node::Device& free = node.devices[device];
      if (!HasDevice(free, shape)) {
        return fmt::format("device {} of node '{}' has {} milli{} left", device, entry.gpu_node, free.share,
                           shape.device_memory_mib > 0 ? fmt::format(" and {} MiB", free.memory) : "");
      }
      chosen.push_back(device);
      rest.remove_prefix(std::min(static_cast<size_t>(end - rest.data()) + 1, rest.size()));
    }
    if (chosen.size() != static_cast<size_t>(entry.num_gpu)) {
      return fmt::format("gpus is '{}', expected {} of them", entry.gpus, entry.num_gpu);
    }
    for (const size_t device : chosen) {
      node.devices[device].share -= shape.share_milli;
      node.devices[device].memory -= shape.device_memory_mib;
    }
    return "";
  }

  const simulator::Trace& trace_;
  const Rules rules_;
  std::vector<Node> nodes_;
  std::map<std::string, size_t, std::less<>> by_name_;
  std::map<std::string, const simulator::Pod*, std::less<>> pods_;
  int64_t batch_start_ = 0;
  int64_t first_undecided_ = 0;
  std::set<int64_t> decided_;  // of those after the first undecided
};

}  // namespace

Result<Report> Replay(const simulator::Trace& trace, std::string_view log, std::string_view log_name,
                      const Rules& rules) {
  FLEXAI_ASSIGN_OR_RETURN(const simulator::CsvTable table, simulator::CsvTable::Parse(log, log_name));
  FLEXAI_ASSIGN_OR_RETURN(const Columns columns, FindColumns(table));
  Replayer replayer(trace, rules);
  Report report;
  for (size_t i = 0; i < table.size(); ++i) {
    const simulator::CsvRow row = table.row(i);
    FLEXAI_ASSIGN_OR_RETURN(const Entry entry, ReadEntry(row, columns));
    const std::string wrong = replayer.Check(entry);
    ++report.decisions;
    report.placed += entry.result == "placed";
    if (!wrong.empty() && report.findings.size() < kMostFindings) {
      report.findings.push_back(fmt::format("{}: {}", row.place(), wrong));
    }
  }
  if (const std::optional<int64_t> undecided = replayer.undecided()) {
    report.findings.push_back(fmt::format("{}: seq {} is never decided", log_name, *undecided));
  }
  report.allocated_percent = replayer.allocated_percent();
  return report;
}

}  // namespace flexai::logcheck
