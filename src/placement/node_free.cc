#include "placement/node_free.h"

namespace flexai::placement {
namespace {

// Share, memory and number of a device in one number, of which the larger goes first: of equal devices the
// one with the lower number.
constexpr int kMemoryShift = 4;
constexpr int kShareShift = 36;
constexpr uint64_t kNumberMask = (1u << kMemoryShift) - 1;
static_assert(kMostDevices - 1 <= kNumberMask);

struct Keys {
  std::array<uint64_t, kMostDevices> key{};
  int count = 0;
};

// By insertion, since there are few.
Keys SortedKeys(const NodeFree& node, int32_t devices) {
  Keys keys;
  for (size_t number = 0; number < static_cast<size_t>(devices); ++number) {
    if (!node.InService(static_cast<int32_t>(number))) {
      continue;
    }
    const uint64_t key = static_cast<uint64_t>(node.share[number]) << kShareShift |
                         static_cast<uint64_t>(node.device_memory[number]) << kMemoryShift |
                         (kMostDevices - 1 - number);
    auto at = static_cast<size_t>(keys.count++);
    for (; at > 0 && keys.key[at - 1] < key; --at) {
      keys.key[at] = keys.key[at - 1];
    }
    keys.key[at] = key;
  }
  return keys;
}

}  // namespace

void NodeFree::AddHost(const TaskShape& task, int sign) {
  cpu_milli += sign * task.cpu_milli;
  memory_mib += sign * task.memory_mib;
}

void NodeFree::AddDevices(const TaskShape& task, std::span<const int32_t> numbers, int sign) {
  for (const int32_t number : numbers) {
    const auto i = static_cast<size_t>(number);
    share[i] = static_cast<int16_t>(share[i] + sign * task.share_milli);
    device_memory[i] += sign * task.device_memory_mib;
  }
}

NodeFree::Order NodeFree::DeviceOrder(int32_t devices) const {
  const Keys keys = SortedKeys(*this, devices);
  Order order;
  order.count = keys.count;
  for (size_t i = 0; i < static_cast<size_t>(keys.count); ++i) {
    order.number[i] = static_cast<uint8_t>(kMostDevices - 1 - (keys.key[i] & kNumberMask));
  }
  return order;
}

NodeState NodeFree::State(int32_t model, int32_t devices) const {
  const Keys keys = SortedKeys(*this, devices);
  NodeState state{cpu_milli, model, keys.count, {}, {}};
  for (size_t i = 0; i < static_cast<size_t>(keys.count); ++i) {
    state.free[i] = static_cast<int16_t>(keys.key[i] >> kShareShift);
    state.memory[i] = static_cast<int32_t>(keys.key[i] >> kMemoryShift);
  }
  return state;
}

}  // namespace flexai::placement
