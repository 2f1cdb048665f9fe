// The pool's devices: what a look for devices changes, and what is done with all keepers at once.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "node/pool.h"

namespace flexai::node {
namespace {

using nlohmann::json;

Bytes DefaultReserve(Bytes memory) { return {std::max<uint64_t>(memory.value / 16, 256ull << 20)}; }

// Runs `done` when it was called `count` times; at once if `count` is 0.
std::function<void()> AfterAll(size_t count, std::function<void()> done) {
  if (count == 0) {
    done();
    return [] {};
  }
  auto left = std::make_shared<size_t>(count);
  return [left, done = std::move(done)] {
    if (--*left == 0) {
      done();
    }
  };
}

}  // namespace

Status DeviceState::DriverProblem() const {
  return device.problem.empty() ? Status() : Unavailable(device.problem);
}

void Pool::SetInventory(Inventory inventory, std::function<void()> done) {
  inventory_ = std::move(inventory);
  std::erase_if(inventory_.devices, [this](const Device& device) {
    const auto config = options_.config.devices.find(device.id);
    return config != options_.config.devices.end() && !config->second.enabled;
  });
  for (const auto& [id, entry] : entries_) {
    entry->state.device.problem = "the last look for devices did not find it";
    entry->state.problem = entry->state.DriverProblem();
  }
  for (const Device& device : inventory_.devices) {
    TakeDevice(device);
  }
  const auto one_done = AfterAll(entries_.size(), std::move(done));
  for (const auto& [id, entry] : entries_) {
    entry->keeper->Adopt([one_done](const Status&) { one_done(); });
  }
}

void Pool::TakeDevice(const Device& device) {
  DeviceConfig config;
  if (const auto found = options_.config.devices.find(device.id); found != options_.config.devices.end()) {
    config = found->second;
  }
  KeeperOptions keeper;
  keeper.device = device.id;
  keeper.socket = options_.paths.keeper_socket(device.id);
  keeper.lock = KeeperLockPath(options_.lock_directory, device.id);
  keeper.log_directory = options_.paths.log_directory();
  keeper.keeper_program = options_.keeper_program;
  keeper.executor_program = options_.executor_program;
  keeper.memory = std::min(device.memory, config.memory.value_or(device.memory));
  keeper.reserve = std::min(keeper.memory, config.reserve.value_or(DefaultReserve(keeper.memory)));
  keeper.session_overhead = config.session_overhead;
  keeper.max_command = options_.config.max_command;
  keeper.freeze = device.type == "cpu";
  keeper.version = options_.version;

  std::unique_ptr<Entry>& entry = entries_[device.id];
  if (entry == nullptr) {
    entry = std::make_unique<Entry>();
  }
  DeviceState& state = entry->state;
  state.device = device;
  state.problem = state.DriverProblem();
  if (!state.serving) {  // else the keeper's account tells
    state.reserve = keeper.reserve;
    state.memory = state.free_memory = Bytes{keeper.memory.value - keeper.reserve.value};
  }
  if (entry->keeper != nullptr) {
    return entry->keeper->SetOptions(std::move(keeper));
  }
  Entry* raw = entry.get();
  entry->keeper = std::make_unique<KeeperHost>(
      loop_, log_, std::move(keeper),
      KeeperHost::Events{[this, raw](const json& hello) { KeeperServing(*raw, hello); },
                         [this, raw](const Status& why) { KeeperLost(*raw, why); }});
}

void Pool::StartKeepers() {
  for (const auto& [id, entry] : entries_) {
    if (!entry->state.device.problem.empty()) {
      continue;
    }
    entry->keeper->Ensure([this, raw = entry.get()](const Status& status) {
      raw->state.problem = status;
      if (!status.ok()) {
        log_.Error("{}", status.message());
      }
    });
  }
}

void Pool::Refresh(std::function<void()> done) {
  const auto serving = [](const auto& known) { return known.second->keeper->serving(); };
  const auto one_done = AfterAll(
      static_cast<size_t>(std::count_if(entries_.begin(), entries_.end(), serving)), std::move(done));
  for (const auto& [id, entry] : entries_) {
    if (!entry->keeper->serving()) {
      continue;
    }
    entry->keeper->Request({{"op", "stats"}}, {}, kRequestTimeout,
                           [this, raw = entry.get(), one_done](const Result<KeeperReply>& reply) {
                             if (reply.ok()) {
                               Ingest(*raw, reply->body);
                             }
                             one_done();
                           });
  }
}

void Pool::ShutDownKeepers(bool idle_only, std::function<void()> done) {
  shutting_down_ = true;
  std::vector<KeeperHost*> ending;
  for (const auto& [id, entry] : entries_) {
    const bool idle = entry->state.vxpus.empty() && entry->state.sessions.empty();
    if ((entry->keeper->serving() || entry->keeper->beginning()) && (idle || !idle_only)) {
      ending.push_back(entry->keeper.get());
    }
  }
  const auto one_done = AfterAll(ending.size(), std::move(done));
  for (KeeperHost* keeper : ending) {
    keeper->ShutDown(one_done);
  }
}

std::vector<const DeviceState*> Pool::devices() const {
  std::vector<const DeviceState*> states;
  for (const Device& device : inventory_.devices) {
    states.push_back(&entries_.at(device.id)->state);
  }
  for (const auto& [id, entry] : entries_) {
    const DeviceState& state = entry->state;
    const bool in_use = !state.vxpus.empty() || !state.sessions.empty();
    if (in_use && std::find(states.begin(), states.end(), &state) == states.end()) {
      states.push_back(&state);
    }
  }
  return states;
}

}  // namespace flexai::node
