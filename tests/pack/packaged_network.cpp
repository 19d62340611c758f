#include "pack/packaged_network.h"

#include <unistd.h>

#include <atomic>
#include <cmath>
#include <fstream>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "hw/fold.h"
#include "hw/random_network.h"

namespace qloom::testing {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kOddElements = 12;
constexpr std::int64_t kOddOutputs = 5;
constexpr float kQuantScale = 0.25F;

// Stream element k is the model's element kOrder[k].
const std::vector<std::int64_t> kOrder{3, 0, 7, 1, 11, 2, 10, 4, 9, 5, 8, 6};
const std::vector<std::int64_t> kOutputOrder{4, 2, 0, 1, 3};

fs::path fresh_folder() {
    static std::atomic<int> count{0};
    const fs::path folder =
        fs::path(::testing::TempDir()) /
        ("qloom_pack_" + std::to_string(::getpid()) + "_" + std::to_string(++count));
    fs::remove_all(folder);
    return folder;
}

// Random weights whose labels are not all alike.
network::Network bytes_network() {
    for (std::uint32_t seed = 7;; ++seed) {
        NetworkBuilder build(seed);
        const auto x = build.input("x", {16}, {0, 255});
        const auto y = build.threshold(build.dense(x, 8, {-4, 3}), 7);
        network::Network network = build.finish({build.argmax(build.dense(y, 5, {-4, 3}))});
        const Tensor<std::int64_t> labels =
            reference_run(network, random_inputs(network, 23, 5)).front();
        if (std::set<std::int64_t>(labels.values().begin(), labels.values().end()).size() >= 4)
            return network;
    }
}

network::Network odd_network() {
    NetworkBuilder build(8);
    const auto x = build.input("x", {kOddElements}, {-4, 3});
    const auto y = build.threshold(build.dense(x, 8, {-4, 3}), 7);
    return build.finish({build.dense(y, kOddOutputs, {-2, 1})});
}

// x -> Quant -> q
ir::Graph quantiser_head() {
    ir::Graph head;
    const auto tensor = [&](const char* name) {
        ir::TensorInfo info;
        info.name = name;
        info.shape = Shape{1, kOddElements};
        return head.add_tensor(std::move(info));
    };
    const auto x = tensor("x");
    const auto q = tensor("q");
    const auto constant = [&](const char* name, float value) {
        return head.add_constant(name, Tensor<float>({}, std::vector<float>{value}));
    };
    head.add_node({.name = "quantise",
                   .op = ir::Quant{.is_signed = true},
                   .inputs = {x, constant("scale", kQuantScale), constant("zero", 0.0F),
                              constant("bits", 3.0F)},
                   .outputs = {q}});
    head.set_inputs({x});
    head.set_outputs({q});
    return head;
}

// The model's frames and the integers that they become, by the formulas of host_view.h.
void make_frames(Kind kind, std::int64_t frames, PackagedNetwork& made,
                 Tensor<std::int64_t>& integers) {
    const network::Stream& in = made.network.stream(made.network.inputs.front());
    integers = random_inputs(made.network, frames, 5).front().reshaped({frames, in.elements()});
    made.model_inputs = Tensor<float>({frames, in.elements()});
    std::mt19937 random(9);
    for (std::int64_t i = 0; i < integers.size(); ++i) {
        if (kind == Kind::kBytes) {
            made.model_inputs[i] = static_cast<float>(integers[i]);
            continue;
        }
        // Real numbers, some beyond the range and some on ties, and what the quantiser makes of
        // them.
        const std::int64_t k = i % kOddElements;
        const std::int64_t from = kOrder[static_cast<std::size_t>(k)];
        const float x =
            static_cast<float>(std::uniform_int_distribution<int>(-50, 50)(random)) * 0.025F;
        made.model_inputs[i - k + from] = x;
        const float level = std::nearbyint(x / kQuantScale);
        integers[i] = static_cast<std::int64_t>(std::min(3.0F, std::max(-4.0F, level)));
    }
}

void make_outputs(Kind kind, const Tensor<std::int64_t>& results, PackagedNetwork& made) {
    const std::int64_t frames = results.dim(0);
    const std::int64_t width = results.size() / frames;
    made.model_outputs = Tensor<float>({frames, width});
    for (std::int64_t i = 0; i < results.size(); ++i) {
        const std::int64_t k = i % width;
        if (kind == Kind::kBytes) {
            made.model_outputs[i] = static_cast<float>(results[i]);
            continue;
        }
        const lower::OutputBinding& out = made.lowered.outputs.front();
        const double real =
            out.terms.front().scale[static_cast<std::size_t>(k)] * static_cast<double>(results[i]) +
            out.bias[static_cast<std::size_t>(k)];
        made.model_outputs[i - k + kOutputOrder[static_cast<std::size_t>(k)]] =
            static_cast<float>(real);
    }
}

void write(const fs::path& folder, const std::vector<emit::TextFile>& files) {
    for (const emit::TextFile& file : files) {
        fs::create_directories((folder / file.path).parent_path());
        std::ofstream(folder / file.path, std::ios::binary) << file.text;
    }
}

}  // namespace

