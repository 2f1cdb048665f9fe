// A closed loop of requests with random think time: each request is a row of kernels and one blocking read.
#include <cmath>
#include <vector>

#include "base/random.h"
#include "client/commands.h"

namespace flexai::bench {

Json Service(Session& session, std::istream& arguments) {
  int requests = 0;
  uint64_t seed = 0;
  double think_us = 0;
  uint32_t iterations = 0;
  int kernels = 0;
  int sync = 0;
  if (!(arguments >> requests >> seed >> think_us >> iterations >> kernels >> sync)) {
    Fail("service needs requests, seed, think_us, iterations, kernels and sync");
  }
  Random random(seed);
  std::vector<double> latencies;
  for (int request = 0; request < requests; ++request) {
    const double pause_us = -think_us * std::log(1 - random.Unit());
    SleepUntilNs(NowNs() + static_cast<int64_t>(pause_us * 1e3));
    const int64_t start = NowNs();
    for (int i = 0; i < kernels; ++i) {
      session.Spin(iterations);
      if (sync != 0) {
        session.Finish();
      }
    }
    uint32_t answer[256];
    Check(clEnqueueReadBuffer(session.queue(), session.result(), CL_TRUE, 0, sizeof answer, answer, 0,
                              nullptr, nullptr),
          "clEnqueueReadBuffer");
    latencies.push_back(static_cast<double>(NowNs() - start) / 1e6);
  }
  return {{"latency_ms", latencies}};
}

}  // namespace flexai::bench
