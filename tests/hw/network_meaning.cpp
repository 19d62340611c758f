#include "hw/network_meaning.h"

#include <algorithm>
#include <map>
#include <random>

namespace qloom::testing {
namespace {

using namespace network;  // NOLINT: the kinds of layers are all that this file is about

std::int64_t floor_shift(std::int64_t value, int shift) {
    const std::int64_t divisor = std::int64_t{1} << shift;
    return value / divisor - (value % divisor < 0 ? 1 : 0);
}

// One frame of every stream.
using Values = std::map<StreamId, std::vector<std::int64_t>>;

struct Meaning {
    const Network& network;
    const Layer& layer;
    Values& values;

    [[nodiscard]] const Stream& in(std::size_t i = 0) const {
        return network.stream(layer.inputs[i]);
    }
    [[nodiscard]] const std::vector<std::int64_t>& x(std::size_t i = 0) const {
        return values.at(layer.inputs[i]);
    }
    std::vector<std::int64_t>& y(std::size_t i = 0) { return values[layer.outputs[i]]; }

    void operator()(const MatrixVector& unit) {
        const std::int64_t width = unit.weights.dim(1);
        for (std::int64_t vector = 0; vector < in().vectors(); ++vector) {
            for (std::int64_t row = 0; row < unit.weights.dim(0); ++row) {
                std::int64_t sum = 0;
                for (std::int64_t column = 0; column < width; ++column) {
                    const std::int64_t value =
                        x()[static_cast<std::size_t>(vector * width + column)];
                    const std::int64_t weight = unit.weights[row * width + column];
                    if (unit.arithmetic == MatrixVector::Arithmetic::kXnorPopcount) {
                        sum += value == weight ? 1 : 0;
                    } else {
                        sum += value * weight;
                    }
                }
                y().push_back(sum);
            }
        }
    }
    void operator()(const Threshold& unit) {
        each_channel([&](std::int64_t value, std::size_t channel) {
            const auto rows = static_cast<std::size_t>(unit.thresholds.dim(0));
            const std::size_t row = rows == 1 ? 0 : channel;
            const bool falls = !unit.decreasing.empty() && unit.decreasing[row];
            std::int64_t count = 0;
            for (std::int64_t step = 0; step < unit.thresholds.dim(1); ++step) {
                const std::int64_t limit =
                    unit.thresholds[static_cast<std::int64_t>(row) * unit.thresholds.dim(1) + step];
                if (falls ? value < limit : value >= limit) ++count;
            }
            return unit.out_bias + count;
        });
    }
    void operator()(const Lookup& unit) {
        each_channel([&](std::int64_t value, std::size_t channel) {
            const std::int64_t row =
                unit.table.dim(0) == 1 ? 0 : static_cast<std::int64_t>(channel);
            return unit.table[row * unit.table.dim(1) + value - unit.input_lo];
        });
    }
    void operator()(const Requantize& unit) {
        each_channel([&](std::int64_t value, std::size_t channel) {
            const std::size_t row = unit.mul.size() == 1 ? 0 : channel;
            const std::int64_t sum = unit.mul[row] * value + unit.add[row];
            return std::clamp(floor_shift(sum, unit.shift), unit.lo, unit.hi);
        });
    }
    void operator()(const ChannelAffine& unit) {
        each_channel([&](std::int64_t value, std::size_t channel) {
            const std::size_t row = unit.mul.size() == 1 ? 0 : channel;
            return unit.mul[row] * value + unit.add[row];
        });
    }
    void operator()(const Add& unit) {
        for (std::size_t k = 0; k < x().size(); ++k) {
            std::int64_t sum = 0;
            for (std::size_t i = 0; i < layer.inputs.size(); ++i)
                sum += unit.multipliers[i] * x(i)[k];
            y().push_back(sum);
        }
    }
    void operator()(const Multiply&) {
        for (std::size_t k = 0; k < x().size(); ++k) y().push_back(x(0)[k] * x(1)[k % x(1).size()]);
    }
    void operator()(const Concat&) {
        for (std::int64_t vector = 0; vector < in().vectors(); ++vector) {
            for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
                const std::int64_t channels = in(i).channels();
                for (std::int64_t c = 0; c < channels; ++c) {
                    y().push_back(x(i)[static_cast<std::size_t>(vector * channels + c)]);
                }
            }
        }
    }
    void operator()(const Split&) {
        std::size_t at = 0;
        for (std::int64_t vector = 0; vector < in().vectors(); ++vector) {
            for (std::size_t i = 0; i < layer.outputs.size(); ++i) {
                for (std::int64_t c = 0; c < network.stream(layer.outputs[i]).channels(); ++c)
                    y(i).push_back(x()[at++]);
            }
        }
    }
    void operator()(const Argmax&) {
        std::size_t best = 0;
        for (std::size_t k = 1; k < x().size(); ++k) {
            if (x()[k] > x()[best]) best = k;
        }
        y().push_back(static_cast<std::int64_t>(best));
    }
    void operator()(const Reshape&) { y() = x(); }
    void operator()(const GlobalReduce& unit) {
        const std::int64_t channels = in().channels();
        for (std::int64_t c = 0; c < channels; ++c) {
            std::int64_t sum = 0;
            std::int64_t most = in().range.lo;
            for (std::int64_t pixel = 0; pixel < in().vectors(); ++pixel) {
                const std::int64_t value = x()[static_cast<std::size_t>(pixel * channels + c)];
                sum += value;
                most = std::max(most, value);
            }
            y().push_back(unit.reduction == Reduction::kMax ? most : sum);
        }
    }
    void operator()(const Upsample& unit) {
        each_output([&](std::int64_t row, std::int64_t column, std::int64_t channel) {
            return pixel(row / rows_of(unit.factors), column / unit.factors.back(), channel);
        });
    }
    void operator()(const InsertPixels& unit) {
        each_output([&](std::int64_t row, std::int64_t column, std::int64_t channel) {
            if (row % rows_of(unit.factors) != 0 || column % unit.factors.back() != 0)
                return unit.value;
            return pixel(row / rows_of(unit.factors), column / unit.factors.back(), channel);
        });
    }
    void operator()(const PermuteChannels& unit) {
        each_output([&](std::int64_t row, std::int64_t column, std::int64_t channel) {
            return pixel(row, column, unit.order[static_cast<std::size_t>(channel)]);
        });
    }
    void operator()(const DepthToSpace& unit) {
        const std::int64_t channels = network.stream(layer.outputs[0]).channels();
        each_output([&](std::int64_t row, std::int64_t column, std::int64_t channel) {
            const std::int64_t part = row % unit.block * unit.block + column % unit.block;
            return pixel(row / unit.block, column / unit.block, part * channels + channel);
        });
    }
    void operator()(const SlidingWindow& unit) {
        const bool flat = unit.axes.size() == 1;
        const std::int64_t channels = in().channels();
        const std::int64_t height = flat ? 1 : in().shape[0];
        const std::int64_t width = in().shape[flat ? 0 : 1];
        const WindowAxis rows = flat ? WindowAxis{} : unit.axes[0];
        const WindowAxis columns = unit.axes.back();
        for (std::int64_t oy = 0; oy < rows.outputs(height); ++oy) {
            for (std::int64_t ox = 0; ox < columns.outputs(width); ++ox) {
                for (std::int64_t ky = 0; ky < rows.kernel; ++ky) {
                    for (std::int64_t kx = 0; kx < columns.kernel; ++kx) {
                        const std::int64_t iy =
                            oy * rows.stride - rows.pad_begin + ky * rows.dilation;
                        const std::int64_t ix =
                            ox * columns.stride - columns.pad_begin + kx * columns.dilation;
                        const bool inside = iy >= 0 && iy < height && ix >= 0 && ix < width;
                        for (std::int64_t c = 0; c < channels; ++c) {
                            const auto at =
                                static_cast<std::size_t>((iy * width + ix) * channels + c);
                            y().push_back(inside ? x()[at] : unit.pad_value);
                        }
                    }
                }
            }
        }
    }
    void operator()(const VectorVector& unit) {
        const std::int64_t positions = unit.weights.dim(1);
        const std::int64_t channels = in().channels() / positions;
        for (std::int64_t vector = 0; vector < in().vectors(); ++vector) {
            for (std::int64_t m = 0; m < unit.weights.dim(0); ++m) {
                std::int64_t sum = 0;
                for (std::int64_t k = 0; k < positions; ++k) {
                    sum += unit.weights[m * positions + k] *
                           window_value(vector, k, channels, m / unit.multiplier);
                }
                y().push_back(sum);
            }
        }
    }
    void operator()(const WindowReduce& unit) {
        const std::int64_t channels = in().channels() / unit.positions;
        for (std::int64_t vector = 0; vector < in().vectors(); ++vector) {
            for (std::int64_t c = 0; c < channels; ++c) {
                std::int64_t result = window_value(vector, 0, channels, c);
                for (std::int64_t k = 1; k < unit.positions; ++k) {
                    const std::int64_t value = window_value(vector, k, channels, c);
                    result = unit.reduction == Reduction::kSum ? result + value
                                                               : std::max(result, value);
                }
                y().push_back(result);
            }
        }
    }
    // Images with one row where there is one spatial axis.
    static std::int64_t rows_of(const std::vector<std::int64_t>& factors) {
        return factors.size() > 1 ? factors[0] : 1;
    }
    [[nodiscard]] std::int64_t pixel(std::int64_t row, std::int64_t column,
                                     std::int64_t channel) const {
        const Shape& shape = in().shape;
        const std::int64_t width = shape[shape.size() - 2];
        return x()[static_cast<std::size_t>((row * width + column) * shape.back() + channel)];
    }
    template <class F>
    void each_output(F&& function) {
        const Shape& shape = network.stream(layer.outputs[0]).shape;
        const std::int64_t height = shape.size() > 2 ? shape[0] : 1;
        for (std::int64_t row = 0; row < height; ++row) {
            for (std::int64_t column = 0; column < shape[shape.size() - 2]; ++column) {
                for (std::int64_t c = 0; c < shape.back(); ++c)
                    y().push_back(function(row, column, c));
            }
        }
    }
    [[nodiscard]] std::int64_t window_value(std::int64_t vector, std::int64_t position,
                                            std::int64_t channels, std::int64_t channel) const {
        return x()[static_cast<std::size_t>(vector * in().channels() + position * channels +
                                            channel)];
    }

