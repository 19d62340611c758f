#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "emit/emit.h"
#include "hw/fold.h"
#include "hw/random_network.h"
#include "network/execute.h"
#include "sim/simulate.h"

namespace qloom::sim {

// Whole accelerators in RTL against the obvious meaning of their networks: bit by bit, and cycle by
// cycle against the stream model.
class AcceleratorTest : public ::testing::Test {
protected:
    void SetUp() override {
        folder_ = std::filesystem::path(::testing::TempDir()) /
                  ("qloom_accelerator_" + std::to_string(::getpid()) + "_" +
                   ::testing::UnitTest::GetInstance()->current_test_info()->name());
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    // Folds, emits and simulates; compares values in two kinds of traffic, and cycles at full
    // speed.
    void check(const network::Network& network, const hw::FoldOptions& options,
               std::int64_t frames = 24) {
        const hw::Accelerator accelerator = hw::fold(network, options);
        emit::emit(accelerator, network, folder_);
        const auto inputs = qloom::testing::random_inputs(network, frames, 17);
        const auto expected = qloom::testing::reference_run(network, inputs);
        std::vector<network::Frames> packed;
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            packed.push_back(
                network::frames_from(inputs[i], network.stream(network.inputs[i]).range));
        }

        SimulateOptions run{.checks = true, .cache = QLOOM_BINARY_DIR "/rtl-cache"};
        const SimulateResult fast = simulate(folder_, packed, run);
        compare(network, fast, expected, "full speed");
        EXPECT_EQ(fast.ii_cycles, accelerator.ii_cycles);
        if (!options.folding) {
            EXPECT_LE(fast.ii_cycles, *options.target_ii);
        }
        EXPECT_EQ(fast.latency_cycles, accelerator.latency_cycles);

        run.idle = 0.3;
        run.back_pressure = 0.4;
        run.seed = 5;
        compare(network, simulate(folder_, packed, run), expected, "idle and back-pressure");
    }

    static void compare(const network::Network& network, const SimulateResult& result,
                        const std::vector<Tensor<std::int64_t>>& expected, const char* traffic) {
        ASSERT_EQ(result.outputs.size(), expected.size());
        for (std::size_t i = 0; i < expected.size(); ++i) {
            ASSERT_EQ(network::integers_of(result.outputs[i]).values(), expected[i].values())
                << traffic << ", output " << network.stream(network.outputs[i]).name;
        }
    }

    static hw::FoldOptions at(std::int64_t target_ii, const std::string& folding = "") {
        hw::FoldOptions options{.board = hw::find_board("pynq-z1"), .target_ii = target_ii};
        if (!folding.empty()) options.folding = hw::parse_folding_file(folding, "test");
        return options;
    }

    std::filesystem::path folder_;
};

}  // namespace qloom::sim
