// Accelerators of images without windows: what moves, joins, repeats and reduces pixels.

#include "accelerator_fixture.h"

namespace qloom::sim {
namespace {

using network::Reduction;
using qloom::testing::NetworkBuilder;

class PixelAccelerator : public AcceleratorTest {};

TEST_F(PixelAccelerator, ElementwiseLayersWorkOnPixels) {
    NetworkBuilder build(31);
    const auto x = build.input("x", {3, 4, 6}, {0, 15});
    const auto act = build.threshold(x, 5, {.bias = -2, .falling = true});
    const auto table = build.lookup(x, {-5, 7});
    const auto scaled = build.requantize(build.affine(x), 4, {-16, 15});
    const auto sum = build.add({act, table, scaled}, {1, -2, 3});
    check(build.finish({build.threshold(sum, 7)}), at(36), 8);
}

TEST_F(PixelAccelerator, PartsOfPixelsAreJoinedAndCut) {
    NetworkBuilder build(32);
    const auto x = build.input("x", {4, 3, 6}, {0, 15});
    const auto parts = build.split(x, {2, 4});
    const auto joined = build.concat({parts[1], build.threshold(x, 15), parts[0]});
    const auto halves = build.split(joined, {6, 6});
    check(build.finish({build.add({halves[0], halves[1]}, {1, 1})}), at(72), 8);
}

// The gate is known when the whole frame has passed: the other branch holds a frame meanwhile.
TEST_F(PixelAccelerator, SqueezeAndExcitation) {
    NetworkBuilder build(33);
    const auto x = build.threshold(build.input("x", {5, 4, 6}, {0, 15}), 7);
    auto gate = build.threshold(build.global_reduce(x, Reduction::kSum), 7);
    gate = build.threshold(build.dense(gate, 3, {-2, 2}), 3);
    gate = build.threshold(build.dense(gate, 6, {-2, 2}), 3);
    const network::Network network = build.finish({build.threshold(build.multiply(x, gate), 7)});
    check(network, at(120), 8);
    std::int64_t room = 0;
    for (const hw::Unit& unit : hw::fold(network, at(120)).units) {
        if (unit.module == hw::Module::kFifo) room += unit.integer("Depth") * unit.integer("DataW");
    }
    EXPECT_GE(room, 5 * 4 * 6 * 3);
}

// A FIFO one beat too small loses throughput in RTL too, as much as the stream model says.
TEST_F(PixelAccelerator, AFifoOneBeatTooSmallIsSlower) {
    NetworkBuilder build(42);
    const std::vector<network::WindowAxis> same(2, {.kernel = 3, .pad_begin = 1, .pad_end = 1});
    const auto x = build.threshold(build.input("x", {5, 6, 4}, {0, 15}), 3);
    auto y = build.threshold(build.dense(build.windows(x, same, 0), 4, {-1, 1}), 3);
    y = build.dense(build.windows(y, same, 0), 4, {-1, 1});
    const network::Network network = build.finish({build.threshold(build.add({y, x}, {1, 2}), 3)});
    const hw::Accelerator accelerator = hw::fold(network, at(480));
    check(network, at(480), 20);
    int slower = 0;
    for (const hw::Unit& unit : accelerator.units) {
        if (unit.module != hw::Module::kFifo || unit.integer("Depth") == 2) continue;
        hw::FoldOptions planted = at(480, hw::folding_file_text(accelerator));
        planted.folding->fifo_depths->at(unit.name) = unit.integer("Depth") - 1;
        try {
            if (hw::fold(network, planted).ii_cycles <= accelerator.ii_cycles) continue;
        } catch (const Error&) {
            continue;  // it would stop for good
        }
        ++slower;
        check(network, planted, 60);
    }
    EXPECT_GT(slower, 0);
}

TEST_F(PixelAccelerator, AGateWithoutPixelAxes) {
    NetworkBuilder build(34);
    const auto x = build.input("x", {3, 3, 4}, {-4, 3});
    const auto gate = build.input("gate", {4}, {0, 3});
    check(build.finish({build.multiply(x, gate)}), at(18), 8);
}

TEST_F(PixelAccelerator, MaximaAndSumsOfAFrame) {
    NetworkBuilder build(35);
    const auto x = build.input("x", {4, 5, 6}, {-8, 7});
    check(build.finish({build.global_reduce(x, Reduction::kMax),
                        build.dense(build.global_reduce(x, Reduction::kSum), 3, {-2, 2})}),
          at(60), 8);
}

TEST_F(PixelAccelerator, UpSamplingAlongBothAxes) {
    NetworkBuilder build(36);
    const auto x = build.input("x", {3, 4, 4}, {0, 7});
    const auto y = build.upsample(x, {2, 3});
    check(build.finish({build.threshold(y, 3)}), at(3 * 2 * 4 * 3 * 2), 8);
}

TEST_F(PixelAccelerator, UpSamplingAlongOneAxis) {
    NetworkBuilder build(37);
    const auto x = build.input("x", {7, 6}, {-2, 1});
    const auto rows = build.input("rows", {3, 2, 4}, {0, 3});
    check(build.finish({build.upsample(x, {3}), build.upsample(rows, {2, 1})}), at(7 * 3 * 2), 8);
}

TEST_F(PixelAccelerator, InsertedPixelsWidenTheType) {
    NetworkBuilder build(38);
    const auto x = build.input("x", {3, 4, 2}, {0, 7});
    const auto line = build.input("line", {5, 3}, {0, 7});
    check(build.finish({build.insert_pixels(x, {2, 3}, -3), build.insert_pixels(line, {2}, 0)}),
          at(5 * 10 * 2), 8);
}

TEST_F(PixelAccelerator, DepthToSpaceAndBackIntoChannels) {
    NetworkBuilder build(39);
    const auto x = build.input("x", {3, 2, 12}, {-8, 7});
    const auto y = build.depth_to_space(build.threshold(x, 7), 2);
    check(build.finish({build.threshold(build.dense(y, 4, {-2, 2}), 3)}), at(96), 8);
}

TEST_F(PixelAccelerator, PermutedChannelsAtEveryParallelism) {
    for (const char* folding :
         {R"({"layers": {"permute1": {"pe": 1}}})", R"({"layers": {"permute1": {"pe": 3}}})",
          R"({"layers": {"permute1": {"pe": 6}}})"}) {
        NetworkBuilder build(40);
        const auto x = build.input("x", {3, 3, 6}, {0, 15});
        check(build.finish({build.permute(x)}), at(54, folding), 6);
    }
}

}  // namespace
}  // namespace qloom::sim
