#include "os/scheduling.h"

#include <gtest/gtest.h>

#include <thread>

namespace flexai::os {
namespace {

TEST(Scheduling, TimeSliceIsThisThreadsOnly) {
  const Nanos before = TimeSlice();
  std::thread([before] {
    const int nice = Niceness();
    ASSERT_TRUE(SetTimeSlice(Micros(200)).ok());
    EXPECT_TRUE(TimeSlice() == Micros(200) || TimeSlice() == before) << "a kernel before 6.12 ignores it";
    EXPECT_EQ(Niceness(), nice);
    std::thread([before] { EXPECT_EQ(TimeSlice(), before); }).join();
  }).join();
  EXPECT_EQ(TimeSlice(), before);
}

}  // namespace
}  // namespace flexai::os
