// The demo's batch job, plain OpenCL: classifies scans of digits by their nearest neighbours among the known
// ones.
//
// For each batch the host makes scans as a scanner would deliver them (40 x 40 pixels, turned, bent and
// noisy), scales them down and evens out their contrast; the device computes the distance of each scan to
// every known digit; the host lets the nearest five vote. One batch after the other; each shard of the job
// has scans of its own.
//
//   flexai-demo-batch DIGITS BATCHES SHARD      then, on standard input: "start NS"
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "base/random.h"
#include "client/session.h"

namespace flexai::demo {
namespace {

using bench::Check;
using bench::Fail;

constexpr int kSide = 8;
constexpr int kPixels = kSide * kSide;
constexpr int kScanSide = 40;
constexpr int kZoom = kScanSide / kSide;
constexpr int kBatch = 512;
constexpr int kTile = 64;  // scans in one kernel
constexpr int kVoters = 5;

using Image = std::array<float, kPixels>;

struct Digit {
  Image pixels;
  int32_t label;
};

std::vector<Digit> ReadDigits(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  uint32_t count = 0;
  file.read(reinterpret_cast<char*>(&count), sizeof count);
  std::vector<Digit> digits(file ? count : 0);
  file.read(reinterpret_cast<char*>(digits.data()),
            static_cast<std::streamsize>(digits.size() * sizeof(Digit)));
  if (!file || digits.empty()) {
    Fail("cannot read digits from " + path);
  }
  return digits;
}

// A digit on the scanner's glass: turned about its centre, bent by a slow wave, with noise.
class Scanner {
 public:
  explicit Scanner(uint64_t seed) : random_(seed) {}

  Image Scan(const Image& digit) {
    const float angle = Between(-0.3f, 0.3f);
    const float cosine = std::cos(angle);
    const float sine = std::sin(angle);
    const float phase = Between(0, 6.28f);
    const float bend = Between(0, 0.5f);
    Image scaled{};
    constexpr float kCentre = (kSide - 1) / 2.0f;
    for (int row = 0; row < kScanSide; ++row) {
      const float wave = bend * std::sin(phase + 0.2f * static_cast<float>(row));
      for (int column = 0; column < kScanSide; ++column) {
        const float x = (static_cast<float>(column) + 0.5f) / kZoom - 0.5f - kCentre;
        const float y = (static_cast<float>(row) + 0.5f) / kZoom - 0.5f - kCentre;
        const float value =
            Sample(digit, kCentre + cosine * x - sine * y + wave, kCentre + sine * x + cosine * y);
        scaled[static_cast<size_t>(row / kZoom * kSide + column / kZoom)] += value + Between(-0.1f, 0.1f);
      }
    }
    Normalise(&scaled);
    return scaled;
  }

  size_t Choose(size_t count) { return random_.Below(count); }

 private:
  float Between(float low, float high) { return low + (high - low) * static_cast<float>(random_.Unit()); }

  static float At(const Image& image, int x, int y) {
    const bool inside = x >= 0 && y >= 0 && x < kSide && y < kSide;
    return inside ? image[static_cast<size_t>(y * kSide + x)] : 0;
  }

  static float Sample(const Image& image, float x, float y) {
    const float left = std::floor(x);
    const float top = std::floor(y);
    const float right_part = x - left;
    const float low_part = y - top;
    const int i = static_cast<int>(left);
    const int j = static_cast<int>(top);
    const float upper = At(image, i, j) * (1 - right_part) + At(image, i + 1, j) * right_part;
    const float lower = At(image, i, j + 1) * (1 - right_part) + At(image, i + 1, j + 1) * right_part;
    return upper * (1 - low_part) + lower * low_part;
  }

  // Darkest to 0, brightest to 1.
  static void Normalise(Image* image) {
    const auto [darkest, brightest] = std::minmax_element(image->begin(), image->end());
    const float from = *darkest;
    const float range = std::max(1e-6f, *brightest - from);
    for (float& pixel : *image) {
      pixel = (pixel - from) / range;
    }
  }

