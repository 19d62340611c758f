// Sliding windows in the stream model: frames follow each other without a gap, with a ring no
// larger than that takes.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "hw/assemble.h"
#include "hw/random_network.h"
#include "hw/registry.h"
#include "hw/stream_model.h"
#include "hw/units/windows.h"

namespace qloom::hw {
namespace {

using network::Network;
using network::StreamId;
using network::WindowAxis;
using qloom::testing::NetworkBuilder;

// A window unit alone between an input and an output of its own width.
Accelerator windows_alone(const Network& network, Folding folding, std::int64_t less_depth = 0) {
    Plan plan;
    plan.foldings = {folding};
    plan.input_elements = {folding.pe};
    plan.output_elements = {folding.pe * folding.simd};
    Accelerator accelerator = assemble(network, plan);
    for (Unit& unit : accelerator.units) {
        for (Parameter& parameter : unit.parameters) {
            if (parameter.name == "Depth")
                parameter.value = std::get<std::int64_t>(parameter.value) - less_depth;
        }
    }
    return accelerator;
}

double steady_ii(const Accelerator& accelerator) {
    const StreamRun run = run_streams(accelerator, {.frames = 40});
    if (run.deadlocked) return 1e9;
    return static_cast<double>(run.frame_ends[39] - run.frame_ends[29]) / 10.0;
}

std::string text_of(const std::vector<WindowAxis>& axes, const Shape& shape) {
    std::string text = shape_text(shape);
    for (const WindowAxis& axis : axes) {
        text += fmt::format("  k{} s{} d{} pad {} {}", axis.kernel, axis.stride, axis.dilation,
                            axis.pad_begin, axis.pad_end);
    }
    return text;
}

struct Case {
    Shape shape;
    std::vector<WindowAxis> axes;
    std::int64_t pe;
};

Case random_case(NetworkBuilder& build) {
    const std::int64_t channels = build.uniform(1, 4);
    Case c{{build.uniform(1, 9)}, {}, 1};
    c.axes.push_back(build.random_axis(c.shape[0]));
    if (build.uniform(0, 3) != 0) {
        c.shape.push_back(build.uniform(1, 9));
        c.axes.push_back(build.random_axis(c.shape[1]));
    }
    c.shape.push_back(channels);
    const auto choices = divisors(channels);
    c.pe = choices[static_cast<std::size_t>(
        build.uniform(0, static_cast<std::int64_t>(choices.size()) - 1))];
    return c;
}

// Whether any window looks into the image along an axis.
bool sees_the_image(const WindowAxis& axis, std::int64_t size) {
    for (std::int64_t o = 0; o < axis.outputs(size); ++o) {
        for (std::int64_t k = 0; k < axis.kernel; ++k) {
            const std::int64_t at = o * axis.stride - axis.pad_begin + k * axis.dilation;
            if (at >= 0 && at < size) return true;
        }
    }
    return false;
}

TEST(Windows, NoGapBetweenRowsAndFrames) {
    for (std::uint32_t seed = 0; seed < 1500; ++seed) {
        NetworkBuilder build(seed);
        const Case c = random_case(build);
        bool sees = true;
        for (std::size_t axis = 0; axis < c.axes.size(); ++axis)
            sees = sees && sees_the_image(c.axes[axis], c.shape[axis]);
        if (!sees) continue;  // such windows wait for no pixel
        const StreamId x = build.input("x", c.shape, {0, 7});
        const Network network = build.finish({build.windows(x, c.axes)});
        const LayerView view{network, network.layers[0]};
        std::vector<Folding> foldings{{c.pe, 1}};
        if (can_be_parallel(view)) foldings.push_back({c.pe, positions_a_beat(view).back()});
        for (const Folding folding : foldings) {
            const Accelerator accelerator = windows_alone(network, folding);
            const Unit& unit = accelerator.units[0];
            ASSERT_EQ(steady_ii(accelerator), static_cast<double>(unit.cycles))
                << "seed " << seed << " pe " << folding.pe << " simd " << folding.simd << "  "
                << text_of(c.axes, c.shape) << " depth " << unit.integer("Depth");
        }
    }
}

WindowAxis window(std::int64_t kernel, std::int64_t stride, std::int64_t dilation,
                  std::int64_t pad) {
    return {kernel, stride, dilation, pad, pad};
}

// The ring of usual windows is larger than it must be by no more than a window: one that is smaller
// by that and a word stalls.
TEST(Windows, TheRingIsNoLargerThanItMustBe) {
    const std::vector<std::pair<std::vector<WindowAxis>, std::int64_t>> cases{
        {{window(3, 1, 1, 1), window(3, 1, 1, 1)}, 69},
        {{window(3, 1, 1, 0), window(3, 1, 1, 0)}, 127},
        {{window(3, 2, 1, 1), window(3, 2, 1, 1)}, 102},
        {{window(2, 2, 1, 0), window(2, 2, 1, 0)}, 69},
        {{window(5, 1, 1, 2), window(5, 1, 1, 2)}, 135},
        {{window(3, 1, 2, 2), window(3, 1, 2, 2)}, 135},
        {{window(1, 2, 1, 0), window(1, 2, 1, 0)}, 4},
        {{window(1, 1, 1, 1), window(1, 1, 1, 1)}, 3},
        {{window(9, 1, 1, 4)}, 11}};
    for (const auto& [axes, depth] : cases) {
        NetworkBuilder build(1);
        Shape shape(axes.size(), 32);
        shape.push_back(1);
        const Network network =
            build.finish({build.windows(build.input("x", shape, {0, 7}), axes)});
        const Accelerator accelerator = windows_alone(network, {1, 1});
        const Unit& unit = accelerator.units[0];
        const std::int64_t positions = axes.back().kernel * axes.front().kernel;
        const auto cycles = static_cast<double>(unit.cycles);
        EXPECT_EQ(unit.integer("Depth"), depth) << text_of(axes, shape);
        EXPECT_EQ(steady_ii(accelerator), cycles) << text_of(axes, shape);
        if (positions == 1) continue;
        const std::int64_t spare = axes.size() == 1 ? axes[0].kernel : positions;
        EXPECT_GT(steady_ii(windows_alone(network, {1, 1}, spare + 1)), cycles)
            << text_of(axes, shape);
    }
}

}  // namespace
}  // namespace qloom::hw
