// The command line itself: what is not understood, and the form of errors.
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "program_run.h"

namespace qloom::cli {
namespace {

TEST(Usage, UnknownVerb) {
    const Outcome outcome = Workplace().qloom({"complie", "model.onnx"});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_EQ(outcome.out, "");
    // The verbs as the overview lists them: "       compile     turn a model ...".
    const std::string overview = Workplace().qloom({"--help"}).out;
    const std::size_t from = overview.find("VERBS\n") + 6;
    std::istringstream list(overview.substr(from, overview.find("EXAMPLES") - from));
    std::vector<std::string> verbs;
    for (std::string line; std::getline(list, line);) {
        if (line.size() > 7 && line.find_first_not_of(' ') == 7) {
            verbs.push_back(line.substr(7, line.find(' ', 7) - 7));
        }
    }
    ASSERT_GE(verbs.size(), 10U);
    EXPECT_EQ(outcome.err,
              fmt::format("qloom: error: Q0900: there is no verb `complie`; did you mean compile? the verbs are {}\n",
                          fmt::join(verbs, ", ")));
}

TEST(Usage, UnknownOption) {
    const Outcome outcome = Workplace().qloom({"compile", "m.onnx", "--bord", "pynq-z1", "--fps", "1", "-o", "out"});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_EQ(outcome.err,
              "qloom: error: Q0901: qloom compile: there is no option --bord; did you mean --board? see `qloom compile "
              "--help`\n");
    EXPECT_EQ(Workplace().qloom({"--jsn"}).exit_code, 2);
    EXPECT_EQ(Workplace().qloom({"check", "a.onnx", "b.onnx"}).err,
              "qloom: error: Q0901: qloom check: the argument `b.onnx` is one too many; see `qloom check --help`\n");
}

TEST(Usage, BadValue) {
    for (const std::string value : {"many", "-3", "0"}) {
        const Outcome outcome = Workplace().qloom({"compile", "m.onnx", "--board", "b", "--fps", value, "-o", "out"});
        EXPECT_EQ(outcome.exit_code, 2) << value;
        EXPECT_EQ(outcome.err.substr(0, 41), "qloom: error: Q0902: qloom compile: --fps") << outcome.err;
    }
    EXPECT_EQ(Workplace().qloom({"run", "m", "--input", "x.npy", "--engine", "quick"}).exit_code, 2);
}

TEST(Usage, TwoTargetsExclude) {
    const Outcome outcome =
        Workplace().qloom({"compile", "m.onnx", "--board", "b", "--fps", "10", "--ii", "10", "-o", "out"});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_EQ(outcome.err,
              "qloom: error: Q0902: qloom compile: --fps excludes --ii; see `qloom compile --help`\n");
}

TEST(Usage, MissingOption) {
    EXPECT_EQ(Workplace().qloom({"eval", "model.onnx"}).err,
              "qloom: error: Q0903: qloom eval: --data is required; see `qloom eval --help`\n");
    EXPECT_EQ(Workplace().qloom({"compile", "model.onnx", "--board", "pynq-z1", "-o", "out"}).err,
              "qloom: error: Q0903: qloom compile: none of --fps, --ii and --max-fps is given; say how fast the "
              "accelerator must be: --fps 100000, --ii 1000, or --max-fps\n");
    EXPECT_EQ(Workplace().qloom({"simulate", "out"}).exit_code, 2);
    EXPECT_EQ(Workplace().qloom({"train"}).exit_code, 2);
    EXPECT_EQ(Workplace().qloom({"--quiet"}).exit_code, 2);
}

TEST(Usage, ErrorsAreJsonWithJson) {
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"complie", "--json"}, {"--json", "complie"}, {"--json", "complie", "--quiet"}}) {
        const Outcome outcome = Workplace().qloom(arguments);
        EXPECT_EQ(outcome.exit_code, 2);
        const nlohmann::json error = outcome.json()["error"];
        EXPECT_EQ(error["code"], "Q0900");
        EXPECT_EQ(error["name"], "kVerbUnknown");
        EXPECT_EQ(error["what"], "there is no verb `complie`");
        EXPECT_EQ(error["exit_code"], 2);
        EXPECT_NE(outcome.err, "");
    }
}

}  // namespace
}  // namespace qloom::cli
