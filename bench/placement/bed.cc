#include "bed.h"

#include <malloc.h>
#include <time.h>

#include "placement/policies/policies.h"

namespace flexai::bench {
namespace {

using placement::Cluster;
using placement::NodeId;
using placement::Placement;
using placement::Rating;
using placement::Request;

class FullScan final : public placement::Policy {
 public:
  explicit FullScan(std::unique_ptr<placement::NodeRater> rater) : rater_(std::move(rater)) {}

  std::optional<Placement> Choose(const Cluster& cluster, const Request& request) override {
    Rating best{-1, 0};
    NodeId found = 0;
    for (NodeId node = 0; node < cluster.nodes().size(); ++node) {
      if (request.Allows(node) && cluster.Fits(node, request.shape)) {
        const Rating rating = rater_->Rate(cluster.state_of_node(node), cluster.TakenOn(node, request.shape));
        if (rating.score > best.score) {
          best = rating;
          found = node;
        }
      }
    }
    if (best.score < 0) {
      return std::nullopt;
    }
    return Placement{found, found, cluster.DevicesAt(found, best.devices)};
  }

 private:
  std::unique_ptr<placement::NodeRater> rater_;
};

double Read(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

}  // namespace

std::unique_ptr<placement::Policy> Bed::MakeHi() const {
  return std::move(placement::MakePolicy("hi", {.typical = typical, .seed = 1})).value();
}

Bed MakeBed(size_t nodes, uint64_t seed) {
  Bed bed;
  bed.trace = simulator::SampleTrace(nodes);
  bed.arrivals = simulator::DrawArrivals(bed.trace, {.seed = seed});
  bed.typical = placement::TypicalTasks(simulator::ShapesOf(bed.trace));
  return bed;
}

std::unique_ptr<placement::Policy> MakeFullScan(const Bed& bed) {
  return std::make_unique<FullScan>(placement::MakeHi(bed.typical, placement::UntunedHi(bed.typical)));
}

bool Same(const std::optional<Placement>& a, const std::optional<Placement>& b) {
  return a.has_value() == b.has_value() &&
         (!a.has_value() ||
          (a->cpu_node == b->cpu_node && a->device_node == b->device_node && a->devices == b->devices));
}

double ThreadTime() { return Read(CLOCK_THREAD_CPUTIME_ID); }
double WallTime() { return Read(CLOCK_MONOTONIC); }
double ThreadTimeOf(const std::function<void()>& work) {
  const double start = ThreadTime();
  work();
  return ThreadTime() - start;
}

double HeapBytes() {
  const struct mallinfo2 heap = mallinfo2();
  return static_cast<double>(heap.uordblks + heap.hblkhd);
}

}  // namespace flexai::bench
