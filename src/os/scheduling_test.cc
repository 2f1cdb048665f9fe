#include "os/scheduling.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace flexai::os {
namespace {

TEST(Scheduling, TimeSliceIsThisThreadsOnly) {
  const Nanos before = TimeSlice();
  if (!std::async(std::launch::async, [] { return SetTimeSlice(Micros(200)).ok(); }).get()) {
    GTEST_SKIP() << "this kernel or sandbox has no sched_setattr";
  }
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
