// The small containers: status slots, live handles, SVM ranges, arrays, layouts.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "shim/opencl/build_options.h"
#include "shim/opencl/deferred.h"
#include "shim/opencl/host_memory.h"
#include "shim/opencl/image_layout.h"
#include "shim/opencl/live_handles.h"
#include "shim/opencl/status_slots.h"
#include "shim/opencl/svm_ranges.h"

namespace flexai::shim {
namespace {

class StatusSlotsTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(slots_.Init(memory_, 4, &decoded_)); }

  wire::StatusSlot memory_[4] = {};
  std::atomic<uint64_t> decoded_{0};
  StatusSlots slots_;
};

TEST_F(StatusSlotsTest, EachIsGivenOnce) {
  std::set<uint32_t> given;
  for (int i = 0; i < 4; ++i) {
    given.insert(slots_.Allocate(3));
  }
  EXPECT_EQ(given.size(), 4u);
  EXPECT_EQ(given.count(wire::kNoSlot), 0u);
  EXPECT_EQ(slots_.Allocate(3), wire::kNoSlot);
}

TEST_F(StatusSlotsTest, ASettledSlotIsUsedAgainFirst) {
  const uint32_t first = slots_.Allocate(3);
  slots_.Allocate(3);
  slots_.Free(first, true, 0);
  EXPECT_EQ(slots_.Allocate(3), first);
}

TEST_F(StatusSlotsTest, AnUnsettledSlotWaitsUntilItsReleaseWasDecoded) {
  const uint32_t first = slots_.Allocate(3);
  for (int i = 0; i < 3; ++i) {
    slots_.Allocate(3);
  }
  slots_.Free(first, false, 10);
  decoded_ = 10;  // copied out, but maybe not dealt with
  EXPECT_EQ(slots_.Allocate(3), wire::kNoSlot);
  decoded_ = 11;
  EXPECT_EQ(slots_.Allocate(3), first);
}

TEST_F(StatusSlotsTest, AGivenSlotIsClean) {
  const uint32_t slot = slots_.Allocate(3);
  memory_[slot].status = 0;
  memory_[slot].notify = 1;
  memory_[slot].sequence = 7;
  memory_[slot].end_ns = 5;
  slots_.Free(slot, true, 0);
  ASSERT_EQ(slots_.Allocate(2), slot);
  EXPECT_EQ(memory_[slot].status, 2);
  EXPECT_EQ(memory_[slot].notify, 0u);
  EXPECT_EQ(memory_[slot].sequence, 0u);
  EXPECT_EQ(memory_[slot].end_ns, 0u);
}

TEST(LiveHandlesTest, FindsWhatIsAlive) {
  LiveHandles handles;
  Random random(3);
  std::vector<std::unique_ptr<Object>> objects;
  for (int i = 0; i < 1000; ++i) {
    objects.push_back(std::make_unique<Object>(Kind::kMemory, nullptr, 0));
    ASSERT_TRUE(handles.Add(objects.back().get()));
  }
  std::set<Object*> removed;
  for (int i = 0; i < 500; ++i) {
    Object* object = objects[random.Below(objects.size())].get();
    if (removed.insert(object).second) {
      handles.Remove(object);
    }
  }
  for (const auto& object : objects) {
    EXPECT_EQ(handles.Find(object.get()) != nullptr, removed.count(object.get()) == 0);
  }
  EXPECT_EQ(handles.Find(nullptr), nullptr);
  EXPECT_EQ(handles.Find(reinterpret_cast<void*>(uintptr_t{1})), nullptr);
}

TEST(SvmRangesTest, FindsByAnyAddressInside) {
  SvmRanges ranges;
  std::vector<std::byte> memory(1000);
  for (const size_t at : {500, 100, 300}) {
    SvmRange range;
    range.data = memory.data() + at;
    range.bytes = 50;
    ASSERT_TRUE(ranges.Add(range));
  }
  SvmRange found;
  EXPECT_TRUE(ranges.Find(memory.data() + 320, 30, &found));
  EXPECT_EQ(found.data, memory.data() + 300);
  EXPECT_FALSE(ranges.Find(memory.data() + 320, 31, &found));
  EXPECT_FALSE(ranges.Find(memory.data() + 99, 1, &found));
  EXPECT_FALSE(ranges.Find(memory.data() + 150, 1, &found));
  EXPECT_FALSE(ranges.Remove(memory.data() + 301, &found));
  EXPECT_TRUE(ranges.Remove(memory.data() + 300, &found));
  EXPECT_FALSE(ranges.Find(memory.data() + 300, 1, &found));
  EXPECT_TRUE(ranges.Find(memory.data() + 549, 1, &found));
}

TEST(ArrayTest, GrowsAndRemoves) {
  Array<int> array;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(array.Push(i));
  }
  array.Remove(10);
  EXPECT_EQ(array.size(), 99u);
  EXPECT_EQ(array[10], 11);
  ASSERT_TRUE(array.Push(array[0]));
  ASSERT_TRUE(array.Resize(200));
  EXPECT_EQ(array[199], 0);
}

