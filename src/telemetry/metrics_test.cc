#include "telemetry/metrics.h"

#include <gtest/gtest.h>

#include <limits>
#include <thread>

namespace flexai::telemetry {
namespace {

TEST(MetricRegistryTest, ANameAndLabelsAreOneSeries) {
  MetricRegistry registry;
  registry.GetCounter("sessions_total", "Sessions.", {{"device", "pocl-0"}}).Add(2);
  registry.GetCounter("sessions_total", "Sessions.", {{"device", "pocl-0"}}).Add();
  registry.GetCounter("sessions_total", "Sessions.", {{"device", "pocl-1"}}).Add(5);
  const auto families = registry.Collect();
  ASSERT_EQ(families.size(), 1u);
  ASSERT_EQ(families[0].samples.size(), 2u);
  EXPECT_EQ(families[0].samples[0].value, 3);
  EXPECT_EQ(families[0].samples[1].value, 5);
}

TEST(MetricRegistryTest, CountsFromManyThreads) {
  MetricRegistry registry;
  auto count = [&registry] {
    for (int i = 0; i < 1000; ++i) {
      registry.GetCounter("n_total", "N.").Add();
    }
  };
  std::thread other(count);
  count();
  other.join();
  EXPECT_EQ(registry.GetCounter("n_total", "N.").value(), 2000u);
}

TEST(ExpositionTest, WritesHelpTypeAndSamples) {
  MetricRegistry registry;
  registry.GetGauge("b_bytes", "Bytes.").Set(1.5);
  registry.GetCounter("a_total", "Things.", {{"x", "1"}, {"y", "2"}}).Add(7);
  EXPECT_EQ(ExpositionText(registry.Collect()),
            "# HELP a_total Things.\n# TYPE a_total counter\na_total{x=\"1\",y=\"2\"} 7\n"
            "# HELP b_bytes Bytes.\n# TYPE b_bytes gauge\nb_bytes 1.5\n");
}

TEST(ExpositionTest, EscapesAndWritesSpecialValues) {
  const MetricFamily family{
      "f", "a\\b\nc", MetricType::kGauge, {{{{"l", "q\"\\\n"}}, std::numeric_limits<double>::infinity()}}};
  EXPECT_EQ(ExpositionText(std::span(&family, 1)),
            "# HELP f a\\\\b\\nc\n# TYPE f gauge\nf{l=\"q\\\"\\\\\\n\"} +Inf\n");
}

TEST(ExpositionTest, LargeCountsKeepTheirDigits) {
  const MetricFamily family{"f_total", "F.", MetricType::kCounter, {{{}, 123456789012345.0}}};
  EXPECT_NE(ExpositionText(std::span(&family, 1)).find("f_total 123456789012345"), std::string::npos);
}

TEST(ExpositionTest, LeavesOutFamiliesWithoutSamples) {
  const MetricFamily family{"f", "F.", MetricType::kGauge, {}};
  EXPECT_EQ(ExpositionText(std::span(&family, 1)), "");
}

}  // namespace
}  // namespace flexai::telemetry
