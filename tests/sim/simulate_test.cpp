#include "sim/simulate.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "emit/emit.h"
#include "hw/error_of.h"
#include "hw/fold.h"
#include "hw/random_network.h"
#include "sim/beats.h"

namespace qloom::sim {
namespace {

namespace fs = std::filesystem;
using qloom::testing::error_of;
using qloom::testing::NetworkBuilder;

TEST(Beats, ElementsStandAtTheirBits) {
    const hw::Port port{.name = "s_axis_0",
                        .stream = "x",
                        .type = {.bits = 5, .is_signed = true},
                        .elements = 4,
                        .elements_per_beat = 2,
                        .beats = 2,
                        .element_bits = 5,
                        .data_bits = 16};
    const network::Frames frames = Tensor<float>(Shape{1, 4}, std::vector<float>{-1, 3, -16, 15});
    EXPECT_EQ(pack_beats(port, frames),
              (std::vector<std::uint32_t>{0x1F | (3 << 5), 0x10 | (15 << 5)}));
    EXPECT_EQ(network::integers_of(unpack_beats(port, pack_beats(port, frames), 1)),
              network::integers_of(frames));
}

TEST(Beats, WideElementsCrossWords) {
    const hw::Port port{.name = "m_axis_0",
                        .stream = "y",
                        .type = {.bits = 40, .is_signed = true},
                        .elements = 3,
                        .elements_per_beat = 3,
                        .beats = 1,
                        .element_bits = 64,
                        .data_bits = 192};
    const network::Frames frames =
        Tensor<double>(Shape{1, 3}, std::vector<double>{-549755813888.0, 549755813887.0, -1});
    EXPECT_EQ(pack_beats(port, frames), (std::vector<std::uint32_t>{0, 0xFFFFFF80, 0xFFFFFFFF, 0x7F,
                                                                    0xFFFFFFFF, 0xFFFFFFFF}));
    EXPECT_EQ(network::integers_of(unpack_beats(port, pack_beats(port, frames), 1)),
              network::integers_of(frames));
}

class SimulateTest : public ::testing::Test {
protected:
    void SetUp() override {
        folder_ = fs::path(::testing::TempDir()) / ("qloom_simulate_" + std::to_string(::getpid()));
        NetworkBuilder build(31);
        const auto x = build.input("x", {8}, {0, 15});
        const network::Network network = build.finish({build.dense(x, 4, {-3, 3})});
        emit::emit(hw::fold(network, {.board = hw::find_board("pynq-z1"), .target_ii = 8}), network,
                   folder_);
    }
    void TearDown() override { fs::remove_all(folder_); }

    [[nodiscard]] std::string simulate_error(const std::vector<network::Frames>& inputs) const {
        return error_of([&] { simulate(folder_, inputs, {.cache = cache_}); });
    }

    fs::path folder_;
    fs::path cache_ = QLOOM_BINARY_DIR "/rtl-cache";
};

TEST_F(SimulateTest, WritesAWaveformAndTellsItsProgress) {
    const fs::path vcd = folder_ / "wave.vcd";
    std::vector<std::string> stages;
    SimulateOptions options{.vcd = vcd, .cache = cache_};
    options.progress = [&](const std::string& stage, std::int64_t, std::int64_t) {
        if (stages.empty() || stages.back() != stage) stages.push_back(stage);
    };
    const SimulateResult result = simulate(folder_, {Tensor<float>(Shape{5, 8}, 1.0F)}, options);
    EXPECT_EQ(result.frames, 5);
    std::ifstream stream(vcd);
    std::string first;
    stream >> first;
    EXPECT_EQ(first.substr(0, 1), "$");
    ASSERT_FALSE(stages.empty());
    EXPECT_EQ(stages.front(), "build");
}

TEST_F(SimulateTest, ASecondRunFindsTheModel) {
    const network::Frames frames = Tensor<float>(Shape{2, 8}, 1.0F);
    simulate(folder_, {frames});
    EXPECT_TRUE(fs::exists(folder_ / "sim"));
    EXPECT_LT(simulate(folder_, {frames}).build_seconds, 0.5);
}

TEST_F(SimulateTest, InputsThatDoNotFitAreRefused) {
    constexpr const char* kAdvice =
        "; give whole frames of the network's input shape, as many for every input";
    EXPECT_EQ(simulate_error({}),
              std::string("Q0720: inputs: 0 given, and the accelerator has 1") + kAdvice);
    EXPECT_EQ(
        simulate_error({Tensor<float>(Shape{3, 7})}),
        std::string("Q0720: input x: has the shape [3, 7], and a frame has 8 elements") + kAdvice);
    EXPECT_EQ(
        simulate_error({Tensor<float>(Shape{0, 8})}),
        std::string("Q0720: input x: has the shape [0, 8], and a frame has 8 elements") + kAdvice);
}

TEST_F(SimulateTest, AFolderWithoutANetworkIsRefused) {
    fs::remove(folder_ / "rtl" / "files.f");
    EXPECT_EQ(simulate_error({Tensor<float>(Shape{1, 8})}),
              "Q0600: " + folder_.string() +
                  ": does not hold a compiled network (no rtl/files.f); name a folder written by "
                  "qloom compile");
    fs::remove(folder_ / "accelerator.json");
    EXPECT_EQ(simulate_error({Tensor<float>(Shape{1, 8})}),
              "Q0600: " + folder_.string() +
                  ": does not hold a compiled network (no accelerator.json); name a folder written "
                  "by qloom compile");
}

}  // namespace
}  // namespace qloom::sim
