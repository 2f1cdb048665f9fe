#include "shim/opencl/arena.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <map>
#include <thread>
#include <vector>

#include "base/random.h"
#include "os/guest.h"

namespace flexai::shim {
namespace {

constexpr uint64_t kMiB = 1 << 20;

class ArenaTest : public ::testing::Test {
 protected:
  void Make(uint64_t bytes) {
    bytes_ = bytes;
    fd_ = memfd_create("arena-test", MFD_CLOEXEC);
    ASSERT_EQ(ftruncate(fd_, static_cast<off_t>(bytes)), 0);
    base_ = static_cast<std::byte*>(os::MapForThisProcess(fd_, bytes, 0));
    ASSERT_NE(base_, nullptr);
    ASSERT_TRUE(arena_.Init(base_, bytes, true));
  }
  void TearDown() override {
    os::Unmap(base_, bytes_);
    close(fd_);
  }
  // Pages that the memfd really holds.
  uint64_t ResidentBytes() const {
    struct stat info {};
    fstat(fd_, &info);
    return static_cast<uint64_t>(info.st_blocks) * 512;
  }

  int fd_ = -1;
  uint64_t bytes_ = 0;
  std::byte* base_ = nullptr;
  Arena arena_;
};

TEST_F(ArenaTest, GivesAllOfItAtOnce) {
  Make(4 * kMiB);
  ArenaRange all = arena_.Allocate(4 * kMiB);
  ASSERT_TRUE(all);
  EXPECT_EQ(all.offset, 0u);
  EXPECT_FALSE(arena_.Allocate(1));
  arena_.Free(&all);
  EXPECT_FALSE(all);
  EXPECT_EQ(arena_.free_bytes(), 4 * kMiB);
}

TEST_F(ArenaTest, RefusesNothingAndTooMuch) {
  Make(kMiB);
  EXPECT_FALSE(arena_.Allocate(0));
  EXPECT_FALSE(arena_.Allocate(kMiB + 1));
  EXPECT_FALSE(arena_.Allocate(~uint64_t{0}));
}

TEST_F(ArenaTest, KeepsAlignments) {
  Make(4 * kMiB);
  ArenaRange odd = arena_.Allocate(64);
  for (uint64_t alignment = 64; alignment <= 4096; alignment *= 2) {
    ArenaRange range = arena_.Allocate(100, alignment);
    ASSERT_TRUE(range);
    EXPECT_EQ(range.offset % alignment, 0u) << alignment;
    EXPECT_EQ(range.length, 100u);
  }
  arena_.Free(&odd);
}

TEST_F(ArenaTest, JoinsFreedNeighbours) {
  Make(kMiB);
  ArenaRange parts[4];
  for (ArenaRange& part : parts) {
    part = arena_.Allocate(kMiB / 4);
    ASSERT_TRUE(part);
  }
  for (const int i : {1, 3, 0, 2}) {
    arena_.Free(&parts[i]);
  }
  EXPECT_TRUE(arena_.Allocate(kMiB));
}

TEST_F(ArenaTest, FindsTheOnlyPieceOfTheVerySize) {
  Make(kMiB);
  // A size that its bin rounds up: only the search of the bin finds a block of just this size.
  const uint64_t size = kMiB - 64;
  ArenaRange first = arena_.Allocate(64);
  ArenaRange rest = arena_.Allocate(size);
  ASSERT_TRUE(rest);
  arena_.Free(&rest);
  EXPECT_TRUE(arena_.Allocate(size));
  arena_.Free(&first);
}

TEST_F(ArenaTest, ReturnsPagesOfLargeFreedRanges) {
  Make(256 * kMiB);
  ArenaRange large = arena_.Allocate(128 * kMiB);
  std::memset(arena_.At(large.offset), 1, large.length);
  ASSERT_GE(ResidentBytes(), 128 * kMiB);
  arena_.Free(&large);
  EXPECT_TRUE(arena_.NeedsTrim());
  arena_.Trim();
  EXPECT_LE(ResidentBytes(), 32 * kMiB);
  EXPECT_EQ(arena_.dirty_free_bytes(), ResidentBytes());
  EXPECT_FALSE(arena_.NeedsTrim());
}

TEST_F(ArenaTest, HasRoomWhilePagesAreReturned) {
  Make(192 * kMiB);
  ArenaRange large = arena_.Allocate(160 * kMiB);
  std::memset(arena_.At(large.offset), 1, large.length);
  arena_.Free(&large);
  std::atomic<bool> trimmed{false};
  std::thread trimming([&] {
    arena_.Trim();
    trimmed = true;
  });
  while (!trimmed && arena_.dirty_free_bytes() == 160 * kMiB) {
  }
  bool always = true;
  while (!trimmed) {
    ArenaRange small = arena_.Allocate(4096);
    always = always && small;
    arena_.Free(&small);
  }
  trimming.join();
  EXPECT_TRUE(always);
  EXPECT_LE(ResidentBytes(), 33 * kMiB);
}

TEST_F(ArenaTest, KnowsWhatWasNeverTouched) {
  Make(4 * kMiB);
  ArenaRange first = arena_.Allocate(kMiB);
  EXPECT_TRUE(first.fresh);
  arena_.Free(&first);
  EXPECT_FALSE(arena_.Allocate(kMiB).fresh);
}

TEST_F(ArenaTest, KeepsAFewPagesForTheNextUse) {
  Make(64 * kMiB);
  ArenaRange small = arena_.Allocate(4 * kMiB);
  std::memset(arena_.At(small.offset), 1, small.length);
  arena_.Free(&small);
  arena_.Trim();
  EXPECT_GE(ResidentBytes(), 4 * kMiB);
  EXPECT_EQ(arena_.dirty_free_bytes(), 4 * kMiB);
}

TEST_F(ArenaTest, AViewIsNotFreed) {
  Make(kMiB);
  ArenaRange view{4096, 100, nullptr};
  arena_.Free(&view);
  EXPECT_FALSE(view);
  EXPECT_EQ(arena_.free_bytes(), kMiB);
}

TEST_F(ArenaTest, ContainsExactlyItsBytes) {
  Make(kMiB);
  EXPECT_TRUE(arena_.Contains(base_, kMiB));
  EXPECT_FALSE(arena_.Contains(base_, kMiB + 1));
  EXPECT_FALSE(arena_.Contains(base_ - 1, 1));
  EXPECT_FALSE(arena_.Contains(base_ + kMiB, 1));
  EXPECT_FALSE(arena_.Contains(base_ + 1, ~uint64_t{0}));
}

// Random allocations against a model: no overlap, alignment kept, everything comes back.
TEST_F(ArenaTest, SurvivesRandomUse) {
  Make(128 * kMiB);
  Random random(7);
  std::map<uint64_t, ArenaRange> held;
  for (int step = 0; step < 20000; ++step) {
    if (random.Below(100) == 0) {
      arena_.Trim();
    }
    if (held.empty() || random.Below(5) < 3) {
      const uint64_t bytes = 1 + random.Below(uint64_t{1} << random.Below(25));
      const uint64_t alignment = uint64_t{64} << random.Below(7);
      const ArenaRange range = arena_.Allocate(bytes, alignment);
      if (!range) {
        continue;
      }
      ASSERT_EQ(range.offset % alignment, 0u);
      ASSERT_LE(range.offset + range.length, 128 * kMiB);
      const auto after = held.lower_bound(range.offset);
      ASSERT_TRUE(after == held.end() || range.offset + range.length <= after->first);
      if (after != held.begin()) {
        const auto before = std::prev(after);
        ASSERT_LE(before->first + before->second.length, range.offset);
      }
      held[range.offset] = range;
    } else {
      auto victim = std::next(held.begin(), static_cast<long>(random.Below(held.size())));
      arena_.Free(&victim->second);
      held.erase(victim);
    }
  }
  for (auto& [offset, range] : held) {
    arena_.Free(&range);
  }
  EXPECT_EQ(arena_.free_bytes(), 128 * kMiB);
  EXPECT_TRUE(arena_.Allocate(128 * kMiB));
}

}  // namespace
}  // namespace flexai::shim
