#include <gtest/gtest.h>

#include <filesystem>

#include "base/npy.h"
#include "program_run.h"
#include "tiny_models.h"

namespace qloom::cli {
namespace {
namespace fs = std::filesystem;

class Compile : public testing::Test {
protected:
    void SetUp() override {
        write_model_file(dense_model(), place_.path("dense.onnx"));
        before_ = place_.listing();
    }

    Outcome compile(std::vector<std::string> more) {
        std::vector<std::string> arguments{"compile", "dense.onnx", "--board", "pynq-z1"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return place_.qloom(arguments);
    }
    // The error's code, after checking that there is one diagnostic and no trace of the output.
    std::string code_of(const std::vector<std::string>& arguments, int exit_code = 1) {
        const Outcome outcome = place_.qloom(arguments);
        EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
        EXPECT_EQ(outcome.err.substr(0, 15), "qloom: error: Q") << outcome.err;
        EXPECT_EQ(place_.listing(), before_) << "something was left behind";
        return outcome.err.substr(14, 5);
    }

    Workplace place_;
    std::vector<std::string> before_;
};

TEST_F(Compile, WritesTheFolderAndTheFacts) {
    const Outcome outcome = compile({"--fps", "1000000", "-o", "out", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const nlohmann::json json = outcome.json();
    for (const char* key : {"ii_cycles", "latency_cycles", "fps", "luts", "bram36", "dsps", "seconds"}) {
        EXPECT_TRUE(json[key].is_number()) << key;
    }
    EXPECT_LE(json["ii_cycles"], 100);
    EXPECT_GE(json["fps"], 1e6);
    EXPECT_EQ(json["clock_mhz"], 100.0);
    EXPECT_GT(json["self_check"]["values"], 0);
    EXPECT_FALSE(json["units"].empty());
    for (const char* file : {"rtl/qloom_top.sv", "rtl/files.f", "report.txt", "report.json", "folding.json", "model.onnx",
                             "compile.json", "accelerator.json"}) {
        EXPECT_TRUE(place_.exists(std::string("out/") + file)) << file;
    }
    EXPECT_EQ(place_.read("out/model.onnx"), place_.read("dense.onnx"));
}

TEST_F(Compile, LabelsPassTheSelfCheck) {
    const Outcome outcome = compile({"--ii", "24", "--postprocess", "argmax", "-o", "labels", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_GT(outcome.json()["self_check"]["values"], 0);
}

TEST_F(Compile, QuietSaysNothingAndTextIsForPeople) {
    EXPECT_EQ(compile({"--ii", "24", "-o", "a", "--quiet"}).out, "");
    const Outcome outcome = compile({"--ii", "24", "-o", "b"});
    for (const char* part : {"fc1", "frames/s", "self-check passed", "Next: qloom simulate b"}) {
        EXPECT_NE(outcome.out.find(part), std::string::npos) << part << "\n" << outcome.out;
    }
}

TEST_F(Compile, SameInputSameBytes) {
    ASSERT_EQ(compile({"--fps", "1000000", "-o", "a"}).exit_code, 0);
    ASSERT_EQ(compile({"--fps", "1000000", "-o", "deeper/b"}).exit_code, 0);
    int files = 0;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(place_.path("a"))) {
        if (entry.is_regular_file()) {
            const std::string name = fs::relative(entry.path(), place_.path("a")).string();
            EXPECT_EQ(place_.read("a/" + name), place_.read("deeper/b/" + name)) << name;
            ++files;
        }
    }
    EXPECT_GT(files, 8);
}

TEST_F(Compile, FoldingIsAcceptedBack) {
    ASSERT_EQ(compile({"--ii", "24", "-o", "a"}).exit_code, 0);
    ASSERT_EQ(compile({"--ii", "24", "-o", "b", "--folding", "a/folding.json"}).exit_code, 0);
    EXPECT_EQ(place_.read("a/rtl/qloom_top.sv"), place_.read("b/rtl/qloom_top.sv"));
}

TEST_F(Compile, ReplacesItsOwnFolderButNobodyElses) {
    ASSERT_EQ(compile({"--ii", "24", "-o", "out"}).exit_code, 0);
    EXPECT_EQ(compile({"--ii", "12", "-o", "out"}).exit_code, 0);
    place_.write("mine/thesis.txt", "years of work");
    before_ = place_.listing();
    EXPECT_EQ(code_of({"compile", "dense.onnx", "--board", "pynq-z1", "--ii", "24", "-o", "mine"}), "Q0020");
    EXPECT_EQ(place_.read("mine/thesis.txt"), "years of work");
}

TEST_F(Compile, UnwritableOutput) {
    EXPECT_EQ(code_of({"compile", "dense.onnx", "--board", "pynq-z1", "--ii", "24", "-o", "/proc/out"}), "Q0021");
}

TEST_F(Compile, BadTargets) {
    EXPECT_EQ(code_of({"compile", "dense.onnx", "--board", "pinq-z1", "--ii", "24", "-o", "out"}), "Q0500");
    EXPECT_EQ(code_of({"compile", "dense.onnx", "--board", "pynq-z1", "--fps", "1e9", "-o", "out"}), "Q0504");
}

TEST_F(Compile, BadFoldings) {
    const std::vector<std::string> arguments{"compile", "dense.onnx", "--board", "pynq-z1", "--ii", "24",
                                             "--folding", "f.json", "-o", "out"};
    EXPECT_EQ(code_of(arguments), "Q0912");
    place_.write("f.json", "{");
    before_ = place_.listing();
    EXPECT_EQ(code_of(arguments), "Q0505");
}

TEST_F(Compile, MissingFoldingFile) {
    EXPECT_EQ(compile({"--ii", "24", "-o", "out", "--folding", "no.json"}).err,
              "qloom: error: Q0912: no.json: the file cannot be read; check the name\n");
}

TEST_F(Compile, BadModelFiles) {
    const std::string good = place_.read("dense.onnx");
    place_.write("empty.onnx", "");
    place_.write("text.onnx", "this is not a model at all, but it is long enough to be read\n");
    place_.write("cut.onnx", good.substr(0, good.size() / 2));
    fs::create_directory(place_.path("folder.onnx"));
    before_ = place_.listing();
    for (const std::string model : {"none.onnx", "empty.onnx", "text.onnx", "cut.onnx", "folder.onnx"}) {
        for (const std::string verb : {"compile", "check", "run", "eval"}) {
            std::vector<std::string> arguments{verb, model};
            if (verb == "compile") {
                arguments.insert(arguments.end(), {"--board", "pynq-z1", "--ii", "24", "-o", "out"});
            } else if (verb == "run") {
                arguments.insert(arguments.end(), {"--input", "x.npy", "--output", "y.npy"});
            } else if (verb == "eval") {
                arguments.insert(arguments.end(), {"--data", "fashion-mnist:test"});
            }
            EXPECT_EQ(code_of(arguments).substr(0, 3), "Q01") << model << " " << verb;
        }
    }
}

TEST_F(Compile, UnsupportedModelIsRefusedByCheckAndCompile) {
    write_model_file(unsupported_model(), place_.path("soft.onnx"));
    before_ = place_.listing();
    const Outcome check = place_.qloom({"check", "soft.onnx", "--json"});
    EXPECT_EQ(check.exit_code, 1);
    EXPECT_EQ(check.json()["compilable"], false);
    EXPECT_EQ(check.json()["error"]["code"], "Q0310");
    EXPECT_NE(check.json()["error"]["where"].get<std::string>().find("fc2"), std::string::npos);
    const nlohmann::json operators = check.json()["operators"];
    const auto softmax = std::ranges::find_if(operators, [](const auto& entry) { return entry["node"] == "softmax"; });
    ASSERT_NE(softmax, operators.end());
    EXPECT_EQ((*softmax)["placement"], "host");
    EXPECT_NE((*softmax)["advice"], "");
    EXPECT_EQ(code_of({"compile", "soft.onnx", "--board", "pynq-z1", "--ii", "24", "-o", "out"}).substr(0, 3), "Q03");
}

TEST_F(Compile, CheckListsEveryOperator) {
    const Outcome check = place_.qloom({"check", "dense.onnx", "--json"});
    ASSERT_EQ(check.exit_code, 0) << check.err;
    const nlohmann::json json = check.json();
    EXPECT_EQ(json["compilable"], true);
    EXPECT_GE(json["operators"].size(), 4U);
    EXPECT_EQ(json["inputs"][0]["name"], "x");
    EXPECT_EQ(place_.qloom({"check", "dense.onnx", "--quiet"}).out, "");
}

}  // namespace
}  // namespace qloom::cli
