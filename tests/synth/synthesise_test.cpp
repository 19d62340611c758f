// Whole small accelerators through Yosys: the figures, the cache, the netlist against the integers.

#include "synth/synthesise.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include <nlohmann/json.hpp>

#include "base/process.h"
#include "emit/emit.h"
#include "hw/error_of.h"
#include "hw/fold.h"
#include "hw/random_network.h"
#include "sim/simulate.h"
#include "synth/netlist_folder.h"
#include "synth/report.h"
#include "synth/route.h"
#include "synth/unit_sources.h"

namespace qloom::synth {
namespace {

namespace fs = std::filesystem;
using network::Network;
using qloom::testing::error_of;
using qloom::testing::NetworkBuilder;

class Synth : public ::testing::Test {
protected:
    void SetUp() override {
        folder_ = fs::path(::testing::TempDir()) / ("qloom_synth_" + std::to_string(::getpid()));
        fs::remove_all(folder_);
        fs::create_directories(folder_);
    }
    void TearDown() override { fs::remove_all(folder_); }

    // A network written as `qloom compile` does.
    fs::path compiled(const Network& network, std::int64_t ii, const std::string& name = "out") {
        accelerator_ = hw::fold(network, {.board = hw::find_board("pynq-z1"), .target_ii = ii});
        emit::emit(accelerator_, network, folder_ / name);
        return folder_ / name;
    }

    static Network dense(std::uint32_t seed) {
        NetworkBuilder build(seed);
        auto x = build.threshold(build.dense(build.input("x", {8}, {0, 3}), 4, {-2, 1}), 3);
        return build.finish({build.dense(x, 2, {-2, 1})});
    }

    static fs::path shared_cache() { return fs::path(QLOOM_BINARY_DIR) / "synth-cache"; }

    // The synthesised netlist against the meaning of the network.
    void expect_netlist_computes(const Network& network, std::int64_t ii, Target target) {
        const fs::path dir = compiled(network, ii);
        const Synthesis synthesis = synthesise(dir, {.target = target, .cache = shared_cache()});
        const auto inputs = qloom::testing::random_inputs(network, 6, 3);
        const auto expected = qloom::testing::reference_run(network, inputs);
        std::vector<network::Frames> frames;
        for (const auto& input : inputs) frames.push_back(network::frames_from(input, {0, 3}));
        const sim::SimulateResult result =
            sim::simulate(write_netlist_folder(dir, synthesis), frames,
                          {.idle = 0.2, .back_pressure = 0.2, .cache = shared_cache()});
        for (std::size_t i = 0; i < expected.size(); ++i) {
            const Tensor<std::int64_t> found = network::integers_of(result.outputs[i]);
            ASSERT_EQ(found.size(), expected[i].size());
            for (std::int64_t k = 0; k < found.size(); ++k)
                ASSERT_EQ(found[k], expected[i][k]) << info_of(target).name << ' ' << k;
        }
    }

