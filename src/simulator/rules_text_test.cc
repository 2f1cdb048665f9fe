#include "simulator/rules_text.h"

#include <gtest/gtest.h>

namespace flexai::simulator {
namespace {

using placement::Selector;
using placement::Spread;
using placement::Taint;
using placement::Toleration;

TEST(RulesText, ReadsWhatItWrites) {
  const char* selectors = "zone in a|b;disk exists;gen notin x;old doesnotexist";
  const auto parsed = ParseSelectors(selectors);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(*parsed, (std::vector<Selector>{{"zone", Selector::kIn, {"a", "b"}},
                                            {"disk", Selector::kExists, {}},
                                            {"gen", Selector::kNotIn, {"x"}},
                                            {"old", Selector::kDoesNotExist, {}}}));
  EXPECT_EQ(SelectorsText(*parsed), selectors);

  const auto labels = ParseLabels("zone=a|empty=|example.com/rack=r-1");
  ASSERT_TRUE(labels.has_value());
  EXPECT_EQ(*labels, (Labels{{"zone", "a"}, {"empty", ""}, {"example.com/rack", "r-1"}}));
  EXPECT_EQ(LabelsText(*labels), "empty=|example.com/rack=r-1|zone=a");

  EXPECT_EQ(*ParseTaints("team=ml|old"), (std::vector<Taint>{{"team", "ml"}, {"old", ""}}));
  EXPECT_EQ(TaintsText(*ParseTaints("team=ml|old")), "team=ml|old");
  EXPECT_EQ(*ParseTolerations("team=ml|old|*"),
            (std::vector<Toleration>{{"team", "ml"}, {"old", ""}, {"", ""}}));
  EXPECT_EQ(TolerationsText(*ParseTolerations("team=ml|old|*")), "team=ml|old|*");
  EXPECT_EQ(*ParseSpreads("zone:1|rack:20"), (std::vector<Spread>{{"zone", 1}, {"rack", 20}}));
  EXPECT_EQ(SpreadsText(*ParseSpreads("zone:1|rack:20")), "zone:1|rack:20");
  EXPECT_EQ(LabelNamesText(*ParseLabelNames("host|zone")), "host|zone");
}

TEST(RulesText, AnEmptyTextIsAnEmptyList) {
  EXPECT_TRUE(ParseLabels("")->empty());
  EXPECT_TRUE(ParseTaints("")->empty());
  EXPECT_TRUE(ParseTolerations("")->empty());
  EXPECT_TRUE(ParseSelectors("")->empty());
  EXPECT_TRUE(ParseSpreads("")->empty());
  EXPECT_TRUE(ParseLabelNames("")->empty());
}

TEST(RulesText, RefusesOtherForms) {
  for (const char* text : {"zone", "=a", "zone=a|zone=b", "zone=a|", "zo ne=a", "zone=a;b", "zone=a=b"}) {
    EXPECT_FALSE(ParseLabels(text).has_value()) << text;
  }
  for (const char* text : {"=a", "team=", "a||b", "*", "a b"}) {
    EXPECT_FALSE(ParseTaints(text).has_value()) << text;
  }
  for (const char* text : {"=a", "team=", "**", "*=a", "|"}) {
    EXPECT_FALSE(ParseTolerations(text).has_value()) << text;
  }
  for (const char* text : {"zone", "zone in", "zone in ", "zone in a|", "zone is a", "disk exists a",
                           "disk exists ", "zone in a;", " in a", "zone  in a"}) {
    EXPECT_FALSE(ParseSelectors(text).has_value()) << text;
  }
  for (const char* text : {"zone", "zone:", "zone:0", "zone:-1", "zone:1x", ":1", "zone:99999999999"}) {
    EXPECT_FALSE(ParseSpreads(text).has_value()) << text;
  }
  for (const char* text : {"|", "a|", "a b", "a,b"}) {
    EXPECT_FALSE(ParseLabelNames(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace flexai::simulator
