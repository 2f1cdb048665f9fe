#include "executor/opencl/cost.h"

#include <gtest/gtest.h>

namespace flexai::executor::opencl {
namespace {

TEST(CostCell, OneInterruptedCommandChangesLittle) {
  CostCell cell;
  for (int i = 0; i < 10; ++i) {
    cell.Learn(Millis(1));
  }
  cell.Learn(Millis(50));
  EXPECT_LE(cell.Predict(), Micros(1250));
  for (int i = 0; i < 10; ++i) {
    cell.Learn(Millis(1));
  }
  EXPECT_NEAR(static_cast<double>(cell.Predict().value), 1e6, 2e4);
}

TEST(CostCell, LongerCommandsAreLearnedAfterTheFirst) {
  CostCell cell;
  cell.Learn(Micros(1));  // a first run that had nothing to do
  cell.Learn(Millis(50));
  EXPECT_LT(cell.Predict(), Micros(2));
  cell.Learn(Millis(50));
  EXPECT_GT(cell.Predict(), Millis(12));
  for (int i = 0; i < 10; ++i) {
    cell.Learn(Millis(50));
  }
  EXPECT_GT(cell.Predict(), Millis(45));
}

TEST(CostCell, ShorterCommandsAreLearnedAtOnce) {
  CostCell cell;
  cell.Learn(Millis(8));
  cell.Learn(Millis(4));
  EXPECT_EQ(cell.Predict(), Millis(7));
}

}  // namespace
}  // namespace flexai::executor::opencl
