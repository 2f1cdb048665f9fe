// Bandwidth of reads, writes and maps between host memory and a buffer.
//
// warm: the same buffer and the same host memory every time. cold: for each transfer a new buffer (written
// once, so that its memory exists; for a write it is new altogether), host memory never touched before (for a
// write: written, then evicted), and the processor's caches filled with something else.
//
// A map is timed with what it is for: map, read every word, unmap, finish. Its own latency is reported beside
// it.
#include <sys/mman.h>

#include <cstring>
#include <vector>

#include "client/commands.h"

namespace flexai::bench {
namespace {

constexpr size_t kEvictBytes = 64 << 20;  // more than the last-level cache

// Page-aligned host memory straight from the kernel: untouched until it is used.
class HostMemory {
 public:
  explicit HostMemory(size_t bytes) : bytes_(bytes) {
    data_ = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data_ == MAP_FAILED) {
      Fail("no host memory for a transfer");
    }
  }
  ~HostMemory() { munmap(data_, bytes_); }
  HostMemory(const HostMemory&) = delete;
  HostMemory& operator=(const HostMemory&) = delete;
  void* data() { return data_; }
  void Touch(int value) { std::memset(data_, value, bytes_); }

 private:
  size_t bytes_;
  void* data_;
};

uint64_t SumWords(const void* data, size_t bytes) {
  const auto* words = static_cast<const uint64_t*>(data);
  uint64_t sum = 0;
  for (size_t i = 0; i < bytes / sizeof *words; ++i) {
    sum += words[i];
  }
  return sum;
}

volatile uint64_t discarded;  // keeps the reads of a mapped buffer

void EvictCaches() {
  static HostMemory other(kEvictBytes);
  static int value = 0;
  other.Touch(++value);
  discarded = SumWords(other.data(), kEvictBytes);
}

void Fill(Session& session, cl_mem buffer, size_t bytes) {
  const uint32_t pattern = 0x5a5a1234;
  Check(clEnqueueFillBuffer(session.queue(), buffer, &pattern, sizeof pattern, 0, bytes, 0, nullptr, nullptr),
        "clEnqueueFillBuffer");
  session.Finish();
}

struct MapTimes {
  double with_use = 0;
  double alone = 0;  // map and unmap
};

MapTimes TimeMap(Session& session, cl_mem buffer, size_t bytes) {
  cl_int status;
  const int64_t start = NowNs();
  void* mapped = clEnqueueMapBuffer(session.queue(), buffer, CL_TRUE, CL_MAP_READ, 0, bytes, 0, nullptr,
                                    nullptr, &status);
  Check(status, "clEnqueueMapBuffer");
  const int64_t use = NowNs();
  discarded = SumWords(mapped, bytes);
  const int64_t used = NowNs();
  Check(clEnqueueUnmapMemObject(session.queue(), buffer, mapped, 0, nullptr, nullptr),
        "clEnqueueUnmapMemObject");
  session.Finish();
  const int64_t end = NowNs();
  return {static_cast<double>(end - start) / 1e9, static_cast<double>(end - used + use - start) / 1e9};
}

double TimeCopy(Session& session, bool read, cl_mem buffer, size_t bytes, void* host) {
  const int64_t start = NowNs();
  if (read) {
    Check(clEnqueueReadBuffer(session.queue(), buffer, CL_TRUE, 0, bytes, host, 0, nullptr, nullptr),
          "clEnqueueReadBuffer");
  } else {
    Check(clEnqueueWriteBuffer(session.queue(), buffer, CL_TRUE, 0, bytes, host, 0, nullptr, nullptr),
          "clEnqueueWriteBuffer");
  }
  return static_cast<double>(NowNs() - start) / 1e9;
}

struct Samples {
  std::vector<double> seconds;
  std::vector<double> map_alone;
};

void Measure(Session& session, const std::string& kind, cl_mem buffer, size_t bytes, void* host,
             Samples* samples) {
  if (kind == "map") {
    const MapTimes times = TimeMap(session, buffer, bytes);
    samples->seconds.push_back(times.with_use);
    samples->map_alone.push_back(times.alone);
  } else {
    samples->seconds.push_back(TimeCopy(session, kind == "read", buffer, bytes, host));
  }
}

void MeasureWarm(Session& session, const std::string& kind, size_t bytes, int count, Samples* samples) {
  HostMemory host(bytes);
  host.Touch(1);
  cl_mem buffer = session.CreateBuffer(bytes);
  Fill(session, buffer, bytes);
  Samples warm_up;
  for (int i = 0; i < 3; ++i) {
    Measure(session, kind, buffer, bytes, host.data(), &warm_up);
  }
  for (int i = 0; i < count; ++i) {
    Measure(session, kind, buffer, bytes, host.data(), samples);
  }
  clReleaseMemObject(buffer);
}

void MeasureCold(Session& session, const std::string& kind, size_t bytes, int count, Samples* samples) {
  for (int i = 0; i < count; ++i) {
    HostMemory host(bytes);
    cl_mem buffer = session.CreateBuffer(bytes);
    if (kind == "write") {
      host.Touch(i);
    } else {
      Fill(session, buffer, bytes);
    }
    EvictCaches();
    Measure(session, kind, buffer, bytes, host.data(), samples);
    clReleaseMemObject(buffer);
  }
}

}  // namespace

Json Transfer(Session& session, std::istream& arguments) {
  std::string kind;
  std::string heat;
  size_t bytes = 0;
  int count = 0;
  if (!(arguments >> kind >> bytes >> heat >> count)) {
    Fail("transfer needs read, write or map, bytes, cold or warm, and count");
  }
  Samples samples;
  if (heat == "cold") {
    MeasureCold(session, kind, bytes, count, &samples);
  } else {
    MeasureWarm(session, kind, bytes, count, &samples);
  }
  return {{"seconds", samples.seconds}, {"map_alone", samples.map_alone}};
}

}  // namespace flexai::bench
