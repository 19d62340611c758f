#include <gtest/gtest.h>

#include <filesystem>

#include <fmt/format.h>

#include <map>

#include "base/npy.h"
#include "program_run.h"
#include "tiny_models.h"

namespace qloom::cli {
namespace {
namespace fs = std::filesystem;

class Package : public testing::Test {
protected:
    void SetUp() override { write_model_file(dense_model(), place_.path("dense.onnx")); }

    // A compiled folder, by the fastest target.
    void compile(const std::vector<std::string>& more = {}, const std::string& board = "pynq-z1") {
        std::vector<std::string> arguments{"compile", "dense.onnx", "--board", board,    "--ii",
                                           "24",      "-o",         "out",     "--quiet"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        const Outcome outcome = place_.qloom(arguments);
        ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    }
    // Everything under a folder of the workplace: relative path and text.
    [[nodiscard]] std::map<std::string, std::string> tree(const std::string& folder) const {
        std::map<std::string, std::string> files;
        for (const fs::directory_entry& entry :
             fs::recursive_directory_iterator(place_.path(folder))) {
            if (!entry.is_regular_file()) continue;
            const std::string name = fs::relative(entry.path(), place_.path(folder)).string();
            files[name] = place_.read(folder + "/" + name);
        }
        return files;
    }

    Workplace place_;
};

TEST_F(Package, CompilePackagesUnlessToldNotTo) {
    compile();
    for (const char* file :
         {"ip/component.xml", "ip/src/qloom_ip.sv", "vivado/build.tcl", "pynq/driver.py",
          "pynq/model.json", "pynq/qloom.ipynb", "linux/accelerator.cpp", "linux/model.h",
          "firmware/main.c", "firmware/samples.h", "firmware/vitis/main.c", "system/files.f"}) {
        EXPECT_TRUE(place_.exists(std::string("out/") + file)) << file;
    }
    compile({"--no-package"});
    for (const char* folder : {"ip", "vivado", "pynq", "linux", "firmware", "system"}) {
        EXPECT_FALSE(place_.exists(std::string("out/") + folder)) << folder;
    }
    EXPECT_TRUE(place_.exists("out/rtl/qloom_top.sv"));
}

TEST_F(Package, SaysWhatItWrote) {
    compile({"--no-package"});
    const Outcome outcome = place_.qloom({"package", "out", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const nlohmann::json json = outcome.json();
    EXPECT_EQ(json["board"], "pynq-z1");
    EXPECT_EQ(json["part"], "xc7z020clg400-1");
    EXPECT_EQ(json["folders"],
              nlohmann::json({"firmware", "ip", "linux", "pynq", "system", "vivado"}));
    EXPECT_EQ(json["frames"], 16);
    EXPECT_GT(json["files"], 40);
    EXPECT_TRUE(json["input_bits"].is_number());
    const Outcome text = place_.qloom({"package", "out"});
    for (const char* part :
         {"vivado/", "python3 driver.py", "Digilent PYNQ-Z1", "16 sample frames"}) {
        EXPECT_NE(text.out.find(part), std::string::npos) << part << "\n" << text.out;
    }
    EXPECT_EQ(place_.qloom({"package", "out", "--quiet"}).out, "");
}

TEST_F(Package, GivesWhatCompileGivesAndTheRestStays) {
    compile();
    const auto before = tree("out");
    ASSERT_EQ(place_.qloom({"package", "out", "--quiet"}).exit_code, 0);
    EXPECT_EQ(tree("out"), before) << "the same bytes, made twice";
    place_.write("out/notes.txt", "mine");
    place_.write("out/sim/cached.so", "cache");
    place_.write("out/vivado/output/qloom.bit", "old");
    ASSERT_EQ(place_.qloom({"package", "out", "--board", "kv260", "--quiet"}).exit_code, 0);
    EXPECT_EQ(place_.read("out/notes.txt"), "mine");
    EXPECT_EQ(place_.read("out/sim/cached.so"), "cache");
    EXPECT_FALSE(place_.exists("out/vivado/output/qloom.bit")) << "a bitstream of another package";
    EXPECT_NE(place_.read("out/vivado/build.tcl").find("set part xck26-sfvc784-2LV-c\n"),
              std::string::npos);
    EXPECT_TRUE(place_.exists("out/firmware/start_a53.S"));
    EXPECT_FALSE(place_.exists("out/firmware/start_a9.S"));
}

TEST_F(Package, SamplesComeWithTheirAnswers) {
    compile({"--no-package"});
    Tensor<std::int64_t> labels({40});
    for (std::int64_t i = 0; i < 40; ++i) labels[i] = i % 3;
    write_npy(place_.path("x.npy"), dense_frames(40));
    write_npy(place_.path("labels.npy"), labels);
    const Outcome outcome = place_.qloom(
        {"package", "out", "--data", "npy:x.npy,labels.npy", "--frames", "30", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.json()["frames"], 30);
    const auto array = [&](const char* file) {
        return std::get<Tensor<std::int64_t>>(read_npy(place_.path(file)));
    };
    const Tensor<std::int64_t> samples = array("out/pynq/samples.npy");
    const Tensor<float> frames = dense_frames(40);
    ASSERT_EQ(samples.shape(), (Shape{30, 6}));
    for (std::int64_t i = 0; i < samples.size(); ++i)
        EXPECT_EQ(static_cast<float>(samples[i]), frames[i]);
    EXPECT_EQ(array("out/pynq/expected.npy").shape(), (Shape{30, 3}));
    EXPECT_EQ(array("out/pynq/labels.npy").shape(), (Shape{30}));
    EXPECT_NE(place_.read("out/firmware/samples.h")
                  .find("#define QL_SAMPLES 30\n#define QL_HAS_LABELS 1\n"),
              std::string::npos);
    ASSERT_EQ(place_.qloom({"package", "out", "--input", "x.npy", "--quiet"}).exit_code, 0);
    EXPECT_EQ(array("out/pynq/samples.npy").shape(), (Shape{40, 6}));
    EXPECT_FALSE(place_.exists("out/pynq/labels.npy"));
}

TEST_F(Package, AUserBoardByPath) {
    compile({"--no-package"});
    place_.write("mine.toml",
                 "title = \"Mine\"\npart = \"xc7z014sclg400-1\"\n[resources]\nluts = 40600\nffs = "
                 "81200\nbram36 = 107\ndsps = "
                 "170\n[system]\nprocessing_system = \"zynq-7000\"\nuart_base = "
                 "0xE0001000\ndma_base = 0x43C00000\nmemory_base = "
                 "0x00100000\nmemory_bytes = 0x1FF00000\nmemory_port_bits = 64\n");
    ASSERT_EQ(place_.qloom({"package", "out", "--board", "mine.toml", "--quiet"}).exit_code, 0);
    const std::string script = place_.read("out/vivado/build.tcl");
    EXPECT_NE(script.find("set part xc7z014sclg400-1\nset board_parts_pattern {no-board-files}\n"),
              std::string::npos);
    EXPECT_NE(script.find("set dma_base 0x43C00000\n"), std::string::npos);
}

TEST_F(Package, BadInput) {
    compile({"--no-package"});
    const auto before = tree("out");
    EXPECT_EQ(place_.qloom({"package", "out", "--board", "pynq-z3"}).err.substr(0, 78),
              "qloom: error: Q0500: pynq-z3: there is no such board; did you mean pynq-z1? kn");
    place_.write(
        "tiny.toml",
        "part = \"xc7z007\"\n[resources]\nluts = 30\nffs = 35200\nbram36 = 60\ndsps = 80\n");
    const Outcome big = place_.qloom({"package", "out", "--board", "tiny.toml"});
    EXPECT_EQ(big.exit_code, 1);
    EXPECT_EQ(big.err.find("qloom: error: Q1010: tiny: the accelerator needs "), 0U) << big.err;
    EXPECT_NE(big.err.find(" LUTs of 30 ("), std::string::npos);
    EXPECT_NE(big.err.find("no target fits; take a larger board: arty-z7-20, "), std::string::npos)
        << big.err;
    EXPECT_EQ(place_.qloom({"package", "nowhere"}).err.substr(0, 19), "qloom: error: Q0600");
    const Outcome frames = place_.qloom({"package", "out", "--frames", "900000000"});
    EXPECT_EQ(frames.err,
              "qloom: error: Q1011: samples: 900000000 frames are more than the 3355443 that a "
              "package for this network carries; "
              "take at most 3355443 frames; the drivers take any number at run time\n");
    EXPECT_EQ(frames.exit_code, 1);
    EXPECT_EQ(tree("out"), before) << "whole or not at all";
}

// A target that fits is found and named.
TEST_F(Package, TooBigNamesATargetThatFits) {
    ASSERT_EQ(place_
                  .qloom({"compile", "dense.onnx", "--board", "pynq-z1", "--ii", "2", "-o", "out",
                          "--quiet"})
                  .exit_code,
              0);
    nlohmann::json report = nlohmann::json::parse(place_.read("out/report.json"));
    const double luts = report["total"]["luts"];
    place_.write(
        "less.toml",
        fmt::format("part = \"x\"\n[resources]\nluts = {}\nffs = 35200\nbram36 = 60\ndsps = 80\n",
                    static_cast<int>(luts) - 1));
    const Outcome big = place_.qloom({"package", "out", "--board", "less.toml"});
    ASSERT_EQ(big.exit_code, 1);
    const auto at = big.err.find("compile again with --ii ");
    ASSERT_NE(at, std::string::npos) << big.err;
    const std::string ii = big.err.substr(at + 24, big.err.find(' ', at + 24) - at - 24);
    const Outcome again = place_.qloom(
        {"compile", "dense.onnx", "--board", "less.toml", "--ii", ii, "-o", "small", "--json"});
    ASSERT_EQ(again.exit_code, 0) << again.err;
    EXPECT_LT(again.json()["luts"], luts);
    EXPECT_EQ(place_.qloom({"package", "small", "--quiet"}).exit_code, 0);
    // compile refuses it, or says it and goes on without a package: a board that holds just this, no DSP blocks and weights
    // in memories.
    report = nlohmann::json::parse(place_.read("small/report.json"));
    place_.write("less.toml",
                 fmt::format("part = \"x\"\n[resources]\nluts = {}\nffs = 35200\nbram36 = 60\ndsps = 0\n",
                             static_cast<int>(again.json()["luts"].get<double>()) + 40));
    nlohmann::json folding = {{"layers", nlohmann::json::object()}};
    for (const nlohmann::json& layer : report["layers"]) {
        if (layer["kind"] == "MatrixVector")
            folding["layers"][layer["layer"].get<std::string>()] = {{"constant", false}};
    }
    ASSERT_FALSE(folding["layers"].empty());
    place_.write("memories.json", folding.dump());
    const Outcome refused = place_.qloom({"compile", "dense.onnx", "--board", "less.toml", "--ii", "1",
                                          "--folding", "memories.json", "-o", "big"});
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_NE(refused.err.find("Q0510: target of 1 cycle a frame: needs at least "), std::string::npos)
        << refused.err;
    EXPECT_NE(refused.err.find("the best that fits is "), std::string::npos) << refused.err;
    EXPECT_FALSE(place_.exists("big"));
    const Outcome noted = place_.qloom({"compile", "dense.onnx", "--board", "less.toml", "--ii", "1",
                                        "--folding", "memories.json", "--allow-oversize", "-o", "big"});
    EXPECT_EQ(noted.exit_code, 0);
    EXPECT_NE(noted.err.find("nothing is packaged for less: the accelerator needs "),
              std::string::npos)
        << noted.err;
    EXPECT_FALSE(place_.exists("big/ip"));
}

}  // namespace
}  // namespace qloom::cli
