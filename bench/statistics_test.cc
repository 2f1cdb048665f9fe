#include "statistics.h"

#include <gtest/gtest.h>

namespace flexai::bench {
namespace {

TEST(StatisticsTest, QuantileIsTheNearestRank) {
  const std::vector<double> samples{5, 1, 4, 2, 3};
  EXPECT_EQ(Quantile(samples, 0), 1);
  EXPECT_EQ(Quantile(samples, 0.5), 3);
  EXPECT_EQ(Quantile(samples, 0.81), 5);
  EXPECT_EQ(Quantile(samples, 1), 5);
}

TEST(StatisticsTest, The99thOfAHundredLeavesOneAbove) {
  std::vector<double> samples;
  for (int i = 100; i >= 1; --i) {
    samples.push_back(i);
  }
  EXPECT_EQ(Quantile(samples, 0.99), 99);
}

TEST(StatisticsTest, MedianOfAnEvenCountIsTheMeanOfTheMiddleTwo) {
  EXPECT_EQ(Median({4, 1, 3, 2}), 2.5);
  EXPECT_EQ(Median({9, 1, 5}), 5);
}

TEST(StatisticsTest, NoSamplesGiveZero) {
  EXPECT_EQ(Quantile({}, 0.5), 0);
  EXPECT_EQ(Median({}), 0);
}

}  // namespace
}  // namespace flexai::bench