  Random random_;
};

constexpr const char* kSource = R"(
// One work-item: the squared distances of one scan to four known digits. `known` and the rows of `result` are padded
// to a multiple of four.
__kernel void distances(__global const float* scans, __global const float4* known, __global float4* result,
                        uint first_scan, uint groups) {
  const uint group = get_global_id(0);
  const uint scan = first_scan + get_global_id(1);
  if (group >= groups) {
    return;
  }
  float4 sum = 0;
  for (uint pixel = 0; pixel < 64; ++pixel) {
    const float4 difference = scans[scan * 64 + pixel] - known[pixel * groups + group];
    sum += difference * difference;
  }
  result[scan * groups + group] = sum;
}
)";

class Distances {
 public:
  Distances(bench::Session& session, const std::vector<Digit>& digits)
      : session_(session), groups_(static_cast<cl_uint>((digits.size() + 3) / 4)) {
    cl_int status;
    const char* source = kSource;
    program_ = clCreateProgramWithSource(session.context(), 1, &source, nullptr, &status);
    Check(status, "clCreateProgramWithSource");
    Check(clBuildProgram(program_, 0, nullptr, "", nullptr, nullptr), "clBuildProgram");
    kernel_ = clCreateKernel(program_, "distances", &status);
    Check(status, "clCreateKernel");
    scans_ = session.CreateBuffer(sizeof(float) * kBatch * kPixels);
    known_ = session.CreateBuffer(sizeof(float) * kPixels * row());
    result_ = session.CreateBuffer(sizeof(float) * kBatch * row());
    // Pixel by pixel, so that neighbouring work-items read neighbouring words.
    std::vector<float> known(kPixels * row());
    for (size_t pixel = 0; pixel < kPixels; ++pixel) {
      for (size_t i = 0; i < digits.size(); ++i) {
        known[pixel * row() + i] = digits[i].pixels[pixel];
      }
    }
    Write(known_, known.data(), known.size() * sizeof(float));
    SetArgument(0, scans_);
    SetArgument(1, known_);
    SetArgument(2, result_);
    SetArgument(4, groups_);
  }
  ~Distances() {
    for (cl_mem buffer : {scans_, known_, result_}) {
      clReleaseMemObject(buffer);
    }
    clReleaseKernel(kernel_);
    clReleaseProgram(program_);
  }
  Distances(const Distances&) = delete;
  Distances& operator=(const Distances&) = delete;

  // Distances in one row of the result: one per known digit, and padding.
  size_t row() const { return size_t{groups_} * 4; }

  // `result` gets kBatch rows.
  void Compute(const std::vector<Image>& scans, std::vector<float>* result) {
    Write(scans_, scans.data(), sizeof(Image) * kBatch);
    constexpr size_t kWorkGroup[] = {64, 1};
    const size_t global[] = {(groups_ + kWorkGroup[0] - 1) / kWorkGroup[0] * kWorkGroup[0], kTile};
    for (cl_uint first = 0; first < kBatch; first += kTile) {
      SetArgument(3, first);
      Check(clEnqueueNDRangeKernel(session_.queue(), kernel_, 2, nullptr, global, kWorkGroup, 0, nullptr,
                                   nullptr),
            "clEnqueueNDRangeKernel");
    }
    result->resize(kBatch * row());
    Check(clEnqueueReadBuffer(session_.queue(), result_, CL_TRUE, 0, result->size() * sizeof(float),
                              result->data(), 0, nullptr, nullptr),
          "clEnqueueReadBuffer");
  }

 private:
  template <typename T>
  void SetArgument(cl_uint index, const T& value) {
    Check(clSetKernelArg(kernel_, index, sizeof value, &value), "clSetKernelArg");
  }

