// Networks of the corpus as hardware: RTL against the integer engine, bit by bit, cycles against the stream model.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <ostream>

#include "corpus.h"
#include "emit/emit.h"
#include "hw/fold.h"
#include "ir/tidy.h"
#include "lower/lower.h"
#include "onnx/reader.h"
#include "sim/simulate.h"

namespace qloom::testing {
namespace {

namespace fs = std::filesystem;

class HardwareCorpus : public ::testing::Test {
protected:
    void SetUp() override {
        entries_ = corpus_entries();
        if (entries_.empty()) GTEST_SKIP() << "no corpus of golden vectors at " << QLOOM_CORPUS;
        folder_ = fs::path(::testing::TempDir()) / ("qloom_corpus_" + std::to_string(::getpid()));
    }
    void TearDown() override { fs::remove_all(folder_); }

    // A line for people; the checks are expectations.
    // `fold_layers` may choose the folding of the network's layers.
    void check(const std::string& name, std::int64_t target_ii,
               const std::function<std::string(const network::Network&)>& fold_layers = {}) {
        SCOPED_TRACE(name);
        const auto entry = std::ranges::find(entries_, name, &CorpusEntry::name);
        ASSERT_NE(entry, entries_.end()) << "the corpus has no " << name;
        const std::vector<ir::Value> inputs = golden_inputs(*entry);
        const ir::Graph model = ir::tidy(onnx::read_model(entry->folder / "model.onnx"));
        const lower::Engine engine(
            lower::lower(model, {.input_types = lower::infer_input_types(model, inputs), .argmax = false}));
        const network::Network& network = engine.lowered().network;
        const auto start = std::chrono::steady_clock::now();
        hw::FoldOptions fold_options{.board = hw::find_board("pynq-z1"), .target_ii = target_ii};
        if (fold_layers) fold_options.folding = hw::parse_folding_file(fold_layers(network), "test");
        const hw::Accelerator accelerator = hw::fold(network, fold_options);
        const std::chrono::duration<double> folded = std::chrono::steady_clock::now() - start;
        emit::emit(accelerator, network, folder_);

        const std::vector<network::Frames> integers = engine.to_integers(inputs);
        const std::vector<network::Frames> expected = engine.run_network(integers);
        sim::SimulateOptions options{.cache = QLOOM_BINARY_DIR "/rtl-cache"};
        const sim::SimulateResult fast = sim::simulate(folder_, integers, options);
        options.idle = 0.2;
        options.back_pressure = 0.4;
        const sim::SimulateResult slow = sim::simulate(folder_, integers, options);
        for (std::size_t i = 0; i < expected.size(); ++i) {
            const auto want = network::integers_of(expected[i]).values();
            EXPECT_EQ(network::integers_of(fast.outputs[i]).values(), want);
            EXPECT_EQ(network::integers_of(slow.outputs[i]).values(), want) << "with idle and back-pressure";
        }
        EXPECT_EQ(fast.ii_cycles, accelerator.ii_cycles);
        EXPECT_LE(fast.ii_cycles, target_ii);
        EXPECT_EQ(fast.latency_cycles, accelerator.latency_cycles);
        std::printf("%-34s %s  II %lld  latency %lld  %lld frames  fold %.1f s  build %.1f s  %.0f LUTs  %.1f BRAM36\n", name.c_str(),
                    HasFailure() ? "DIFFERS" : "ok", static_cast<long long>(fast.ii_cycles),
                    static_cast<long long>(fast.latency_cycles), static_cast<long long>(fast.frames), folded.count(),
                    fast.build_seconds, accelerator.total().luts, accelerator.total().bram36);
    }

    std::vector<CorpusEntry> entries_;
    fs::path folder_;
};

// Models of these take minutes to compile: `ctest -C sweep -L slow`.
bool is_large(const CorpusEntry& entry) {
    return entry.name.ends_with("_full") || entry.name.find("unet") != std::string::npos ||
           entry.name.find("cnv_") != std::string::npos || entry.name.find("espcn") != std::string::npos;
}

std::vector<CorpusEntry> quantised_entries(bool large) {
    std::vector<CorpusEntry> entries = corpus_entries();
    std::erase_if(entries, [&](const CorpusEntry& entry) { return !entry.has_quantiser || is_large(entry) != large; });
    return entries;
}

// Convolutions run over many pixels and get more cycles, so that the hardware stays small.
std::int64_t target_of(const CorpusEntry& entry) { return entry.has_convolution ? 20000 : 1600; }

void PrintTo(const CorpusEntry& entry, std::ostream* out) { *out << entry.name; }

class HardwareEntry : public HardwareCorpus, public ::testing::WithParamInterface<CorpusEntry> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(HardwareEntry);

TEST_P(HardwareEntry, IsBitExact) { check(GetParam().name, target_of(GetParam())); }

std::string name_of(const ::testing::TestParamInfo<CorpusEntry>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Corpus, HardwareEntry, ::testing::ValuesIn(quantised_entries(false)), name_of);
INSTANTIATE_TEST_SUITE_P(DISABLED_SweepLarge, HardwareEntry, ::testing::ValuesIn(quantised_entries(true)), name_of);

TEST_F(HardwareCorpus, HasAtLeastSixtyEntries) { EXPECT_GE(quantised_entries(false).size(), 60U); }

// The folding that FINN's examples publish for this network; 32,768 cycles a frame by their formula.
TEST_F(HardwareCorpus, DISABLED_SweepCnvAtThePublishedFolding) {
    const auto published = [](const network::Network& network) {
        const std::vector<std::pair<int, int>> foldings{{16, 3}, {32, 32}, {16, 32}, {16, 32}, {4, 32},
                                                        {1, 32}, {1, 4},   {1, 8},   {5, 1}};
        std::string text;
        std::size_t next = 0;
        for (const network::Layer& layer : network.layers) {
            if (!std::holds_alternative<network::MatrixVector>(layer.kind)) continue;
            const auto [pe, simd] = foldings.at(next++);
            text += fmt::format("{}\"{}\": {{\"pe\": {}, \"simd\": {}}}", next > 1 ? ", " : "", layer.name, pe, simd);
        }
        EXPECT_EQ(next, foldings.size());
        return "{\"layers\": {" + text + "}}";
    };
    check("cnv_1w1a_full", 32768, published);
}

}  // namespace
}  // namespace qloom::testing
