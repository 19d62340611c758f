// Every diagnostic is used by the program, hit by a test, and stands in the catalogue; nothing else does.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <regex>
#include <set>

#include "base/diagnostic.h"
#include "base/process.h"
#include "repository.h"

namespace qloom::meta {
namespace {

std::string all_text(const std::vector<File>& files, std::string_view without) {
    std::string text;
    for (const File& file : files) {
        if (file.path != without) {
            text += file.text;
        }
    }
    return text;
}

TEST(Codes, EveryCodeIsUsedByTheProgram) {
    // exit_code.cpp names codes without throwing them.
    const std::string text = all_text(files_under("src", {".h", ".cpp"}), "src/cli/exit_code.cpp");
    for (const CodeInfo& info : all_codes()) {
        const std::regex use(fmt::format("code::{}\\b", info.name));
        EXPECT_TRUE(std::regex_search(text, use)) << code_text(info.code) << " " << info.name;
    }
}

TEST(Codes, EveryCodeIsHitByATest) {
    const std::string text = all_text(files_under("tests", {".cpp"}), "tests/meta/codes_test.cpp");
    for (const CodeInfo& info : all_codes()) {
        EXPECT_TRUE(contains(text, code_text(info.code))) << code_text(info.code) << " " << info.name;
    }
}

TEST(Codes, TestsNameNoOtherCode) {
    std::set<std::string> known{"Q9999"};  // the example of a code that does not exist
    for (const CodeInfo& info : all_codes()) {
        known.insert(code_text(info.code));
    }
    static const std::regex kCode("\\bQ[0-9]{4}\\b");
    for (const File& file : files_under("tests", {".cpp"})) {
        for (std::sregex_iterator at(file.text.begin(), file.text.end(), kCode), end; at != end; ++at) {
            EXPECT_TRUE(known.contains(at->str())) << file.path << " names " << at->str();
        }
    }
}

TEST(Codes, CatalogueIsUpToDate) {
    const ToolResult now = run_tool({QLOOM_PROGRAM, "explain", "--markdown"});
    ASSERT_EQ(now.exit_code, 0) << now.output;
    EXPECT_EQ(now.output, read_file("docs/diagnostics.md"))
        << "run: build/qloom explain --markdown > docs/diagnostics.md";
}

}  // namespace
}  // namespace qloom::meta