PackagedNetwork packaged_network(Kind kind, const std::string& board, std::int64_t frames) {
    PackagedNetwork made;
    made.network = kind == Kind::kBytes ? bytes_network() : odd_network();
    const network::StreamId in = made.network.inputs.front();
    const network::StreamId out = made.network.outputs.front();
    made.lowered.network = made.network;
    lower::InputBinding input;
    input.tensor = "x";
    input.stream = in;
    lower::OutputBinding output;
    output.tensor = "y";
    output.terms = {{out, {1.0}}};
    output.bias = {0.0};
    output.integer = kind == Kind::kBytes;
    hw::FoldOptions fold{.board = hw::find_board(board), .target_ii = 24};
    if (kind == Kind::kBytes) {
        input.model_shape = {1, 16};
        fold.folding = hw::parse_folding_file(R"({"layers": {}, "ports": {"s_axis_0": 8}})", "f");
        output.model_shape = {1};
    } else {
        input.tensor = "q";
        input.scale = kQuantScale;
        input.model_shape = {1, kOddElements};
        input.order = kOrder;
        output.terms.front().scale = {0.5, 0.25, 2.0, 1.0, 0.125};
        output.bias = {0.0, 1.0, -1.0, 0.5, 10.0};
        output.model_shape = {1, kOddOutputs};
        output.order = kOutputOrder;
        made.lowered.head = quantiser_head();
        fold.folding = hw::parse_folding_file(
            R"({"layers": {}, "ports": {"s_axis_0": 6, "m_axis_0": 5}})", "f");
    }
    made.lowered.inputs = {input};
    made.lowered.outputs = {output};
    made.accelerator = hw::fold(made.network, fold);

    Tensor<std::int64_t> integers;
    make_frames(kind, frames, made, integers);
    Shape shape = made.network.stream(in).shape;
    shape.insert(shape.begin(), frames);
    const Tensor<std::int64_t> results =
        reference_run(made.network, {integers.reshaped(shape)}).front();
    make_outputs(kind, results, made);
    made.samples = {.inputs = network::frames_from(integers, made.network.stream(in).range),
                    .outputs = network::frames_from(results, made.network.stream(out).range)};
    for (std::int64_t i = 0; i < frames; ++i) made.samples.labels.push_back(i % 5);

    const std::vector<emit::TextFile> rtl = emit::generate(made.accelerator, made.network);
    pack::PackageOptions options;
    if (kind == Kind::kOdd) {
        options.output.scale = output.terms.front().scale;
        options.output.bias = output.bias;
    }
    made.package = pack::make_package(made.accelerator, made.accelerator.board, made.lowered, rtl,
                                      made.samples, options);
    made.folder = fresh_folder();
    made.folder_guard = {nullptr, [folder = made.folder](void*) { fs::remove_all(folder); }};
    write(made.folder, rtl);
    write(made.folder, made.package.files);
    return made;
}

}  // namespace qloom::testing
