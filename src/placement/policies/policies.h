// The makers of the policies, one file each.
#pragma once

#include <memory>

#include "placement/batch_policy.h"
#include "placement/hi_parameters.h"
#include "placement/scored_policy.h"

namespace flexai::placement {

std::unique_ptr<Policy> MakeRandom(uint64_t seed);
std::unique_ptr<NodeRater> MakeSpread();
std::unique_ptr<NodeRater> MakeBinpack();
std::unique_ptr<NodeRater> MakeBestFit();
std::unique_ptr<NodeRater> MakeDotProduct();
std::unique_ptr<NodeRater> MakeFgd(std::span<const TypicalTask> typical);
std::unique_ptr<NodeRater> MakeHi(std::span<const TypicalTask> typical, const HiParameters& parameters);
std::unique_ptr<BatchPolicy> MakeHiBatch16(std::unique_ptr<Policy> hi, std::span<const TypicalTask> typical,
                                           const HiParameters& parameters);

}  // namespace flexai::placement