    template <class F>
    void each_channel(F&& function) {
        const auto channels = static_cast<std::size_t>(in().channels());
        for (std::size_t k = 0; k < x().size(); ++k) y().push_back(function(x()[k], k % channels));
    }
};

}  // namespace

std::vector<Tensor<std::int64_t>> random_inputs(const Network& network, std::int64_t frames,
                                                std::uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<Tensor<std::int64_t>> inputs;
    for (const StreamId id : network.inputs) {
        const Stream& stream = network.stream(id);
        Shape shape{frames};
        shape.insert(shape.end(), stream.shape.begin(), stream.shape.end());
        Tensor<std::int64_t> tensor(shape);
        std::uniform_int_distribution<std::int64_t> distribution(stream.range.lo, stream.range.hi);
        for (std::int64_t k = 0; k < tensor.size(); ++k) {
            const std::int64_t frame = k / stream.elements();
            tensor[k] = frame == 0   ? stream.range.lo
                        : frame == 1 ? stream.range.hi
                                     : distribution(random);
        }
        inputs.push_back(std::move(tensor));
    }
    return inputs;
}

std::vector<Tensor<std::int64_t>> reference_run(const Network& network,
                                                const std::vector<Tensor<std::int64_t>>& inputs) {
    const std::int64_t frames = inputs.at(0).dim(0);
    std::vector<Tensor<std::int64_t>> outputs;
    for (const StreamId id : network.outputs) {
        Shape shape{frames};
        const Shape& one = network.stream(id).shape;
        shape.insert(shape.end(), one.begin(), one.end());
        outputs.emplace_back(shape);
    }
    for (std::int64_t frame = 0; frame < frames; ++frame) {
        Values values;
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            const std::int64_t size = inputs[i].size() / frames;
            const auto* begin = inputs[i].data() + frame * size;
            values[network.inputs[i]] = {begin, begin + size};
        }
        for (const Layer& layer : network.layers)
            std::visit(Meaning{network, layer, values}, layer.kind);
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            const auto& value = values.at(network.outputs[i]);
            std::ranges::copy(value,
                              outputs[i].data() + frame * static_cast<std::int64_t>(value.size()));
        }
    }
    return outputs;
}

}  // namespace qloom::testing
