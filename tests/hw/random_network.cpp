#include "hw/random_network.h"

#include <algorithm>

namespace qloom::testing {

using namespace network;  // NOLINT: the kinds of layers are all that this file is about

RandomDesign random_design(std::uint32_t seed) {
    NetworkBuilder build(seed);
    const auto dimension = [&] { return build.uniform(1, 3) * build.uniform(1, 6); };
    std::vector<StreamId> streams;
    const std::int64_t inputs = build.uniform(1, 2);
    std::int64_t width = dimension();
    for (std::int64_t i = 0; i < inputs; ++i) {
        const std::int64_t bits = build.uniform(1, 8);
        const bool is_signed = bits > 1 && build.uniform(0, 1) == 1;
        const std::int64_t count = std::int64_t{1} << bits;
        streams.push_back(
            build.input("x" + std::to_string(i), {width},
                        is_signed ? Range{-count / 2, count / 2 - 1} : Range{0, count - 1}));
    }
    // Everything in `streams` is `width` wide; each step makes a new stream from old ones.
    const auto pick = [&] {
        return streams[static_cast<std::size_t>(
            build.uniform(0, static_cast<std::int64_t>(streams.size()) - 1))];
    };
    const std::int64_t steps = build.uniform(2, 5);
    for (std::int64_t step = 0; step < steps; ++step) {
        const auto narrow = [&](StreamId x) {
            return build.threshold(x, build.uniform(1, 17),
                                   {.bias = build.uniform(-8, 2),
                                    .shared = build.uniform(0, 3) == 0,
                                    .falling = build.uniform(0, 1) == 1});
        };
        switch (build.uniform(0, 6)) {
            case 0:
            case 1: {
                const std::int64_t bits = build.uniform(2, 6);
                const std::int64_t top = std::int64_t{1} << (bits - 1);
                streams.push_back(narrow(build.dense(pick(), width, {-top, top - 1})));
                break;
            }
            case 2:
                streams.push_back(narrow(build.dense_bipolar(pick(), width)));
                break;
            case 3:
                streams.push_back(narrow(
                    build.add({pick(), pick()}, {build.uniform(-3, 3), build.uniform(1, 3)})));
                break;
            case 4:
                streams.push_back(build.requantize(pick(), 5, {-20, 30}, build.uniform(0, 1) == 1));
                break;
            case 5: {
                const auto joined = build.concat({pick(), pick()});
                const auto parts = build.split(joined, {width, width});
                streams.push_back(parts[static_cast<std::size_t>(build.uniform(0, 1))]);
                break;
            }
            case 6: {
                const std::int64_t wider = dimension();
                const auto hidden = narrow(build.dense(pick(), wider, {-2, 1}));
                streams = {narrow(build.dense(hidden, width, {-2, 1})),
                           narrow(build.dense(hidden, width, {-1, 1}))};
                break;
            }
        }
    }
    std::vector<StreamId> outputs{streams.back()};
    if (build.uniform(0, 2) == 0) outputs.push_back(build.argmax(pick()));
    return {.network = build.finish(outputs),
            .target_ii = 1 + build.uniform(1, 4) * build.uniform(1, 40)};
}

RandomDesign random_convolutions(std::uint32_t seed) {
    NetworkBuilder build(seed);
    const bool flat = build.uniform(0, 3) == 0;
    Shape shape{build.uniform(3, 8)};
    if (!flat) shape.push_back(build.uniform(3, 8));
    shape.push_back(build.uniform(1, 2) * build.uniform(1, 3));
    StreamId x = build.input("x", shape, {0, (std::int64_t{1} << build.uniform(1, 8)) - 1});
    std::int64_t largest = element_count(shape);
    const std::int64_t layers = build.uniform(1, 3);
    for (std::int64_t layer = 0; layer < layers; ++layer) {
        std::vector<WindowAxis> axes;
        std::int64_t positions = 1;
        std::int64_t windows = 1;
        for (std::size_t axis = 0; axis + 1 < shape.size(); ++axis) {
            axes.push_back(build.random_axis(shape[axis]));
            positions *= axes.back().kernel;
            shape[axis] = axes.back().outputs(shape[axis]);
            windows *= shape[axis];
        }
        const StreamId view = build.windows(x, axes, 0);
        largest = std::max(largest, windows * positions * shape.back());
        switch (build.uniform(0, 4)) {
            case 0:
                x = build.window_max(view, positions);
                break;
            case 1:
                x = build.window_sum(view, positions);
                break;
            case 2: {
                const std::int64_t multiplier = build.uniform(1, 2);
                x = build.threshold(build.depthwise(view, positions, multiplier, {-4, 3}),
                                    build.uniform(1, 7));
                shape.back() *= multiplier;
                break;
            }
            default:
                shape.back() = build.uniform(1, 6);
                x = build.threshold(build.dense(view, shape.back(), {-4, 3}), build.uniform(1, 15));
                largest = std::max(largest, windows * positions);
        }
    }
    return {.network = build.finish({x}), .target_ii = largest * build.uniform(1, 3)};
}

Network tutorial_network(bool with_argmax) {
    NetworkBuilder build(7);
    StreamId x = build.input("image", {784}, {0, 255});
    x = build.threshold(build.dense(x, 64, {-7, 7}), 15);
    x = build.threshold(build.dense(x, 64, {-7, 7}), 15);
    x = build.dense(x, 10, {-7, 7});
    if (with_argmax) x = build.argmax(x);
    return build.finish({x});
}

}  // namespace qloom::testing
