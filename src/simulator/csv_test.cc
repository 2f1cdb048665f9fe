#include "simulator/csv.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/random.h"

namespace flexai::simulator {
namespace {

CsvTable Table(std::string_view text) {
  Result<CsvTable> table = CsvTable::Parse(text, "t.csv");
  EXPECT_TRUE(table.ok()) << table.status().message();
  return *std::move(table);
}

TEST(Csv, ReadsLinesAndFields) {
  const CsvTable table = Table(
      "\xef\xbb\xbf"
      "a,b\r\n\r\n1,\n,x y");
  ASSERT_EQ(table.size(), 2u);
  EXPECT_EQ(table.row(0).Text(0), "1");
  EXPECT_EQ(table.row(0).Text(1), "");
  EXPECT_EQ(table.row(1).Text(1), "x y");
  EXPECT_EQ(table.row(1).place(), "t.csv:4");
  EXPECT_EQ(table.OptionalColumn("a"), 0u);
  EXPECT_EQ(table.OptionalColumn("b"), 1u);
  EXPECT_EQ(table.OptionalColumn("c"), std::nullopt);
  EXPECT_EQ(table.row(0).Text(std::nullopt), "");
}

TEST(Csv, RefusesWhatIsNoTable) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "t.csv: the file is empty, expected a heading"},
      {"\n\r\n", "t.csv: the file is empty, expected a heading"},
      {"a,b\n", "t.csv: there are no lines after the heading"},
      {"a,b\n1,2\n3", "t.csv:3: 1 fields, expected 2 as in the heading"},
      {"a,b\n1,2,\n", "t.csv:2: 3 fields, expected 2 as in the heading"},
      {"a,b,a\n1,2,3\n", "t.csv:1: the column 'a' is there twice"},
      {std::string("a,b\n1,\0\n", 8), "t.csv:2: byte 0x00 at column 3, expected text"},
      {"a,b\n1,2\r3\n", "t.csv:2: byte 0x0d at column 4, expected text"},
      {"a,b\n\"1\",2\n", "t.csv:2: a quote at column 1, expected fields without quotes"},
  };
  for (const auto& [text, sentence] : cases) {
    const Result<CsvTable> table = CsvTable::Parse(text, "t.csv");
    ASSERT_FALSE(table.ok()) << sentence;
    EXPECT_EQ(table.status().message(), sentence);
    EXPECT_EQ(table.status().code(), Code::kInvalidArgument);
  }
}

TEST(Csv, RefusesOtherColumnsIfAsked) {
  const CsvTable table = Table("\na,b\n1,2\n");
  EXPECT_TRUE(table.AllowOnly(std::initializer_list<std::string_view>{"c", "b", "a"}).ok());
  EXPECT_EQ(table.AllowOnly(std::initializer_list<std::string_view>{"a", "c"}).message(),
            "t.csv:2: nobody knows the column 'b', expected some of a, c");
  EXPECT_EQ(table.Column("c").status().message(), "t.csv:2: there is no column c, only a, b");
}

TEST(Csv, ReadsNumbersOrRefusesThem) {
  const CsvTable table =
      Table("n\n7\n1000\n1001\n-1\n+1\n0x7\n7 \n99999999999999999999\n1.5\n1e2\nnan\ninf\n-0\n");
  const bool whole[] = {true,  true,  false, false, false, false, false,
                        false, false, false, false, false, false};
  const bool decimal[] = {true,  true, false, false, false, false, false,
                          false, true, true,  false, false, false};
  for (size_t i = 0; i < table.size(); ++i) {
    EXPECT_EQ(table.row(i).Number(0, 1'000).ok(), whole[i]) << table.row(i).Text(0);
    EXPECT_EQ(table.row(i).Decimal(0, 1'000).ok(), decimal[i]) << table.row(i).Text(0);
  }
  EXPECT_EQ(*table.row(1).Number(0, 1'000), 1'000);
  EXPECT_EQ(*table.row(8).Decimal(0, 1'000), 1.5);
  EXPECT_EQ(table.row(3).Number(0, 1'000).status().message(),
            "t.csv:5: n is '-1', expected a whole number from 0 to 1000");
}

TEST(Csv, ReadsTimesToTheNanosecond) {
  const CsvTable table =
      Table("t\n1.5\n0.000000001\n10\n10.000000001\n1.\n.5\n1.0000000001\n1.-5\n-1\n1e3\n-0.5\n007.250\n");
  const bool good[] = {true, true, true, false, false, false, false, false, false, false, false, true};
  for (size_t i = 0; i < table.size(); ++i) {
    EXPECT_EQ(table.row(i).Time(0, Seconds(10)).ok(), good[i]) << table.row(i).Text(0);
  }
  EXPECT_EQ(*table.row(0).Time(0, Seconds(10)), Millis(1'500));
  EXPECT_EQ(*table.row(1).Time(0, Seconds(10)), Nanos{1});
  EXPECT_EQ(table.row(3).Time(0, Seconds(10)).status().message(),
            "t.csv:5: t is '10.000000001', expected seconds from 0 to 10, to the nanosecond");
  EXPECT_EQ(SecondsText(Millis(1'500)), "1.5");
  EXPECT_EQ(SecondsText(Seconds(100)), "100");
  EXPECT_EQ(SecondsText(Nanos{1}), "0.000000001");
}

TEST(Csv, WritesTimesAsItReadsThem) {
  Random random(5);
  const Nanos most{std::numeric_limits<int64_t>::max()};
  for (int i = 0; i < 1'000; ++i) {
    const Nanos time{static_cast<int64_t>(random.Next() >> (1 + random.Below(63)))};
    const std::string text = "t\n" + SecondsText(time) + "\n";
    ASSERT_EQ(*Table(text).row(0).Time(0, most), time) << text;
  }
}

TEST(Csv, EmptyFieldsCountAsWhatTheReaderSays) {
  const CsvTable table = Table("a,b\n,1\n");
  EXPECT_EQ(*table.row(0).Number(0, 9, 5), 5);
  EXPECT_EQ(*table.row(0).Number(std::nullopt, 9, 5), 5);
  EXPECT_EQ(*table.row(0).Number(1, 9, 5), 1);
  EXPECT_EQ(*table.row(0).Decimal(0, 9, 0.5), 0.5);
  EXPECT_EQ(*table.row(0).Time(0, Seconds(9), Seconds(5)), Seconds(5));
  EXPECT_FALSE(table.row(0).Number(0, 9).ok());
}

}  // namespace
}  // namespace flexai::simulator
