#include "node/vxpu.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace flexai::node {
namespace {

using nlohmann::json;

std::string RequestError(std::string_view text) { return ParseVxpuRequest(text).status().message(); }

TEST(VxpuRequestTest, SurvivesItsJson) {
  VxpuRequest request;
  request.name = "train";
  request.device = "gpu";
  request.request = Permille{300};
  request.limit = Permille{500};
  request.priority = Priority::kHigh;
  request.memory = Bytes{2ull << 30};
  request.tied = true;
  const Result<VxpuRequest> read = ParseVxpuRequest(ToJson(request).dump());
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->name, "train");
  EXPECT_EQ(read->device, "gpu");
  EXPECT_EQ(read->request, Permille{300});
  EXPECT_EQ(read->limit, Permille{500});
  EXPECT_EQ(read->priority, Priority::kHigh);
  EXPECT_EQ(read->memory, Bytes{2ull << 30});
  EXPECT_TRUE(read->tied);
}

TEST(VxpuRequestTest, AbsentAndNullFieldsStayUnset) {
  const Result<VxpuRequest> read = ParseVxpuRequest(R"({"memory_bytes": null})");
  ASSERT_TRUE(read.ok());
  EXPECT_FALSE(read->request || read->limit || read->priority || read->memory || read->tied);
}

TEST(VxpuRequestTest, EachFaultNamesItsField) {
  EXPECT_EQ(RequestError("[]"), "the request's body is not a JSON object");
  EXPECT_EQ(RequestError("{"), "the request's body is not a JSON object");
  EXPECT_EQ(RequestError(R"({"request_permille": 1001})"),
            "'request_permille' must be a share in permille from 1 to 1000");
  EXPECT_EQ(RequestError(R"({"request_permille": -1})"),
            "'request_permille' must be a share in permille from 1 to 1000");
  EXPECT_EQ(RequestError(R"({"memory_bytes": 1.5})"),
            "'memory_bytes' must be a number of bytes from 1 to 9223372036854775807");
  EXPECT_EQ(RequestError(R"({"tied": 1})"), "'tied' must be true or false");
  EXPECT_EQ(RequestError(R"({"name": "a\nb"})"), "'name' must be at most 63 printable characters");
  EXPECT_EQ(RequestError(R"({"share": 3})"),
            "'share' is not a field of this request: the fields are name, device, request_permille, "
            "limit_permille, "
            "priority, memory_bytes, tied, key");
  EXPECT_FALSE(ParseVxpuRequest(R"({"priority": "urgent"})").ok());
}

TEST(VxpuChangeTest, MustChangeSomething) {
  EXPECT_EQ(ParseVxpuChange("{}").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(ParseVxpuChange(R"({"limit_permille": 10})")->limit, Permille{10});
}

TEST(VxpuTest, SurvivesItsJson) {
  Vxpu vxpu;
  vxpu.id = 7;
  vxpu.name = "n";
  vxpu.device = "d-0";
  vxpu.owner_uid = 1000;
  vxpu.request = Permille{1};
  vxpu.limit = Permille{1000};
  vxpu.priority = Priority::kLow;
  vxpu.memory = Bytes{5};
  vxpu.resident = Bytes{4};
  vxpu.used = Nanos{3};
  vxpu.queue_wait = Nanos{2};
  vxpu.sessions = 1;
  const Result<Vxpu> read = ParseVxpu(ToJson(vxpu));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(ToJson(*read), ToJson(vxpu));
}

TEST(VxpuTest, AReportWithoutWhatItNeedsIsAnError) {
  EXPECT_EQ(ParseVxpu(json::object()).status().code(), Code::kInternal);
  EXPECT_EQ(ParseVxpu(json(3)).status().code(), Code::kInternal);
  EXPECT_EQ(ParseSession(json{{"session", "x"}}).status().code(), Code::kInternal);
}

TEST(SessionTest, SurvivesItsJson) {
  Session session;
  session.id = 9;
  session.vxpus = {1, 2};
  session.command = "clpeak";
  session.uid = 3;
  session.ended = true;
  const Result<Session> read = ParseSession(ToJson(session));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(ToJson(*read), ToJson(session));
}

}  // namespace
}  // namespace flexai::node
