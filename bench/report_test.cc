#include "report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace flexai::bench {
namespace {

using ::testing::HasSubstr;

Measurement Throughput() {
  Measurement row{
      .name = "kernel_throughput_1ms", .value = 980, .unit = "kernels/s", .target = "ratio >= 0.97"};
  row = WithReference(row, 1000);
  row.met = *row.ratio >= 0.97;
  return row;
}

TEST(ReportTest, RatioIsValueByReference) {
  EXPECT_DOUBLE_EQ(*Throughput().ratio, 0.98);
  EXPECT_FALSE(WithReference({.value = 1}, 0).ratio.has_value());
}

TEST(ReportTest, TableNamesEveryColumnAndShowsAMissInCapitals) {
  Measurement missed{.name = "idle_cpu", .value = 0.2, .unit = "%", .target = "<= 0.1", .met = false};
  const std::string table = FormatTable({Throughput(), missed});
  EXPECT_THAT(table, HasSubstr("reference"));
  EXPECT_THAT(table, HasSubstr("0.9800  ratio >= 0.97  yes"));
  EXPECT_THAT(table, HasSubstr("NO"));
}

TEST(ReportTest, JsonHasTheAgreedKeysAndNullForWhatIsAbsent) {
  const Report report{.suite = "runtime",
                      .machine = "m",
                      .date = "d",
                      .commit = "c",
                      .results = {Throughput(), {.name = "extra", .value = 1, .unit = "us"}}};
  const auto json = nlohmann::json::parse(ToJson(report));
  EXPECT_EQ(json["commit"], "c");
  EXPECT_EQ(json["results"][0]["met"], true);
  EXPECT_EQ(json["results"][0]["ratio"], 0.98);
  for (const char* key : {"reference", "ratio", "target", "met"}) {
    EXPECT_TRUE(json["results"][1].contains(key)) << key;
    EXPECT_TRUE(json["results"][1][key].is_null()) << key;
  }
}

}  // namespace
}  // namespace flexai::bench
