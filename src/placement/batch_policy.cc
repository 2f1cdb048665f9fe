#include "placement/batch_policy.h"

#include "placement/policies/policies.h"

namespace flexai::placement {
namespace {

// Holds nothing back: a policy that decides one task at a time.
class OneByOne final : public BatchPolicy {
 public:
  explicit OneByOne(std::unique_ptr<Policy> policy) : policy_(std::move(policy)) {}
  size_t most_held() const override { return 1; }
  std::vector<BatchDecision> Decide(Cluster& cluster, std::span<const TaskShape> tasks) override {
    return {{0, policy_->Choose(cluster, tasks.front())}};
  }

 private:
  std::unique_ptr<Policy> policy_;
};

}  // namespace

Result<std::unique_ptr<BatchPolicy>> MakeBatchPolicy(std::string_view name, const PolicyInputs& inputs) {
  const bool batch = name == kHiBatch16;
  Result<std::unique_ptr<Policy>> policy = MakePolicy(batch ? "hi" : name, inputs);
  if (!policy.ok()) {
    return UnknownPolicy(name, BatchPolicyNames());
  }
  if (batch) {
    return MakeHiBatch16(std::move(*policy), inputs.typical,
                         inputs.hi ? *inputs.hi : UntunedHi(inputs.typical));
  }
  return std::unique_ptr<BatchPolicy>(std::make_unique<OneByOne>(std::move(*policy)));
}

std::vector<std::string> BatchPolicyNames() {
  std::vector<std::string> names = PolicyNames();
  names.emplace_back(kHiBatch16);
  return names;
}

}  // namespace flexai::placement
