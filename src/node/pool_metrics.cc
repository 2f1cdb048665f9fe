// The pool's state as Prometheus families; docs/formats/api.md lists them.
#include "node/api.h"

namespace flexai::node {
namespace {

using telemetry::Labels;
using telemetry::MetricFamily;
using telemetry::MetricType;

double ToSeconds(Nanos time) { return static_cast<double>(time.value) / 1e9; }
double ToRatio(Permille share) { return share.value / 1000.0; }

void AddDevices(const std::vector<const DeviceState*>& devices, std::vector<MetricFamily>* families) {
  MetricFamily up{"flexai_device_up", "1 if the device can be used.", MetricType::kGauge, {}};
  MetricFamily memory{"flexai_device_memory_bytes", "Memory that quotas may sum to.", MetricType::kGauge, {}};
  MetricFamily free{
      "flexai_device_free_memory_bytes", "Of it, not promised to a vXPU.", MetricType::kGauge, {}};
  MetricFamily share{"flexai_device_free_share_ratio",
                     "Part of the compute not promised to a vXPU.",
                     MetricType::kGauge,
                     {}};
  MetricFamily busy{
      "flexai_device_busy_seconds_total", "Time the device ran commands.", MetricType::kCounter, {}};
  MetricFamily sessions{"flexai_device_sessions", "Sessions open on the device.", MetricType::kGauge, {}};
  for (const DeviceState* state : devices) {
    const Labels labels{{"device", state->device.id}, {"type", state->device.type}};
    up.samples.push_back({labels, state->problem.ok() ? 1.0 : 0.0});
    memory.samples.push_back({labels, static_cast<double>(state->memory.value)});
    free.samples.push_back({labels, static_cast<double>(state->free_memory.value)});
    share.samples.push_back({labels, ToRatio(state->room().free_share)});
    busy.samples.push_back({labels, ToSeconds(state->busy)});
    sessions.samples.push_back({labels, static_cast<double>(state->sessions.size())});
  }
  families->insert(families->end(), {up, memory, free, share, busy, sessions});
}

void AddVxpus(const std::vector<const DeviceState*>& devices, std::vector<MetricFamily>* families) {
  MetricFamily request{"flexai_vxpu_request_ratio", "Guaranteed part of the device.", MetricType::kGauge, {}};
  MetricFamily limit{"flexai_vxpu_limit_ratio", "Most of the device it may take.", MetricType::kGauge, {}};
  MetricFamily quota{"flexai_vxpu_memory_quota_bytes", "Memory it may hold.", MetricType::kGauge, {}};
  MetricFamily resident{"flexai_vxpu_memory_resident_bytes", "Memory it holds.", MetricType::kGauge, {}};
  MetricFamily busy{"flexai_vxpu_busy_seconds_total", "Device time used.", MetricType::kCounter, {}};
  MetricFamily wait{"flexai_vxpu_queue_wait_seconds_total",
                    "Time its sessions waited for a turn.",
                    MetricType::kCounter,
                    {}};
  MetricFamily sessions{"flexai_vxpu_sessions", "Sessions open on it.", MetricType::kGauge, {}};
  for (const DeviceState* state : devices) {
    for (const auto& [id, vxpu] : state->vxpus) {
      const Labels labels{{"device", state->device.id}, {"vxpu", std::to_string(id)}, {"name", vxpu.name}};
      request.samples.push_back({labels, ToRatio(vxpu.request)});
      limit.samples.push_back({labels, ToRatio(vxpu.limit)});
      quota.samples.push_back({labels, static_cast<double>(vxpu.memory.value)});
      resident.samples.push_back({labels, static_cast<double>(vxpu.resident.value)});
      busy.samples.push_back({labels, ToSeconds(vxpu.used)});
      wait.samples.push_back({labels, ToSeconds(vxpu.queue_wait)});
      sessions.samples.push_back({labels, static_cast<double>(vxpu.sessions)});
    }
  }
  families->insert(families->end(), {request, limit, quota, resident, busy, wait, sessions});
}

}  // namespace

std::vector<MetricFamily> PoolMetrics(const Pool& pool) {
  std::vector<MetricFamily> families;
  AddDevices(pool.devices(), &families);
  AddVxpus(pool.devices(), &families);
  return families;
}

}  // namespace flexai::node
