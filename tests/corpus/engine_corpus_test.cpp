#include <gtest/gtest.h>

#include <fmt/ranges.h>

#include <cstdio>

#include "corpus.h"
#include "hw/registry.h"
#include "ir/tidy.h"
#include "lower/lower.h"
#include "onnx/reader.h"

namespace qloom::testing {
namespace {

// What the tool says of a network: all of it hardware, some of it on the host (named), or refused with a diagnostic.
struct Outcome {
    std::string verdict;
    bool refused = false;
    Match match;
};

Outcome run_entry(const CorpusEntry& entry) {
    Outcome outcome;
    try {
        const std::vector<ir::Value> inputs = golden_inputs(entry);
        const ir::Graph model = ir::tidy(onnx::read_model(entry.folder / "model.onnx"));
        const lower::Engine engine(
            lower::lower(model, {.input_types = lower::infer_input_types(model, inputs), .argmax = false}));
        if (const auto missing = hw::missing_hardware(engine.lowered().network)) {
            throw Error(*missing);
        }
        std::vector<std::string> host;
        for (const ir::Graph* graph : {&engine.lowered().head, &engine.lowered().tail}) {
            for (const ir::Node& node : graph->nodes()) {
                host.push_back(ir::op_name(node.op));
            }
        }
        outcome.verdict = host.empty() ? "hardware" : fmt::format("hardware + host ({})", fmt::join(host, ", "));
        outcome.match = compare(engine.run(inputs), golden_outputs(entry));
    } catch (const Error& error) {
        outcome.verdict = error.what();
        outcome.refused = true;
    }
    return outcome;
}

// Networks with quantisers: every one must give its golden output on the integer engine.
TEST(Corpus, IntegerEngineGivesTheGoldenOutputs) {
    const std::vector<CorpusEntry> entries = corpus_entries();
    if (entries.empty()) {
        GTEST_SKIP() << "no corpus of golden vectors at " << QLOOM_CORPUS;
    }
    int matching = 0;
    for (const CorpusEntry& entry : entries) {
        const Outcome outcome = run_entry(entry);
        const bool required = entry.has_quantiser;
        const bool good = !outcome.refused && outcome.match.differing_frames <= entry.near_ties && outcome.match.note.empty();
        std::printf("%-34s %-8s %s%s\n", entry.name.c_str(),
                    outcome.refused ? "refused" : good ? "ok" : "DIFFERS",
                    outcome.refused ? outcome.verdict.c_str()
                                    : fmt::format("{}; {} of {} frames differ (ties {}), largest {:.2g} {}", outcome.verdict,
                                                  outcome.match.differing_frames, outcome.match.frames, entry.near_ties,
                                                  outcome.match.largest, outcome.match.note)
                                          .c_str(),
                    required ? "" : "  (not required)");
        matching += good ? 1 : 0;
        if (required) {
            EXPECT_TRUE(good) << entry.name << ": " << outcome.verdict;
        } else {
            const bool sent_to_quantise = outcome.verdict.find("qloom quantize") != std::string::npos;
            EXPECT_TRUE(good || (outcome.refused && sent_to_quantise)) << entry.name << ": " << outcome.verdict;
        }
    }
    std::printf("%d of %zu entries match on the integer engine\n", matching, entries.size());
}

}  // namespace
}  // namespace qloom::testing
