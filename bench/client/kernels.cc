// Throughput and latency of kernels.
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "client/commands.h"

namespace flexai::bench {
namespace {

double Micros(int64_t from_ns, int64_t to_ns) { return static_cast<double>(to_ns - from_ns) / 1e3; }

// Seconds from the first enqueue to the end of the last of `count` kernels, queued without events.
double RunBackToBack(Session& session, uint32_t iterations, int count) {
  const int64_t start = NowNs();
  for (int i = 0; i < count; ++i) {
    session.Spin(iterations);
  }
  session.Finish();
  return static_cast<double>(NowNs() - start) / 1e9;
}

// Nanoseconds of one enqueue call alone (arguments are set before).
double TimeOneEnqueue(Session& session) {
  const size_t one = 1;
  const int64_t start = NowNs();
  const cl_int status =
      clEnqueueNDRangeKernel(session.queue(), session.spin(), 1, nullptr, &one, &one, 0, nullptr, nullptr);
  const int64_t end = NowNs();
  Check(status, "clEnqueueNDRangeKernel");
  return Micros(start, end);
}

void SetIterations(Session& session, uint32_t iterations) {
  Check(clSetKernelArg(session.spin(), 1, sizeof iterations, &iterations), "clSetKernelArg");
}

}  // namespace

// The fastest of several batches: what the loop costs when nothing disturbs it.
Json Calibrate(Session& session, std::istream&) {
  constexpr uint32_t kIterations = 2000000;
  constexpr int kKernels = 8;
  double best = 1e9;
  for (int round = 0; round < 12; ++round) {
    best = std::min(best, RunBackToBack(session, kIterations, kKernels));
  }
  return {{"ns_per_iteration", best * 1e9 / kKernels / kIterations}};
}

Json Throughput(Session& session, std::istream& arguments) {
  uint32_t iterations = 0;
  int count = 0;
  if (!(arguments >> iterations >> count)) {
    Fail("throughput needs iterations and count");
  }
  return {{"seconds", RunBackToBack(session, iterations, count)}};
}

Json EnqueueBurst(Session& session, std::istream& arguments) {
  int burst = 0;
  int rounds = 0;
  if (!(arguments >> burst >> rounds)) {
    Fail("enqueue needs burst and rounds");
  }
  std::vector<double> samples;
  SetIterations(session, 1);
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < burst; ++i) {
      samples.push_back(TimeOneEnqueue(session));
    }
    session.Finish();
  }
  return {{"call_us", samples}};
}

Json EnqueueAsleep(Session& session, std::istream& arguments) {
  int pause_us = 0;
  int count = 0;
  if (!(arguments >> pause_us >> count)) {
    Fail("enqueue_asleep needs pause_us and count");
  }
  std::vector<double> samples;
  SetIterations(session, 1);
  for (int i = 0; i < count; ++i) {
    SleepUntilNs(NowNs() + pause_us * 1000ll);
    samples.push_back(TimeOneEnqueue(session));
    session.Finish();
  }
  return {{"call_us", samples}};
}

Json RoundTrip(Session& session, std::istream& arguments) {
  std::string kind;
  int pause_us = 0;
  int count = 0;
  if (!(arguments >> kind >> pause_us >> count)) {
    Fail("round_trip needs finish or read, pause_us and count");
  }
  std::vector<double> samples;
  SetIterations(session, 1);
  for (int i = 0; i < count; ++i) {
    if (pause_us > 0) {
      SleepUntilNs(NowNs() + pause_us * 1000ll);
    }
    uint32_t value;
    const int64_t start = NowNs();
    TimeOneEnqueue(session);
    if (kind == "read") {
      Check(clEnqueueReadBuffer(session.queue(), session.result(), CL_TRUE, 0, sizeof value, &value, 0,
                                nullptr, nullptr),
            "clEnqueueReadBuffer");
    } else {
      session.Finish();
    }
    samples.push_back(Micros(start, NowNs()));
  }
  return {{"round_trip_us", samples}};
}

}  // namespace flexai::bench
