#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "emit.h"

namespace flexai::apigen {
namespace {

using ::testing::HasSubstr;

TEST(ParseDescription, ReadsCallsFieldsAndEffects) {
  const Result<Description> description = ParseDescription(
      "call 7 CreateThing reply\n  # why\n  id thing\n  ref parent\n  returns u64 size\n"
      "  effect creates thing widget parents parent\n");
  ASSERT_TRUE(description.ok()) << description.status().message();
  const Call& call = description->calls.at(0);
  EXPECT_EQ(call.id, 7u);
  EXPECT_TRUE(call.reply);
  EXPECT_EQ(call.fields.size(), 2u);
  EXPECT_EQ(call.returns.at(0).name, "size");
  EXPECT_EQ(call.effect.object_kind, "widget");
  EXPECT_EQ(call.comment.at(0), "why");
}

TEST(ParseDescription, NamesTheLineOfAnError) {
  const std::pair<const char*, const char*> cases[] = {
      {"call x Foo\n", "line 1"},
      {"call 1 A\ncall 1 B\n", "line 2: call 1 B is taken by 1 A"},
      {"call 1 A\n  u128 wide\n", "line 2"},
      {"u32 x\n", "before the first call"},
      {"call 1 A\n  effect destroys thing\n", "which is no field"},
      {"function clFoo call Missing\n", "unknown call Missing"},
      {"call 1 A fast\n", "unknown attribute 'fast'"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_THAT(ParseDescription(text).status().message(), HasSubstr(expected)) << text;
  }
}

TEST(Hash, ChangesWithTheBytesAndNotWithComments) {
  const uint64_t plain = ParseDescription("call 1 A\n  u32 x\n")->hash;
  EXPECT_EQ(ParseDescription("# c\ncall 1 A\n  # d\n  u32 x\n")->hash, plain);
  EXPECT_NE(ParseDescription("call 1 A\n  u64 x\n")->hash, plain);
  EXPECT_NE(ParseDescription("call 2 A\n  u32 x\n")->hash, plain);
}

TEST(Emit, EnqueueCallsBeginWithTheCommonFields) {
  const Description description = *ParseDescription("call 1 Go enqueue\n  u64 size\n");
  EXPECT_THAT(EmitCalls(description, "test"),
              HasSubstr("uint64_t queue = 0;\n  std::span<const uint64_t> waits;\n  uint64_t event = 0;\n"));
}

}  // namespace
}  // namespace flexai::apigen
