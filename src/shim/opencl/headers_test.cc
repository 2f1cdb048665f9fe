#include "shim/opencl/headers.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "os/files.h"
#include "shim/opencl/build_options.h"

namespace flexai::shim {
namespace {

std::string Normalised(std::string path) {
  path.resize(NormalisePath(path.data(), path.size()));
  return path;
}

TEST(NormalisePath, RemovesDotsAndDoubleSlashes) {
  EXPECT_EQ(Normalised("/a/b.h"), "/a/b.h");
  EXPECT_EQ(Normalised("//a/./c/../b.h"), "/a/b.h");
  EXPECT_EQ(Normalised("/../../a"), "/a");
  EXPECT_EQ(Normalised("/a/../.."), "");
}

class Headers : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/flexai-headers-test-XXXXXX";
    folder_ = mkdtemp(name);
    Write("/one/a.h", "#include \"sub/b.h\"\n");
    Write("/one/sub/b.h", "# include <c.h>\n#include \"../a.h\"\n");
    Write("/two/c.h", "int c;\n");
    Write("/two/a.h", "shadowed");
  }
  void TearDown() override { ASSERT_TRUE(os::RemoveFolder(folder_).ok()); }

  void Write(const std::string& path, const std::string& text) {
    const std::string whole = folder_ + path;
    ASSERT_TRUE(os::MakeFolders(whole.substr(0, whole.rfind('/'))).ok());
    ASSERT_TRUE(os::WriteFile(whole, text).ok());
  }
  void Add(HeaderSet& set, const std::string& folder) {
    ASSERT_TRUE(set.AddFolder((folder_ + folder).c_str(), folder_.size() + folder.size()));
  }
  static std::string Found(const HeaderSet& set, size_t i) {
    return {set.files()[i].path, set.files()[i].path_length};
  }
  static bool Collect(HeaderSet& set, const std::string& source) {
    return set.Collect(source.data(), source.size());
  }

  std::string folder_;
};

TEST_F(Headers, AreFoundWhereACompilerLooks) {
  HeaderSet set;
  Add(set, "/one");
  Add(set, "/two");
  ASSERT_TRUE(Collect(
      set, "  #  include \"a.h\"\nkernel void k() {}\n#include <missing.h>\n#include MACRO\n#include \"\n"));
  ASSERT_EQ(set.files().size(), 3u);
  EXPECT_EQ(Found(set, 0), folder_ + "/one/a.h");
  EXPECT_EQ(Found(set, 1), folder_ + "/one/sub/b.h");
  EXPECT_EQ(Found(set, 2), folder_ + "/two/c.h");
  EXPECT_EQ(std::string(set.files()[2].content, set.files()[2].bytes), "int c;\n");
}

TEST_F(Headers, FoldersAndPipesAreNoHeaders) {
  ASSERT_EQ(mkfifo((folder_ + "/one/pipe.h").c_str(), 0600), 0);
  HeaderSet set;
  Add(set, "/one");
  ASSERT_TRUE(Collect(set, "#include \"pipe.h\"\n#include \"sub\"\n"));
  EXPECT_TRUE(set.files().empty());
}

std::string Resolved(const std::string& options, bool with_headers, HeaderSet* folders = nullptr) {
  Array<char> result;
  bool changed = false;
  EXPECT_TRUE(ResolveIncludes(options.c_str(), "/work here", with_headers, folders, &result, &changed));
  EXPECT_EQ(changed, std::string(result.data(), result.size()) != options);
  return {result.data(), result.size()};
}

TEST(ResolveIncludes, MakesFoldersAbsoluteAndLeavesTheRest) {
  EXPECT_EQ(Resolved("-DX=1 -I/abs -cl-mad-enable", false), "-DX=1 -I/abs -cl-mad-enable");
  EXPECT_EQ(Resolved("-Irel", false), "-I/work here/rel");
  EXPECT_EQ(Resolved("-I \"two words\" -w", false), "-I \"/work here/two words\" -w");
}

TEST(ResolveIncludes, PutsTheTravelledHeadersFirst) {
  EXPECT_EQ(Resolved("-I/a", true), "-I%flexai-headers%/a -I/a -I\"%flexai-headers%/work here\"");
  EXPECT_EQ(Resolved("", true), " -I\"%flexai-headers%/work here\"");
}

}  // namespace
}  // namespace flexai::shim
