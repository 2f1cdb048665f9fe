#include "placement/policy.h"

#include <fmt/ranges.h>

#include "placement/policies/policies.h"
#include "placement/remote.h"
#include "placement/room.h"

namespace flexai::placement {
namespace {

std::unique_ptr<Policy> Scored(std::unique_ptr<NodeRater> rater) {
  return std::make_unique<ScoredPolicy>(std::move(rater));
}

struct Entry {
  std::string_view name;
  std::unique_ptr<Policy> (*make)(const PolicyInputs& inputs);
};

constexpr Entry kPolicies[] = {
    {"random", [](const PolicyInputs& inputs) { return MakeRandom(inputs.seed); }},
    {"spread", [](const PolicyInputs&) { return Scored(MakeSpread()); }},
    {"binpack", [](const PolicyInputs&) { return Scored(MakeBinpack()); }},
    {"best-fit", [](const PolicyInputs&) { return Scored(MakeBestFit()); }},
    {"dot-product", [](const PolicyInputs&) { return Scored(MakeDotProduct()); }},
    {"fgd", [](const PolicyInputs& inputs) { return Scored(MakeFgd(inputs.typical)); }},
    {"hi",
     [](const PolicyInputs& inputs) {
       return Scored(MakeHi(inputs.typical, inputs.hi ? *inputs.hi : UntunedHi(inputs.typical)));
     }},
};

}  // namespace

int64_t Policy::RoomFor(const Cluster& cluster, const Request& request, int64_t enough) {
  return placement::RoomFor(cluster, request, enough);
}

Result<std::unique_ptr<Policy>> MakePolicy(std::string_view name, const PolicyInputs& inputs) {
  for (const Entry& entry : kPolicies) {
    if (entry.name == name) {
      std::unique_ptr<Policy> policy = entry.make(inputs);
      if (inputs.remote) {
        policy = std::make_unique<RemotePolicy>(std::move(policy));
      }
      return policy;
    }
  }
  return UnknownPolicy(name, PolicyNames());
}

Status UnknownPolicy(std::string_view name, std::span<const std::string> known) {
  return InvalidArgument(
      fmt::format("'{}' is no placement policy: use one of {}", name, fmt::join(known, ", ")));
}

std::vector<std::string> PolicyNames() {
  std::vector<std::string> names;
  for (const Entry& entry : kPolicies) {
    names.emplace_back(entry.name);
  }
  return names;
}

}  // namespace flexai::placement
