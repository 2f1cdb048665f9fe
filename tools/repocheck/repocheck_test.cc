#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checks.h"

namespace flexai::repocheck {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Messages(const Findings& findings) {
  std::vector<std::string> messages;
  for (const Finding& finding : findings) {
    messages.push_back(finding.path + ":" + std::to_string(finding.line) + ": " + finding.message);
  }
  return messages;
}

TEST(Layers, AllowsWhatIsToTheLeft) {
  EXPECT_THAT(
      CheckLayers({{"src/wire/a.cc", "#include \"base/status.h\"\n#include \"wire/a.h\"\n#include <new>\n"},
                   {"src/cli/b.cc", "#include \"node/api.h\"\n"}}),
      IsEmpty());
}

TEST(Layers, RefusesHigherLayersAndSiblings) {
  EXPECT_THAT(Messages(CheckLayers({{"src/base/a.cc", "\n#include \"os/futex.h\"\n"}})),
              ElementsAre("src/base/a.cc:2: base must not use os: a layer above it"));
  EXPECT_THAT(Messages(CheckLayers({{"src/shim/opencl/a.cc", "#include \"executor/opencl/b.h\"\n"}})),
              ElementsAre(HasSubstr("siblings of one layer")));
  EXPECT_THAT(Messages(CheckLayers({{"src/extra/a.cc", ""}})), ElementsAre(HasSubstr("is no layer of src/")));
  EXPECT_THAT(Messages(CheckLayers({{"src/os/a.cc", "#include \"a.h\"\n"}})),
              ElementsAre(HasSubstr("by its path")));
}

TEST(Layers, LetsTestsIncludeMore) {
  EXPECT_THAT(CheckLayers({{"src/wire/a_test.cc", "#include \"api/opencl/calls.h\"\n"}}), IsEmpty());
}

TEST(Layers, FindsIncludeCycles) {
  EXPECT_THAT(Messages(CheckLayers({{"src/os/a.h", "#include \"os/b.h\"\n"},
                                    {"src/os/b.h", "#include \"os/c.h\"\n"},
                                    {"src/os/c.h", "#include \"os/a.h\"\n"}})),
              ElementsAre("src/os/c.h:1: include cycle: src/os/a.h includes this file again"));
}

TEST(Layers, FindsLinksToHigherLayers) {
  const Tree tree = {{"src/keeper/CMakeLists.txt", "flexai_module(keeper SOURCES a.cc DEPS flexai_share)\n"},
                     {"src/share/CMakeLists.txt",
                      "flexai_module(share SOURCES a.cc\n  DEPS flexai_base\n  flexai_keeper)\n"}};
  EXPECT_THAT(Messages(CheckLayers(tree)),
              ElementsAre("src/share/CMakeLists.txt:1: share must not use keeper: a layer above it"));
}

TEST(Names, RefusesNamesThatSayNothing) {
  EXPECT_THAT(Messages(CheckNames({{"src/base/string_utils.cc", ""}})), ElementsAre(HasSubstr("'utils'")));
  EXPECT_THAT(Messages(CheckNames({{"src/common/a.cc", ""}})), ElementsAre(HasSubstr("'common'")));
  EXPECT_THAT(Messages(CheckNames({{"src/base/a.h",
                                    "class Buffer"
                                    "Manager {\n"}})),
              ElementsAre(HasSubstr("a.h:1")));
  EXPECT_THAT(CheckNames({{"src/base/utility_meter.cc", "class Commons {};\n"}}), IsEmpty());
}

TEST(Lengths, RefusesLongLinesFilesAndFunctions) {
  EXPECT_THAT(Messages(CheckLengths({{"a.cc", std::string(111, 'x') + "\n"}})),
              ElementsAre(HasSubstr("111 columns")));
  EXPECT_THAT(CheckLengths({{"a.cc", std::string(110, 'x') + "\n"}}), IsEmpty());
  std::string umlauts;
  for (int i = 0; i < 110; ++i) umlauts += "\u00e4";
  EXPECT_THAT(CheckLengths({{"a.cc", umlauts}}), IsEmpty());
  std::string lines;
  for (int i = 0; i < 501; ++i) lines += "\n";
  EXPECT_THAT(Messages(CheckLengths({{"a.cc", lines}})), ElementsAre(HasSubstr("file of 501 lines")));
  EXPECT_THAT(CheckLengths({{"a_test.cc", lines}}), IsEmpty());
  const std::string wide(120, 'x');
  EXPECT_THAT(CheckLengths({{"a.cc", "auto s = R\"(" + wide + "\n" + wide + ")\";\n"}}), IsEmpty());
  EXPECT_THAT(Messages(CheckLengths({{"a.cc", "auto s = R\"(x)\";\n" + wide + "\n"}})),
              ElementsAre(HasSubstr("a.cc:2")));
  std::string body = "int F(int x) {\n";
  for (int i = 0; i < 80; ++i) body += "  ++x;\n";
  EXPECT_THAT(Messages(CheckLengths({{"a.cc", body + "}\n"}})),
              ElementsAre(HasSubstr("a.cc:1: function of 81 lines")));
  EXPECT_THAT(CheckLengths({{"a.cc", "namespace a {\n" + lines.substr(0, 200) + "}\n"}}), IsEmpty());
}

TEST(Words, RefusesMachinePathsAndMarksWithoutOwner) {
  const std::string mark = std::string("TO") + "DO";
  EXPECT_THAT(Messages(CheckWords({{"a.md",
                                    "see /wo"
                                    "rk/main\n"}})),
              ElementsAre(HasSubstr("path of one machine")));
  EXPECT_THAT(Messages(CheckWords({{"a.cc", "// " + mark + ": later\n"}})),
              ElementsAre(HasSubstr("owner file")));
  EXPECT_THAT(CheckWords({{"a.cc", "// " + mark + "(docs/plan.md): later\n"}, {"docs/plan.md", ""}}),
              IsEmpty());
}

TEST(Links, FindsDeadLinksAndAnchors) {
  const Tree tree = {{"README.md",
                      "[a](docs/a.md#the-first-part) [b](docs/b.md)\n[c](docs/a.md#none) [d](docs)\n"
                      "[w](https://example.org/x)\n"},
                     {"docs/a.md", "# A\n\n## The first part\n"}};
  EXPECT_THAT(Messages(CheckLinks(tree)),
              ElementsAre("README.md:1: link leads nowhere: docs/b.md",
                          "README.md:2: link to a heading that is not there: docs/a.md#none"));
}

TEST(Licence, MustBeThere) {
  EXPECT_EQ(CheckLicence({}).size(), 1u);
  EXPECT_THAT(CheckLicence({{"LICENSE", "Apache License\nVersion 2.0\n"}}), IsEmpty());
}

TEST(Generated, ComparesTheDocumentAndReleasedIds) {
  const Tree generated = {{"api/opencl/calls.md", "calls\n"},
                          {"api/opencl/ids.txt", "1 OpenSession\n2 FetchReply\n"}};
  EXPECT_THAT(CheckGenerated({{"docs/formats/opencl-calls.md", "calls\n"},
                              {"docs/formats/opencl-calls.released", "# comment\n1 OpenSession\n"}},
                             generated),
              IsEmpty());
  EXPECT_THAT(Messages(CheckGenerated({{"docs/formats/opencl-calls.md", "old\n"},
                                       {"docs/formats/opencl-calls.released", "1 OpenSession\n2 Renamed\n"}},
                                      generated)),
              ElementsAre(HasSubstr("is not what the build generates"), HasSubstr("2 Renamed")));
}

}  // namespace
}  // namespace flexai::repocheck
