// Benches of windows and what reduces them: ql_sliding_window, ql_vector_vector, ql_window_reduce,
// with the parameters and memories that hw gives them, against the obvious meaning of the layers.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "hw/random_network.h"
#include "hw/registry.h"
#include "rtl_bench.h"

namespace qloom::rtl_test {
namespace {

using network::Network;
using network::StreamId;
using network::WindowAxis;
using qloom::testing::NetworkBuilder;

WindowAxis axis(std::int64_t kernel, std::int64_t stride, std::int64_t dilation,
                std::int64_t pad_begin, std::int64_t pad_end) {
    return {kernel, stride, dilation, pad_begin, pad_end};
}

// One layer of a network as a module.
struct UnitUnderTest {
    hw::Unit unit;
    MemoryFolder folder;
    sim::VerilatedModel model;

    UnitUnderTest(const Network& network, std::size_t layer, hw::Folding folding,
                  const Parameters& changes = {}, Text text = Text::kSource)
        : unit(instance(network, layer, folding)), model(build(network, layer, changes, text)) {}

private:
    static hw::Unit instance(const Network& network, std::size_t layer, hw::Folding folding) {
        const hw::LayerView view{network, network.layers[layer]};
        return hw::unit_model(view.layer.kind).instance(view, folding, "dut", {});
    }
    sim::VerilatedModel build(const Network& network, std::size_t layer, const Parameters& changes,
                              Text text) {
        const hw::LayerView view{network, network.layers[layer]};
        for (const hw::MemoryImage& image : hw::unit_model(view.layer.kind).memories(view, unit)) {
            std::ofstream(folder.path() / (image.name() + ".mem")) << image.text();
        }
        Parameters parameters;
        for (const hw::Parameter& parameter : unit.parameters) {
            const auto* number = std::get_if<std::int64_t>(&parameter.value);
            std::string value = number != nullptr ? std::to_string(*number)
                                                  : quoted(std::get<std::string>(parameter.value));
            for (const auto& [name, changed] : changes) {
                if (name == parameter.name) value = changed;
            }
            // Netlists have no string parameters.
            if (text != Text::kNetlist || number != nullptr)
                parameters.push_back({parameter.name, value});
        }
        return make_module(std::string(hw::module_name(unit.module)), parameters, folder.path(),
                           text);
    }
};

struct WindowCase {
    std::string name;
    Shape shape;
    std::vector<WindowAxis> axes;
    std::int64_t pe;
    Range range;
    std::int64_t pad_value = 0;
    bool by_groups = false;
    std::int64_t depth = 0;  // other than the computed one
    bool in_parallel = false;
    Text text = Text::kSource;
};

// The windows as the network sends them, or all positions of a group of channels after the other.
Numbers slow_windows(const Numbers& windows, std::int64_t positions, std::int64_t channels,
                     std::int64_t pe) {
    Numbers result;
    const std::int64_t size = positions * channels;
    for (std::int64_t w = 0; w < static_cast<std::int64_t>(windows.size()) / size; ++w) {
        for (std::int64_t group = 0; group < channels / pe; ++group) {
            for (std::int64_t k = 0; k < positions; ++k) {
                for (std::int64_t c = 0; c < pe; ++c) {
                    result.push_back(windows[static_cast<std::size_t>(w * size + k * channels +
                                                                      group * pe + c)]);
                }
            }
        }
    }
    return result;
}

// Positions before the first one inside the image, in the order in which they leave.
std::int64_t leading_padding(const WindowCase& c, std::int64_t groups) {
    const bool flat = c.axes.size() == 1;
    const WindowAxis rows = flat ? WindowAxis{} : c.axes[0];
    const WindowAxis columns = c.axes.back();
    const std::int64_t height = flat ? 1 : c.shape[0];
    const std::int64_t width = c.shape[flat ? 0 : 1];
    std::int64_t count = 0;
    for (std::int64_t oy = 0; oy < rows.outputs(height); ++oy) {
        for (std::int64_t ox = 0; ox < columns.outputs(width); ++ox) {
            for (std::int64_t ky = 0; ky < rows.kernel; ++ky) {
                for (std::int64_t kx = 0; kx < columns.kernel; ++kx) {
                    const std::int64_t y = oy * rows.stride - rows.pad_begin + ky * rows.dilation;
                    const std::int64_t x =
                        ox * columns.stride - columns.pad_begin + kx * columns.dilation;
                    if (y >= 0 && y < height && x >= 0 && x < width) return count;
                    count += c.by_groups ? 1 : groups;
                }
            }
            // A whole window of padding: its other groups too.
            if (c.by_groups) count += (groups - 1) * rows.kernel * columns.kernel;
        }
    }
    return count;
}

void check_windows(const WindowCase& c, std::int64_t frames) {
    SCOPED_TRACE(c.name);
    NetworkBuilder build(3);
    const StreamId x = build.input("x", c.shape, c.range);
    const StreamId windows = build.windows(x, c.axes, c.pad_value);
    const std::int64_t positions = network::SlidingWindow{.axes = c.axes}.positions();
    const Network network =
        build.finish({c.by_groups ? build.window_max(windows, positions) : windows});
    const Parameters changes =
        c.depth == 0 ? Parameters{} : Parameters{{"Depth", std::to_string(c.depth)}};
    const hw::Folding folding{c.pe, c.in_parallel ? positions : 1};
    UnitUnderTest dut(network, 0, folding, changes, c.text);
    const bool by_groups = c.by_groups || c.in_parallel;
    if (!c.in_parallel) {
        ASSERT_EQ(dut.unit.integer("Depthwise"), by_groups ? 1 : 0);
    }

    Network alone = network;
    alone.outputs = {windows};
    const auto inputs = qloom::testing::random_inputs(alone, frames, 11);
    const auto result = qloom::testing::reference_run(alone, inputs)[0];
    Numbers expected(result.begin(), result.end());
    const std::int64_t channels = c.shape.back();
    if (by_groups) expected = slow_windows(expected, positions, channels, c.pe);

    const auto& type = network.stream(windows).type;
    const auto pe = static_cast<int>(c.pe);
    const Numbers in(inputs[0].begin(), inputs[0].end());
    const auto out_elements = static_cast<int>(folding.pe * folding.simd);
    const std::size_t beats = expected.size() / static_cast<std::size_t>(out_elements);
    // Beats of the next frame that need no pixel of it.
    const auto leading =
        static_cast<std::size_t>(c.in_parallel ? 0 : leading_padding(c, channels / c.pe));
    for (const Traffic& traffic : kAllTraffic) {
        sim::StreamHarness harness(dut.model);
        const std::vector<std::uint32_t> words = pack(in, pe, type.bits);
        const sim::Source source{
            .stream = {"s_axis"}, .words = words, .idle_percent = traffic.idle_percent};
        const sim::Sink sink{
            .stream = {"m_axis"}, .beats = beats, .stall_percent = traffic.stall_percent};
        const sim::RunRecord record =
            harness.run({&source, 1}, {&sink, 1}, {.seed = 5, .drain_cycles = 100});
        EXPECT_EQ(record.sinks[0].surplus, leading) << traffic.name;
        EXPECT_EQ(unpack(record.sinks[0].words, out_elements, type.bits, type.is_signed), expected)
            << traffic.name;
        if (traffic.name != kFullSpeed.name || c.depth != 0) continue;
        // Frame after frame without a gap.
        const std::size_t frame_beats = beats / static_cast<std::size_t>(frames);
        const auto& out = record.sinks[0].cycles;
        for (std::int64_t frame = frames - 3; frame < frames; ++frame) {
            const std::size_t last = frame_beats * static_cast<std::size_t>(frame + 1) - 1;
            EXPECT_EQ(out[last] - out[last - frame_beats],
                      static_cast<std::uint64_t>(dut.unit.cycles))
                << "frame " << frame;
        }
    }
}

const std::vector<WindowCase>& window_cases() {
    static const std::vector<WindowCase> all{
        {"3x3 same", {5, 6, 4}, {axis(3, 1, 1, 1, 1), axis(3, 1, 1, 1, 1)}, 2, {0, 15}},
        {"3x3 valid, one channel",
         {6, 5, 1},
         {axis(3, 1, 1, 0, 0), axis(3, 1, 1, 0, 0)},
         1,
         {0, 1}},
        {"2x2 pool by groups",
         {6, 6, 4},
         {axis(2, 2, 1, 0, 0), axis(2, 2, 1, 0, 0)},
         1,
         {-8, 7},
         0,
         true},
        {"3x2 uneven", {7, 5, 3}, {axis(3, 2, 1, 1, 0), axis(2, 1, 2, 0, 2)}, 3, {-4, 3}, -2},
        {"1x1 stride", {5, 5, 2}, {axis(1, 2, 1, 0, 0), axis(1, 2, 1, 0, 0)}, 1, {0, 255}},
        {"padding alone", {3, 3, 2}, {axis(1, 1, 1, 2, 1), axis(1, 1, 1, 1, 3)}, 2, {0, 7}, 5},
        {"whole image", {4, 4, 2}, {axis(4, 1, 1, 0, 0), axis(4, 1, 1, 0, 0)}, 1, {0, 3}, 0, true},
        {"one-dimensional", {12, 2}, {axis(4, 3, 1, 2, 1)}, 1, {-128, 127}, 0},
        {"dilated by groups",
         {7, 7, 4},
         {axis(3, 1, 2, 2, 2), axis(3, 1, 2, 2, 2)},
         2,
         {0, 7},
         3,
         true},
        {"padding value of another sign",
         {4, 4, 1},
         {axis(2, 1, 1, 1, 1), axis(2, 1, 1, 1, 1)},
         1,
         {0, 7},
         -3},
        {"a ring of a power of two",
         {5, 6, 4},
         {axis(3, 1, 1, 1, 1), axis(3, 1, 1, 1, 1)},
         2,
         {0, 15},
         0,
         false,
         64},
        {"the smallest ring",
         {6, 6, 2},
         {axis(3, 1, 1, 0, 0), axis(3, 1, 1, 0, 0)},
         2,
         {0, 15},
         0,
         false,
         15},
    };
    return all;
}

TEST(SlidingWindow, EveryWindowInOrderWithoutAGap) {
    for (const WindowCase& c : window_cases()) check_windows(c, 8);
}

TEST(ParallelWindow, EveryWindowAtOnceWithoutAGap) {
    for (WindowCase c : window_cases()) {
        if (c.name == "padding alone" || c.name == "1x1 stride") continue;
        c.in_parallel = true;
        c.depth = 0;
        check_windows(c, 8);
    }
    check_windows({"netlist",
                   {5, 4, 2},
                   {axis(3, 2, 1, 1, 1), axis(3, 1, 1, 1, 1)},
                   1,
                   {0, 3},
                   1,
                   false,
                   0,
                   true,
                   Text::kNetlist},
                  6);
    check_windows({"a ring of no power of two",
                   {5, 6, 2},
                   {axis(3, 1, 1, 1, 1), axis(3, 1, 1, 1, 1)},
                   2,
                   {0, 3},
                   0,
                   false,
                   21,
                   true},
                  6);
}

TEST(SlidingWindow, NetlistDoesTheSame) {
    check_windows({"netlist",
                   {5, 4, 2},
                   {axis(3, 2, 1, 1, 1), axis(3, 1, 1, 1, 1)},
                   1,
                   {0, 3},
                   1,
                   false,
                   0,
                   false,
                   Text::kNetlist},
                  6);
}

TEST(SlidingWindow, DISABLED_SweepRandomGeometry) {
    for (std::uint32_t seed = 0; seed < 60; ++seed) {
        NetworkBuilder build(seed);
        const std::int64_t channels = build.uniform(1, 2) * build.uniform(1, 2);
        WindowCase c{fmt::format("seed {}", seed),
                     {build.uniform(2, 7), build.uniform(2, 7), channels},
                     {},
                     1,
                     {0, 7},
                     build.uniform(0, 7)};
        c.axes = {build.random_axis(c.shape[0]), build.random_axis(c.shape[1])};
        c.by_groups = build.uniform(0, 1) == 1;
        c.pe = build.uniform(0, 1) == 0 ? 1 : channels;
        check_windows(c, 6);
        c.in_parallel = build.uniform(0, 1) == 1;
        if (c.in_parallel && std::ranges::all_of(c.axes, [](const WindowAxis& a) {
                return a.pad_begin <= (a.kernel - 1) * a.dilation;
            }))
            check_windows(c, 6);
        if (::testing::Test::HasFailure()) break;
    }
}

// What reads windows by itself: `layer` 0 of a network whose input has windows of all channels.
void check_reduction(const Network& network, hw::Folding folding, bool is_structural = false) {
    UnitUnderTest dut(network, 0, folding, {}, is_structural ? Text::kStructural : Text::kSource);
    const std::int64_t frames = 7;
    const auto inputs = qloom::testing::random_inputs(network, frames, 13);
    const auto result = qloom::testing::reference_run(network, inputs)[0];
    const Numbers expected(result.begin(), result.end());
    const Numbers in(inputs[0].begin(), inputs[0].end());
    const hw::LayerView view{network, network.layers[0]};
    const hw::UnitModel& model = hw::unit_model(view.layer.kind);
    const auto in_elements = static_cast<int>(model.input_elements(view, folding, 0));
    const auto out_elements = static_cast<int>(model.output_elements(view, folding, 0));
    const IntType in_type = view.input().type;
    const IntType out_type = view.output().type;
    for (const Traffic& traffic : kAllTraffic) {
        const sim::RunRecord record =
            pass_through(dut.model, pack(in, in_elements, in_type.bits),
                         expected.size() / static_cast<std::size_t>(out_elements), traffic, 7);
        EXPECT_EQ(unpack(record.sinks[0].words, out_elements, out_type.bits, out_type.is_signed),
                  expected)
            << traffic.name << " " << dut.unit.shape;
        if (traffic.name != kFullSpeed.name) continue;
        const auto& cycles = record.sources[0].cycles;
        EXPECT_EQ(cycles.back() - cycles.front() + 1, cycles.size()) << "a beat each clock";
        EXPECT_EQ(static_cast<std::int64_t>(cycles.size()), dut.unit.cycles * frames);
        const std::int64_t levels = clog2(folding.simd);
        const bool is_product = dut.unit.module == hw::Module::kVectorVector;
        const std::int64_t latency =
            2 + (is_product
                     ? dot_latency(static_cast<int>(folding.simd), in_type.bits, in_type.is_signed,
                                   static_cast<int>(dut.unit.integer("WeightW")), false)
                     : levels);
        EXPECT_EQ(static_cast<std::int64_t>(record.sinks[0].cycles.back() - cycles.back()),
                  latency);
    }
}

TEST(VectorVector, EveryChannelWithItsKernel) {
    struct Case {
        Range in;
        Range weights;
        std::int64_t positions;
        std::int64_t channels;
        std::int64_t multiplier;
        std::int64_t simd;
    };
    for (const Case& c : std::vector<Case>{{{0, 15}, {-7, 7}, 9, 3, 1, 1},
                                           {{-8, 7}, {-1, 1}, 4, 2, 2, 2},
                                           {{0, 3}, {-128, 127}, 9, 2, 3, 9},
                                           {{-128, 127}, {-2, 1}, 6, 1, 1, 3},
                                           {{0, 1}, {-4, 3}, 1, 5, 1, 1}}) {
        NetworkBuilder build(9);
        const auto x = build.input("x", {4, c.positions * c.channels}, c.in);
        const auto y = build.depthwise(x, c.positions, c.multiplier, c.weights);
        check_reduction(build.finish({y}), {c.channels * c.multiplier, c.simd});
    }
    NetworkBuilder build(10);
    const auto x = build.input("x", {5, 12}, {0, 7});
    check_reduction(build.finish({build.depthwise_bipolar(x, 4)}), {3, 2}, true);
}

TEST(WindowReduce, LargestAndSum) {
    for (const Range range : {Range{0, 15}, Range{-8, 7}, Range{0, 1}}) {
        for (const auto& [positions, simd] :
             std::vector<std::pair<std::int64_t, std::int64_t>>{{9, 1}, {9, 3}, {6, 6}, {1, 1}}) {
            NetworkBuilder build(9);
            const auto x = build.input("x", {5, positions * 3}, range);
            check_reduction(build.finish({build.window_max(x, positions)}), {3, simd});
            NetworkBuilder other(9);
            const auto z = other.input("x", {5, positions * 3}, range);
            check_reduction(other.finish({other.window_sum(z, positions)}), {3, simd});
        }
    }
}

}  // namespace
}  // namespace qloom::rtl_test