  void Write(cl_mem buffer, const void* data, size_t bytes) {
    Check(clEnqueueWriteBuffer(session_.queue(), buffer, CL_TRUE, 0, bytes, data, 0, nullptr, nullptr),
          "clEnqueueWriteBuffer");
  }

  bench::Session& session_;
  cl_uint groups_;
  cl_program program_ = nullptr;
  cl_kernel kernel_ = nullptr;
  cl_mem scans_ = nullptr;
  cl_mem known_ = nullptr;
  cl_mem result_ = nullptr;
};

// The label that most of the nearest known digits have; the smallest of equals.
int Vote(const std::vector<Digit>& digits, const float* distances) {
  std::array<std::pair<float, int>, kVoters> nearest;
  nearest.fill({1e30f, -1});
  for (size_t i = 0; i < digits.size(); ++i) {
    if (distances[i] < nearest.back().first) {
      nearest.back() = {distances[i], digits[i].label};
      std::sort(nearest.begin(), nearest.end());
    }
  }
  std::array<int, 10> votes{};
  for (const auto& [distance, label] : nearest) {
    ++votes[static_cast<size_t>(label)];
  }
  return static_cast<int>(std::max_element(votes.begin(), votes.end()) - votes.begin());
}

struct Outcome {
  uint64_t digest = 14695981039346656037ull;  // FNV-1a over the labels found and the bits of the distances
  int64_t right = 0;
  int64_t scans = 0;

  void Add(const void* bytes, size_t size) {
    for (size_t i = 0; i < size; ++i) {
      digest = (digest ^ static_cast<const unsigned char*>(bytes)[i]) * 1099511628211ull;
    }
  }
};

Outcome Classify(Distances& device, const std::vector<Digit>& digits, int batches, uint64_t shard) {
  Scanner scanner(shard);
  Outcome outcome;
  std::vector<Image> scans(kBatch);
  std::vector<int> truth(kBatch);
  std::vector<float> distances;
  for (int batch = 0; batch < batches; ++batch) {
    for (size_t i = 0; i < kBatch; ++i) {
      const Digit& digit = digits[scanner.Choose(digits.size())];
      truth[i] = digit.label;
      scans[i] = scanner.Scan(digit.pixels);
    }
    device.Compute(scans, &distances);
    for (size_t i = 0; i < kBatch; ++i) {
      const float* nearness = &distances[i * device.row()];
      const int found = Vote(digits, nearness);
      outcome.Add(&found, sizeof found);
      outcome.Add(nearness, 16 * sizeof *nearness);
      outcome.right += found == truth[i] ? 1 : 0;
    }
    outcome.scans += kBatch;
  }
  return outcome;
}

int Main(const std::string& path, int batches, uint64_t shard) {
  const std::vector<Digit> digits = ReadDigits(path);
  bench::Session session;
  Distances device(session, digits);
  Classify(device, digits, 1, shard);
  std::puts("{\"ready\":true}");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string word;
    int64_t start_ns = 0;
    if (!(words >> word >> start_ns) || word != "start") {
      Fail("unknown command " + line);
    }
    bench::SleepUntilNs(start_ns);
    const int64_t started_ns = bench::NowNs();
    const Outcome outcome = Classify(device, digits, batches, shard);
    fmt::print("{{\"started_ns\":{},\"ended_ns\":{},\"digest\":\"{:016x}\",\"accuracy\":{:.4f}}}\n",
               started_ns, bench::NowNs(), outcome.digest,
               static_cast<double>(outcome.right) / static_cast<double>(outcome.scans));
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace flexai::demo

int main(int count, char** arguments) {
  if (count != 4 || std::atoi(arguments[2]) <= 0) {
    std::fprintf(stderr, "usage: flexai-demo-batch DIGITS BATCHES SHARD\n");
    return 2;
  }
  return flexai::demo::Main(arguments[1], std::atoi(arguments[2]), std::strtoull(arguments[3], nullptr, 10));
}
