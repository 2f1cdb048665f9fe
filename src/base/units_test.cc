#include "base/units.h"

#include <gtest/gtest.h>

namespace flexai {
namespace {

TEST(ParseBytes, AcceptsBinaryAndDecimalSuffixes) {
  EXPECT_EQ(ParseBytes("2Gi")->value, 2ull << 30);
  EXPECT_EQ(ParseBytes("1.5Mi")->value, 3ull << 19);
  EXPECT_EQ(ParseBytes("10MB")->value, 10'000'000u);
  EXPECT_EQ(ParseBytes("0")->value, 0u);
}

TEST(ParseBytes, RefusesWhatIsNoSizeAndNamesIt) {
  for (const char* text : {"", "Gi", "-1Gi", "1Gx", "1 Gi", "1e9", "nan", "inf", "99999999Ti", "-0"}) {
    const Result<Bytes> bytes = ParseBytes(text);
    ASSERT_FALSE(bytes.ok()) << text;
    EXPECT_NE(bytes.status().message().find(text), std::string::npos);
  }
}

TEST(ParsePermille, TakesTenthsOfAPercent) {
  EXPECT_EQ(ParsePermille("30%")->value, 300u);
  EXPECT_EQ(ParsePermille("0.1%")->value, 1u);
  EXPECT_EQ(ParsePermille("12.5%")->value, 125u);
  EXPECT_EQ(ParsePermille("250m")->value, 250u);
  for (const char* text : {"0.05%", "101%", "-1%", "30", "%", ""}) {
    EXPECT_FALSE(ParsePermille(text).ok()) << text;
  }
}

TEST(Format, IsReadable) {
  EXPECT_EQ(FormatBytes({17}), "17 B");
  EXPECT_EQ(FormatBytes({2ull << 30}), "2.0 GiB");
  EXPECT_EQ(FormatPermille({125}), "12.5 %");
  EXPECT_EQ(FormatPermille({300}), "30 %");
  EXPECT_EQ(FormatNanos(Micros(1500)), "1.50 ms");
  EXPECT_EQ(FormatNanos({0}), "0 ns");
}

TEST(ParseNanos, TakesUnits) {
  EXPECT_EQ(ParseNanos("2ms")->value, 2'000'000);
  EXPECT_EQ(ParseNanos("5s")->value, 5'000'000'000);
  EXPECT_FALSE(ParseNanos("5").ok());
}

}  // namespace
}  // namespace flexai
