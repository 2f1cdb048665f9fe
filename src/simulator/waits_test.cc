#include "simulator/waits.h"

#include <gtest/gtest.h>

namespace flexai::simulator {
namespace {

TEST(Waits, OfNobodyAreNothing) {
  const Waits waits = WaitBook().Summary();
  EXPECT_EQ(waits.jobs, 0u);
  EXPECT_EQ(waits.mean, 0);
}

TEST(Waits, AreSummedUpByJobAndByDevice) {
  WaitBook book;
  for (int i = 1; i <= 200; ++i) {
    book.Add(i, i % 2 == 0, i <= 100 ? 0 : 500);
  }
  book.Add(1'000, true, 50'000);
  const Waits waits = book.Summary();
  EXPECT_EQ(waits.jobs, 201u);
  EXPECT_EQ(waits.started, 101u);
  EXPECT_DOUBLE_EQ(waits.mean, (200 * 201 / 2 + 1'000) / 201.0);
  EXPECT_DOUBLE_EQ(waits.mean_by_device, (150.5 + 1'000) / 2) << "a hundred halves weigh as much as fifty";
  EXPECT_EQ(waits.p99, 199) << "one in a hundred waited longer";
}

TEST(Waits, WithoutDevicesHaveNoMeanByDevice) {
  WaitBook book;
  book.Add(5, true, 0);
  EXPECT_EQ(book.Summary().mean_by_device, 0);
  EXPECT_EQ(book.Summary().p99, 5);
}

}  // namespace
}  // namespace flexai::simulator
