#include "base/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace flexai {
namespace {

TEST(ParseJson, NumbersThatAreNoIntegersReadAsNull) {
  const nlohmann::json value =
      ParseJson(R"({"a": 18446744073709551615, "b": -3, "c": [1e300, 0.5, 1e2], "d": 99999999999999999999})");
  EXPECT_EQ(value.at("a").get<uint64_t>(), UINT64_MAX);
  EXPECT_EQ(value.at("b"), -3);
  EXPECT_EQ(value.at("c"), (nlohmann::json{nullptr, nullptr, nullptr}));
  EXPECT_TRUE(value.at("d").is_null()) << "it is read as a fraction, since no integer holds it";
}

TEST(ParseJson, WhatIsNoJsonIsDiscarded) {
  for (const char* text : {"", "{", "{\"a\":}", "[1,]", "nul"}) {
    EXPECT_TRUE(ParseJson(text).is_discarded()) << text;
  }
}

}  // namespace
}  // namespace flexai
