// The kinds of devices that a cluster has, and selectors over them.
//
// A kind's number is what nodes give as their devices' model, and what sets of models are made of. Devices of
// one kind are the same to every decision but for what is free on them. All devices of a node are of one
// kind; a machine with several kinds of devices is described as several nodes. Thread safety: a value.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "placement/cluster.h"

namespace flexai::placement {

struct DeviceKind {
  std::string vendor;
  std::string model;
  int32_t memory_mib = 0;  // of one device; 0: not modelled
  std::map<std::string, std::string> attributes;
  DeviceSteps steps;
  bool operator==(const DeviceKind&) const = default;
};

// Empty fields ask for nothing; all that is asked for must hold.
struct DeviceSelector {
  std::string vendor;
  std::string model;
  std::map<std::string, std::string> attributes;
  int32_t least_memory_mib = 0;
};

class DeviceKinds {
 public:
  // The number of the kind; equal kinds have one. kInvalidArgument for steps that no device can have: below
  // 1, above a device's share, or such that memory is no multiple of theirs; kResourceExhausted if there are
  // kMostModels others.
  Result<int> Add(const DeviceKind& kind);

  size_t size() const { return kinds_.size(); }
  const DeviceKind& kind(int number) const { return kinds_[static_cast<size_t>(number)]; }

  // The kinds that match; kNotFound, naming what matched nothing, if none does.
  Result<ModelSet> Select(const DeviceSelector& selector) const;

  // Makes all devices of the node such.
  void Describe(int number, NodeSpec* node) const;

 private:
  std::vector<DeviceKind> kinds_;
};

}  // namespace flexai::placement
