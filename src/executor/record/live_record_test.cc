#include "executor/record/live_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>

namespace flexai::executor {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

RecordedFrame Frame(uint64_t sequence, uint16_t call = 1) { return {sequence, call, {std::byte{7}}}; }

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

std::vector<uint64_t> Sequences(const LiveRecord& record) {
  std::vector<uint64_t> sequences;
  for (const RecordedFrame* frame : record.Frames()) {
    sequences.push_back(frame->sequence);
  }
  return sequences;
}

TEST(LiveRecord, FramesComeInTheirOldOrder) {
  LiveRecord record;
  record.Create(30, {}, Frame(1));
  record.Create(10, std::vector<uint64_t>{30}, Frame(2));
  record.Mutate(30, 0, {}, 3, 9, Bytes("a"));
  record.Create(20, {}, Frame(4));
  EXPECT_THAT(Sequences(record), ElementsAre(1, 2, 3, 4));
}

TEST(LiveRecord, LaterMutationOfTheSameKeyAndCallSupersedes) {
  LiveRecord record;
  record.Create(1, {}, Frame(1));
  record.Mutate(1, 0, {}, 2, 9, Bytes("old"));
  record.Mutate(1, 1, {}, 3, 9, Bytes("other key"));
  record.Mutate(1, 0, {}, 4, 8, Bytes("other call"));
  record.Mutate(1, 0, {}, 5, 9, Bytes("new"));
  EXPECT_THAT(Sequences(record), ElementsAre(1, 3, 4, 5));
  EXPECT_EQ(record.Frames().back()->body.size(), 3u);
}

TEST(LiveRecord, ParentStaysWhileAChildLives) {
  LiveRecord record;
  record.Create(1, {}, Frame(1));
  record.Create(2, std::vector<uint64_t>{1}, Frame(2));
  record.Create(3, std::vector<uint64_t>{2}, Frame(3));
  record.Destroy(1);
  record.Destroy(2);
  EXPECT_THAT(Sequences(record), ElementsAre(1, 2, 3));
  EXPECT_THAT(record.Released(), ElementsAre(1, 2));
  record.Destroy(3);
  EXPECT_EQ(record.objects(), 0u);
}

TEST(LiveRecord, ParentsOfAChangeStayUntilItIsSuperseded) {
  LiveRecord record;
  record.Create(1, {}, Frame(1));
  record.Create(2, {}, Frame(2));
  record.Mutate(2, 0, std::vector<uint64_t>{1, 77}, 3, 9, Bytes("with 1"));
  record.Destroy(1);
  EXPECT_TRUE(record.Contains(1));
  record.Mutate(2, 0, {}, 4, 9, Bytes("without"));
  EXPECT_FALSE(record.Contains(1));
}

TEST(LiveRecord, WhatOthersWereMadeFromIsKeptOncePerKeyAndForAsLongAsTheyLive) {
  constexpr uint64_t kSource = 1, kClone = 2, kOther = 3;
  LiveRecord record;
  record.Create(kSource, {}, Frame(1));
  uint64_t sequence = 2;
  const auto set_often = [&](uint64_t key) {
    for (int i = 0; i < 1000; ++i) {
      record.Mutate(kSource, key, {}, sequence++, 9, Bytes("argument"));
    }
    return sequence - 1;
  };
  const uint64_t first = set_often(0), other_key = set_often(1);
  const uint64_t clone = sequence++;
  record.Create(kClone, std::vector<uint64_t>{kSource}, Frame(clone));
  const uint64_t second = set_often(0);
  const uint64_t other = sequence++;
  record.Create(kOther, std::vector<uint64_t>{kSource}, Frame(other));
  const uint64_t third = set_often(0);
  EXPECT_THAT(Sequences(record), ElementsAre(1, first, other_key, clone, second, other, third));
  record.Destroy(kClone);
  EXPECT_THAT(Sequences(record), ElementsAre(1, other_key, second, other, third));
  record.Destroy(kSource);
  EXPECT_THAT(Sequences(record), ElementsAre(1, other_key, second, other, third));
  record.Destroy(kOther);
  EXPECT_EQ(record.objects(), 0u);
}

TEST(LiveRecord, KeptFramesKeepWhatTheyNeed) {
  constexpr uint64_t kHeader = 1, kProgram = 2, kLinked = 3;
  LiveRecord record;
  record.Create(kHeader, {}, Frame(1));
  record.Create(kProgram, {}, Frame(2));
  record.Mutate(kProgram, 0, std::vector<uint64_t>{kHeader}, 3, 9, Bytes("with the header"));
  record.Create(kLinked, std::vector<uint64_t>{kProgram}, Frame(4));
  record.Mutate(kProgram, 0, {}, 5, 9, Bytes("without"));
  record.Destroy(kHeader);
  EXPECT_THAT(Sequences(record), ElementsAre(1, 2, 3, 4, 5));
  record.Destroy(kLinked);
  EXPECT_THAT(Sequences(record), ElementsAre(2, 5));
}

TEST(LiveRecord, ObjectsOfOneFrameAreReleasedOneByOne) {
  LiveRecord record;
  record.Create(10, {}, Frame(1));
  record.CreateWith(10, 11);
  record.CreateWith(10, 12);
  record.CreateWith(77, 78);  // of nothing
  record.Create(20, std::vector<uint64_t>{11}, Frame(2));
  record.Destroy(11);
  record.Destroy(12);
  EXPECT_THAT(record.Released(), ElementsAre(11, 12));
  record.Destroy(20);
  EXPECT_THAT(Sequences(record), ElementsAre(1));
  EXPECT_THAT(record.Released(), ElementsAre(11, 12)) << "the frame makes them again";
  record.Destroy(10);
  EXPECT_EQ(record.objects(), 0u);
}

TEST(LiveRecord, UnknownObjectsAreIgnored) {
  LiveRecord record;
  record.Mutate(5, 0, {}, 1, 1, {});
  record.Destroy(5);
  EXPECT_THAT(record.Frames(), IsEmpty());
}

SessionImage SomeImage() {
  SessionImage image;
  image.frames = {{4, 20, {std::byte{1}, std::byte{2}, std::byte{3}}}, {9, 21, {}}};
  image.released = {77};
  image.events = {{5, 6, -14}};
  image.memory = {{8, std::vector<std::byte>(1000, std::byte{42})}};
  return image;
}

TEST(SessionImage, ReadsWhatWasWritten) {
  const Result<SessionImage> read = ReadImage(WriteImage(SomeImage()));
  ASSERT_TRUE(read.ok());
  ASSERT_EQ(read->frames.size(), 2u);
  EXPECT_EQ(read->frames[0].sequence, 4u);
  EXPECT_EQ(read->frames[0].call, 20);
  EXPECT_EQ(read->frames[0].body.size(), 3u);
  EXPECT_THAT(read->released, ElementsAre(77));
  ASSERT_EQ(read->events.size(), 1u);
  EXPECT_EQ(read->events[0].status, -14);
  ASSERT_EQ(read->memory.size(), 1u);
  EXPECT_EQ(read->memory[0].bytes.size(), 1000u);
}

TEST(SessionImage, EveryCutAndALieAboutACountAreRefused) {
  std::vector<std::byte> bytes = WriteImage(SomeImage());
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(ReadImage(std::span(bytes).first(length)).ok()) << length;
  }
  bytes[15] = std::byte{0xff};  // of the count of frames
  EXPECT_FALSE(ReadImage(bytes).ok());
}

}  // namespace
}  // namespace flexai::executor
