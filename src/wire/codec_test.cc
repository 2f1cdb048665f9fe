#include "wire/codec.h"

#include <gtest/gtest.h>

#include <vector>

#include "api/opencl/calls.h"
#include "base/random.h"

namespace flexai::wire {
namespace {

template <typename Message>
std::vector<uint64_t> Encoded(const Message& message) {
  std::vector<uint64_t> storage(message.EncodedBytes() / 8);
  Encoder encoder(reinterpret_cast<std::byte*>(storage.data()));
  message.Encode(encoder);
  return storage;
}

opencl::CreateBuffer Sample(std::span<const uint64_t> properties, std::span<const std::byte> initial) {
  opencl::CreateBuffer message;
  message.buffer = 77;
  message.context = 5;
  message.flags = ~uint64_t{0};
  message.size = 1 << 20;
  message.properties = properties;
  message.storage = {4096, 1 << 20};
  message.initial.inline_bytes = initial;
  return message;
}

TEST(Codec, EveryFieldComesBack) {
  const uint64_t properties[] = {1, 2, 3};
  const std::byte initial[] = {std::byte{9}, std::byte{8}, std::byte{7}};
  const std::vector<uint64_t> bytes = Encoded(Sample(properties, initial));
  Decoder decoder(std::as_bytes(std::span(bytes)));
  opencl::CreateBuffer decoded;
  ASSERT_TRUE(decoded.Decode(decoder));
  EXPECT_EQ(decoded.buffer, 77u);
  EXPECT_EQ(decoded.flags, ~uint64_t{0});
  ASSERT_EQ(decoded.properties.size(), 3u);
  EXPECT_EQ(decoded.properties[2], 3u);
  EXPECT_EQ(decoded.storage.offset, 4096u);
  ASSERT_EQ(decoded.initial.inline_bytes.size(), 3u);
  EXPECT_EQ(decoded.initial.inline_bytes[2], std::byte{7});
}

TEST(Codec, EveryTruncationIsRefused) {
  const uint64_t properties[] = {1, 2, 3};
  const std::byte initial[] = {std::byte{9}};
  const std::vector<uint64_t> bytes = Encoded(Sample(properties, initial));
  for (size_t words = 0; words < bytes.size(); ++words) {
    Decoder decoder(std::as_bytes(std::span(bytes).first(words)));
    opencl::CreateBuffer decoded;
    EXPECT_FALSE(decoded.Decode(decoder)) << words;
  }
}

TEST(Codec, HostileCountsNeverReadPastTheEnd) {
  Random random(1);
  const uint64_t properties[] = {1, 2, 3};
  const std::byte initial[] = {std::byte{9}};
  for (int round = 0; round < 20000; ++round) {
    std::vector<uint64_t> bytes = Encoded(Sample(properties, initial));
    bytes[random.Below(bytes.size())] = random.Next() >> random.Below(64);
    Decoder decoder(std::as_bytes(std::span(bytes)));
    opencl::CreateBuffer decoded;
    if (decoded.Decode(decoder)) {
      for (const uint64_t value : decoded.properties) {
        ASSERT_NE(&value, nullptr);
      }
      ASSERT_LE(decoded.initial.inline_bytes.size(), bytes.size() * 8);
    }
  }
}

TEST(Codec, RangesThatWrapAroundAreRefused) {
  const uint64_t words[] = {~uint64_t{0} - 3, 8};
  Decoder decoder(std::as_bytes(std::span(words)));
  Region region;
  decoder.Get(&region);
  EXPECT_TRUE(decoder.failed());
}

}  // namespace
}  // namespace flexai::wire