    fs::path folder_;
    hw::Accelerator accelerator_;
};

#define SKIP_WITHOUT_YOSYS() \
    if (!tool_exists("yosys")) GTEST_SKIP() << "yosys is not installed"

TEST_F(Synth, CachesByContentAndReports) {
    SKIP_WITHOUT_YOSYS();
    const fs::path dir = compiled(dense(1), 16);
    std::vector<std::string> heard;
    const fs::path cache = folder_ / "cache";
    const Synthesis first =
        synthesise(dir, {.target = Target::kXc7,
                         .cache = cache,
                         .progress = [&](std::int64_t, std::int64_t, const std::string& what) {
                             heard.push_back(what);
                         }});
    ASSERT_EQ(first.layers.size(), accelerator_.units.size());
    EXPECT_FALSE(first.layers.front().was_cached);
    EXPECT_NE(std::ranges::find(heard, first.layers.front().unit.name + ": ABC"), heard.end());
    EXPECT_TRUE(first.tool.starts_with("Yosys ")) << first.tool;
    double luts = 0.0;
    for (const LayerSynthesis& layer : first.layers) {
        luts += layer.cost.luts;
        EXPECT_GT(layer.cost.ffs, 0.0) << layer.unit.name;
        EXPECT_GE(layer.cost.lut_levels, 1) << layer.unit.name;
    }
    EXPECT_EQ(first.total().luts, luts);

    // Nothing changed: nothing is done. One weight changed: one unit is.
    const Synthesis again = synthesise(dir, {.target = Target::kXc7, .cache = cache});
    for (const LayerSynthesis& layer : again.layers)
        EXPECT_TRUE(layer.was_cached) << layer.unit.name;
    EXPECT_EQ(again.total(), first.total());
    std::string memory;
    for (const auto& entry : fs::directory_iterator(dir / "rtl")) {
        if (entry.path().string().ends_with("_weights.mem"))
            memory = std::max(memory, entry.path().string());
    }
    ASSERT_FALSE(memory.empty());
    std::string text = read_source(memory);
    text[0] = text[0] == '0' ? '1' : '0';
    std::ofstream(memory) << text;
    const Synthesis changed = synthesise(dir, {.target = Target::kXc7, .cache = cache});
    EXPECT_EQ(std::ranges::count(changed.layers, false, &LayerSynthesis::was_cached), 1);

    write_reports(dir, first, nullptr);
    const auto json = nlohmann::json::parse(read_source(dir / "synth.json"));
    EXPECT_EQ(json["luts"], luts);
    EXPECT_EQ(json["layers"].size(), first.layers.size());
    EXPECT_EQ(json["layers"][0]["name"], first.layers[0].unit.name);
    EXPECT_TRUE(json["routed"].is_null());
    EXPECT_NEAR(json["lut_error"].get<double>(), (accelerator_.total().luts - luts) / luts, 1e-3);
    EXPECT_NE(read_source(dir / "report.txt").find("Synthesised for 7 series by Yosys"),
              std::string::npos);
    // Written twice, it stands there once.
    write_reports(dir, first, nullptr);
    const std::string report = read_source(dir / "report.txt");
    EXPECT_EQ(report.find("Synthesised for"), report.rfind("Synthesised for"));
}

TEST_F(Synth, NamesDoNotMatter) {
    NetworkBuilder one(5);
    const Network a = one.finish({one.dense(one.input("x", {4}, {0, 3}), 2, {-2, 1})});
    Network b = a;
    for (network::Layer& layer : b.layers) layer.name += "_renamed";
    const auto hashes = [&](const Network& network, const std::string& name) {
        std::vector<std::string> result;
        const fs::path dir = compiled(network, 8, name);
        for (const UnitSources& sources : unit_sources(accelerator_, dir / "rtl"))
            result.push_back(sources.text_hash());
        return result;
    };
    EXPECT_EQ(hashes(a, "a"), hashes(b, "b"));
}

TEST_F(Synth, NetlistsComputeTheNetwork) {
    SKIP_WITHOUT_YOSYS();
    expect_netlist_computes(dense(2), 16, Target::kXc7);
    expect_netlist_computes(dense(2), 16, Target::kIce40);
}

TEST_F(Synth, AFailingToolShowsItsLastLines) {
    SKIP_WITHOUT_YOSYS();
    const fs::path dir = compiled(dense(3), 16);
    std::ofstream(dir / "rtl" / "ql_matrix_vector.sv", std::ios::app) << "module broken(\n";
    const std::string message =
        error_of([&] { synthesise(dir, {.target = Target::kXc7, .cache = folder_ / "cache"}); });
    EXPECT_TRUE(message.starts_with("Q0001: yosys: ")) << message;
    EXPECT_NE(message.find("syntax error"), std::string::npos) << message;
    EXPECT_NE(message.find("the whole log is " + (folder_ / "cache").string()), std::string::npos)
        << message;
}

TEST_F(Synth, AFolderThatIsNoneIsRefused) {
    EXPECT_EQ(error_of([&] { synthesise(folder_, {}); }),
              "Q0600: " + folder_.string() +
                  ": does not hold a compiled network (no accelerator.json); name a folder written "
                  "by qloom compile");
}

TEST_F(Synth, BitstreamForIce40) {
    SKIP_WITHOUT_YOSYS();
    if (!can_route_ice40()) GTEST_SKIP() << "nextpnr-ice40 and icepack are not installed";
    const fs::path dir = compiled(dense(2), 16);
    const Synthesis synthesis =
        synthesise(dir, {.target = Target::kIce40, .cache = shared_cache()});
    const Routed routed = route_ice40(dir, synthesis, ice40_devices().front());
    EXPECT_GT(routed.mhz, 20.0);
    EXPECT_GT(routed.logic_cells, synthesis.total().luts / 2);
    EXPECT_LT(routed.logic_cells, 7680);
    EXPECT_GT(fs::file_size(routed.bitstream), 10000U);
}

}  // namespace
}  // namespace qloom::synth
