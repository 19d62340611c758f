#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "base/tensor.h"
#include "network/network.h"

// Networks made by hand, layer by layer, with random contents.
namespace qloom::testing {

struct ThresholdOptions {
    std::int64_t bias = 0;
    bool shared = false;   // one row for all channels
    bool falling = false;  // some channels fall
};

class NetworkBuilder {
public:
    explicit NetworkBuilder(std::uint32_t seed) : random_(seed) {}

    network::StreamId input(const std::string& name, const Shape& shape, Range range);
    // Weights in [lo, hi]; lo = -1, hi = 1 without zero is bipolar.
    network::StreamId dense(network::StreamId x, std::int64_t outputs, Range weights);
    network::StreamId dense_bipolar(network::StreamId x, std::int64_t outputs);
    network::StreamId dense_xnor(network::StreamId x, std::int64_t outputs);
    network::StreamId threshold(network::StreamId x, std::int64_t steps,
                                ThresholdOptions options = {});
    network::StreamId lookup(network::StreamId x, Range values, bool shared = false);
    network::StreamId requantize(network::StreamId x, int shift, Range out, bool shared = false);
    network::StreamId affine(network::StreamId x, bool shared = false);
    network::StreamId add(const std::vector<network::StreamId>& xs,
                          const std::vector<std::int64_t>& multipliers);
    // b: as a, or one vector.
    network::StreamId multiply(network::StreamId a, network::StreamId b);
    network::StreamId concat(const std::vector<network::StreamId>& xs);
    std::vector<network::StreamId> split(network::StreamId x,
                                         const std::vector<std::int64_t>& channels);
    network::StreamId argmax(network::StreamId x);
    // Images: (H, W, C), or (L, C).
    network::StreamId global_reduce(network::StreamId x, network::Reduction reduction);
    network::StreamId upsample(network::StreamId x, const std::vector<std::int64_t>& factors);
    network::StreamId insert_pixels(network::StreamId x, const std::vector<std::int64_t>& factors,
                                    std::int64_t value);
    network::StreamId permute(network::StreamId x);  // any order
    network::StreamId depth_to_space(network::StreamId x, std::int64_t block);
    // One axis (L, C) or two (H, W, C); the padding value is a value of the stream.
    network::StreamId windows(network::StreamId x, const std::vector<network::WindowAxis>& axes,
                              std::int64_t pad_value = 0);
    // Channel by channel over windows of `positions`; weights as for dense, bipolar where {-1, 1}
    // without zero is asked for.
    network::StreamId depthwise(network::StreamId x, std::int64_t positions,
                                std::int64_t multiplier, Range weights);
    network::StreamId depthwise_bipolar(network::StreamId x, std::int64_t positions);
    network::StreamId window_max(network::StreamId x, std::int64_t positions);
    network::StreamId window_sum(network::StreamId x, std::int64_t positions);
    // A window with padding, stride and dilation that fits an axis of `size`.
    network::WindowAxis random_axis(std::int64_t size);
    network::StreamId reshape(network::StreamId x, const Shape& shape);

    network::Network finish(const std::vector<network::StreamId>& outputs);

    std::int64_t uniform(std::int64_t lo, std::int64_t hi) {
        return std::uniform_int_distribution<std::int64_t>(lo, hi)(random_);
    }

private:
    network::StreamId stream(const std::string& name, const Shape& shape, Range range);
    network::StreamId emit(const std::string& name, network::LayerKind kind,
                           const std::vector<network::StreamId>& inputs, const Shape& shape,
                           Range range);
    network::StreamId depthwise_of(network::StreamId x, network::VectorVector layer);
    network::StreamId reduce_of(network::StreamId x, network::WindowReduce layer);
    network::StreamId dense_of(network::StreamId x, network::MatrixVector layer);
    const network::Stream& at(network::StreamId id) const { return network_.stream(id); }
    std::string fresh(const std::string& base) { return base + std::to_string(++count_); }

    std::mt19937 random_;
    network::Network network_;
    int count_ = 0;
};

}  // namespace qloom::testing
