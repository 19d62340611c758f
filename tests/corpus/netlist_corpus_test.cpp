// Networks of the corpus as gates: what Yosys makes of each unit, simulated, against the integer
// engine, bit by bit.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <ostream>

#include "base/process.h"
#include "corpus.h"
#include "emit/emit.h"
#include "hw/fold.h"
#include "ir/tidy.h"
#include "lower/lower.h"
#include "onnx/reader.h"
#include "sim/simulate.h"
#include "synth/netlist_folder.h"
#include "synth/synthesise.h"

namespace qloom::testing {
namespace {

namespace fs = std::filesystem;

// Slow foldings: netlists stay small, and every kind of unit is there.
struct Case {
    std::string name;
    std::int64_t target_ii = 0;
    std::int64_t frames = 2;
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

class NetlistCorpus : public ::testing::TestWithParam<Case> {
protected:
    void SetUp() override {
        if (!tool_exists("yosys")) GTEST_SKIP() << "yosys is not installed";
        if (corpus_entries().empty())
            GTEST_SKIP() << "no corpus of golden vectors at " << QLOOM_CORPUS;
        folder_ = fs::path(::testing::TempDir()) / ("qloom_netlist_" + std::to_string(::getpid()));
    }
    void TearDown() override { fs::remove_all(folder_); }
    fs::path folder_;
};

TEST_P(NetlistCorpus, ComputesTheNetwork) {
    const Case one = GetParam();
    const std::vector<CorpusEntry> entries = corpus_entries();
    const auto entry = std::ranges::find(entries, one.name, &CorpusEntry::name);
    ASSERT_NE(entry, entries.end()) << "the corpus has no " << one.name;
    const std::vector<ir::Value> inputs = golden_inputs(*entry);
    const ir::Graph model = ir::tidy(onnx::read_model(entry->folder / "model.onnx"));
    const lower::Engine engine(lower::lower(
        model, {.input_types = lower::infer_input_types(model, inputs), .argmax = false}));
    const network::Network& network = engine.lowered().network;
    emit::emit(hw::fold(network, {.board = hw::find_board("pynq-z1"), .target_ii = one.target_ii}),
               network, folder_);

    std::vector<network::Frames> integers = engine.to_integers(inputs);
    for (network::Frames& frames : integers) {
        const Tensor<std::int64_t> all = network::integers_of(frames);
        const std::int64_t count = std::min(one.frames, all.dim(0));
        Shape shape = all.shape();
        shape[0] = count;
        Tensor<std::int64_t> first(shape);
        std::copy_n(all.begin(), first.size(), first.begin());
        const auto [lo, hi] = std::ranges::minmax(first.values());
        frames = network::frames_from(first, {lo, hi});
    }
    const std::vector<network::Frames> expected = engine.run_network(integers);
    const fs::path cache = fs::path(QLOOM_BINARY_DIR) / "synth-cache";
    const synth::Synthesis synthesis =
        synth::synthesise(folder_, {.target = synth::Target::kXc7, .cache = cache});
    const sim::SimulateResult result = sim::simulate(
        synth::write_netlist_folder(folder_, synthesis), integers,
        {.idle = 0.2, .back_pressure = 0.2, .cache = fs::path(QLOOM_BINARY_DIR) / "rtl-cache"});
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(network::integers_of(result.outputs[i]).values(),
                  network::integers_of(expected[i]).values());
    }
    const synth::Cost total = synthesis.total();
    std::printf("| %s | %zu | %.0f | %.0f | %g | %d | %lld | %s |\n", one.name.c_str(),
                synthesis.layers.size(), total.luts, total.ffs, total.bram36, total.lut_levels,
                static_cast<long long>(result.frames), HasFailure() ? "differs" : "equal");
}

std::string name_of(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Corpus, NetlistCorpus,
                         ::testing::Values(Case{"mlp_single_layer", 20000},
                                           Case{"misc_bn_first", 20000}),
                         name_of);
// Minutes each: `ctest -C sweep -L slow`.
INSTANTIATE_TEST_SUITE_P(DISABLED_Sweep, NetlistCorpus,
                         ::testing::Values(Case{"mlp_16bit", 20000}, Case{"mlp_final_quant", 20000},
                                           Case{"mlp_binary", 20000}, Case{"mlp_ternary", 20000},
                                           Case{"mlp_bipolar_in_w1a2", 20000},
                                           Case{"mlp_asymmetric", 20000},
                                           Case{"branch_two_inputs", 20000},
                                           Case{"residual_mlp", 20000}, Case{"act_hardtanh", 20000},
                                           Case{"misc_argmax", 20000}, Case{"conv_1x1", 20000},
                                           Case{"pool_max_variants", 20000},
                                           Case{"conv_depthwise_only", 20000}),
                         name_of);

}  // namespace
}  // namespace qloom::testing