TEST(HostLayoutTest, GathersAndScattersWithPitches) {
  std::vector<std::byte> host(4 * 8 * 2);
  for (size_t i = 0; i < host.size(); ++i) {
    host[i] = static_cast<std::byte>(i);
  }
  const HostLayout layout{host.data() + 1, 3, 2, 2, 8, 32};
  EXPECT_EQ(layout.bytes(), 12u);
  EXPECT_EQ(layout.extent(), 32u + 8u + 3u);
  EXPECT_FALSE(layout.linear());
  std::vector<std::byte> packed(12);
  layout.Gather(packed.data());
  const int expected[] = {1, 2, 3, 9, 10, 11, 33, 34, 35, 41, 42, 43};
  for (size_t i = 0; i < packed.size(); ++i) {
    EXPECT_EQ(static_cast<int>(packed[i]), expected[i]);
  }
  for (std::byte& byte : packed) {
    byte = std::byte{255};
  }
  layout.Scatter(packed.data());
  EXPECT_EQ(host[0], std::byte{0});
  EXPECT_EQ(host[1], std::byte{255});
  EXPECT_EQ(host[4], std::byte{4});
  EXPECT_EQ(host[43], std::byte{255});
  EXPECT_EQ(host[44], std::byte{44});
}

std::string Resolved(const char* options) {
  Array<char> resolved;
  bool changed = false;
  EXPECT_TRUE(ResolveIncludes(options, "/home/me", false, nullptr, &resolved, &changed));
  const std::string text(resolved.data(), resolved.size());
  EXPECT_EQ(changed, text != options);
  return text;
}

TEST(BuildOptionsTest, RelativeIncludeFoldersBecomeAbsolute) {
  EXPECT_EQ(Resolved("-I headers -DA=1"), "-I /home/me/headers -DA=1");
  EXPECT_EQ(Resolved("-cl-fast-relaxed-math  -Iheaders"), "-cl-fast-relaxed-math  -I/home/me/headers");
  EXPECT_EQ(Resolved("-I . -I.."), "-I /home/me/. -I/home/me/..");
  EXPECT_EQ(Resolved("-I \"a b\" -I'c d'"), "-I \"/home/me/a b\" -I'/home/me/c d'");
}

TEST(BuildOptionsTest, TheRestStays) {
  EXPECT_EQ(Resolved(""), "");
  EXPECT_EQ(Resolved("-I/usr/include -I \"/opt/x\""), "-I/usr/include -I \"/opt/x\"");
  EXPECT_EQ(Resolved("-D I=\"-I x\" -I"), "-D I=\"-I x\" -I");
}

TEST(ImageLayoutTest, KnowsElementSizes) {
  EXPECT_EQ(ElementBytes({CL_RGBA, CL_FLOAT}), 16u);
  EXPECT_EQ(ElementBytes({CL_RGBA, CL_UNORM_INT8}), 4u);
  EXPECT_EQ(ElementBytes({CL_R, CL_HALF_FLOAT}), 2u);
  EXPECT_EQ(ElementBytes({CL_RGB, CL_UNORM_SHORT_565}), 2u);
  EXPECT_EQ(ElementBytes({CL_RGBA, 0}), 0u);
  EXPECT_EQ(ElementBytes({0, CL_FLOAT}), 0u);
}

TEST(ImageLayoutTest, ChecksRegionsByTheirKind) {
  Memory image(nullptr, 1);
  image.type = image.descriptor.image_type = CL_MEM_OBJECT_IMAGE2D;
  image.descriptor.image_width = 8;
  image.descriptor.image_height = 4;
  image.element_bytes = 4;
  const size_t zero[3] = {0, 0, 0};
  const size_t full[3] = {8, 4, 1};
  const size_t deep[3] = {8, 4, 2};
  const size_t empty[3] = {8, 0, 1};
  const size_t shifted[3] = {1, 0, 0};
  const size_t behind[3] = {0, 0, 1};
  EXPECT_EQ(CheckImageRegion(&image, zero, full), CL_SUCCESS);
  EXPECT_EQ(CheckImageRegion(&image, zero, deep), CL_INVALID_VALUE);
  EXPECT_EQ(CheckImageRegion(&image, zero, empty), CL_INVALID_VALUE);
  EXPECT_EQ(CheckImageRegion(&image, shifted, full), CL_INVALID_VALUE);
  EXPECT_EQ(CheckImageRegion(&image, behind, full), CL_INVALID_VALUE);
  EXPECT_EQ(CheckImageRegion(&image, nullptr, full), CL_INVALID_VALUE);
}

TEST(ImageLayoutTest, ImagesOfAOneDimensionalArrayLieASlicePitchApart) {
  Memory image(nullptr, 1);
  image.type = image.descriptor.image_type = CL_MEM_OBJECT_IMAGE1D_ARRAY;
  image.descriptor.image_width = 8;
  image.descriptor.image_array_size = 3;
  image.element_bytes = 4;
  const size_t region[3] = {8, 3, 1};
  std::byte memory[256];
  HostLayout layout;
  ASSERT_EQ(LayoutRegion(&image, region, 0, 64, memory, &layout), CL_SUCCESS);
  EXPECT_EQ(layout.rows, 1u);
  EXPECT_EQ(layout.slices, 3u);
  EXPECT_EQ(layout.slice_pitch, 64u);
  ASSERT_EQ(LayoutRegion(&image, region, 0, 0, memory, &layout), CL_SUCCESS);
  EXPECT_EQ(layout.slice_pitch, 32u);
  EXPECT_EQ(LayoutRegion(&image, region, 31, 0, memory, &layout), CL_INVALID_VALUE);
  EXPECT_EQ(LayoutRegion(&image, region, 0, 31, memory, &layout), CL_INVALID_VALUE);
}

TEST(ImageLayoutTest, ASlicePitchIsForImagesThatHaveSlices) {
  Memory image(nullptr, 1);
  image.type = image.descriptor.image_type = CL_MEM_OBJECT_IMAGE2D;
  image.element_bytes = 4;
  const size_t region[3] = {8, 3, 1};
  std::byte memory[256];
  HostLayout layout;
  EXPECT_EQ(LayoutRegion(&image, region, 0, 96, memory, &layout), CL_INVALID_VALUE);
}

}  // namespace
}  // namespace flexai::shim
