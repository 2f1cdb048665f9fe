#include "os/memory.h"

#include <gtest/gtest.h>

namespace flexai::os {
namespace {

TEST(Memfd, CannotBeShrunkByAPeer) {
  const UniqueFd fd = *CreateSealedMemfd("test", 8192);
  EXPECT_NE(ftruncate(fd.get(), 4096), 0);
  EXPECT_EQ(*SealedMemfdBytes(fd), 8192u);
}

TEST(Memfd, UnsealedMemoryIsRefused) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  EXPECT_FALSE(SealedMemfdBytes(reader).ok());
}

TEST(Memfd, FutureWriteSealKeepsTheFirstMappingWritable) {
  const UniqueFd fd = *CreateSealedMemfd("test", 4096);
  const Mapping writable = *Mapping::Map(fd, 4096, Mapping::Access::kReadWrite);
  ASSERT_TRUE(SealFutureWrites(fd).ok());
  EXPECT_FALSE(Mapping::Map(fd, 4096, Mapping::Access::kReadWrite).ok());
  const Mapping readable = *Mapping::Map(fd, 4096, Mapping::Access::kReadOnly);
  writable.data()[7] = std::byte{42};
  EXPECT_EQ(readable.data()[7], std::byte{42});
}

TEST(Mapping, DisplacesNothing) {
  const UniqueFd fd = *CreateSealedMemfd("test", 4096);
  const Mapping first = *Mapping::Map(fd, 4096, Mapping::Access::kReadWrite);
  const auto at = reinterpret_cast<uint64_t>(first.data());
  EXPECT_EQ(Mapping::Map(fd, 4096, Mapping::Access::kReadWrite, at).status().code(), Code::kAlreadyExists);
}

}  // namespace
}  // namespace flexai::os
