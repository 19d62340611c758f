#include "base/codes/base.h"
#include "base/diagnostic.h"

#include <gtest/gtest.h>

#include <vector>

namespace qloom {
namespace {

TEST(Diagnostic, TextNamesCodePlaceFaultAndAdvice) {
    const Error error(code::kToolMissing, "verilator", "the program is not installed", "install it");
    EXPECT_STREQ(error.what(), "Q0002: verilator: the program is not installed; install it");
}

TEST(Diagnostic, CodesAscendAndSayEverything) {
    int last = 0;
    for (const CodeInfo& info : all_codes()) {
        EXPECT_GT(static_cast<int>(info.code), last) << info.name;
        last = static_cast<int>(info.code);
        EXPECT_FALSE(info.summary.empty()) << info.name;
        EXPECT_FALSE(info.example.empty()) << info.name;
        EXPECT_FALSE(info.repair.empty()) << info.name;
    }
}

TEST(Diagnostic, NearestWord) {
    const std::vector<std::string> boards{"pynq-z1", "pynq-z2", "kv260"};
    EXPECT_EQ(nearest_word("pinq-z1", boards), "pynq-z1");
    EXPECT_EQ(nearest_word("kv206", boards), "kv260");
    EXPECT_EQ(nearest_word("stratix", boards), "");
}

}  // namespace
}  // namespace qloom
