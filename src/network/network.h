#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/int_type.h"
#include "base/tensor.h"

// What the hardware must compute: integers only, typed layers, no floats and no strings that decide behaviour.
//
// A *stream* carries one tensor a frame, channels last: shape (C), (L, C) or (H, W, C), sent as the sequence of its
// elements in row-major order. A bipolar value {-1, +1} is carried as the unsigned bit {0, 1}; the scales outside the
// network know that 0 means -1.
namespace qloom::network {

enum class StreamId : std::int32_t { kNone = -1 };
constexpr std::size_t index_of(StreamId id) { return static_cast<std::size_t>(id); }

struct Stream {
    std::string name;  // unique; the name of the model's tensor it stands for, where there is one
    Shape shape;       // channels last, without the frame axis
    IntType type;      // what the wires carry; holds `range`
    Range range;       // exact bounds of the values over all frames and channels

    [[nodiscard]] std::int64_t channels() const { return shape.back(); }
    [[nodiscard]] std::int64_t elements() const { return element_count(shape); }
    // Pixels a frame: elements() / channels().
    [[nodiscard]] std::int64_t vectors() const { return elements() / channels(); }
};

// What hw has decided about a layer, in the networks that it makes for itself; nothing elsewhere.
struct HardwareForm {
    HardwareForm() = default;
    HardwareForm(const HardwareForm&) = default;
    HardwareForm& operator=(const HardwareForm&) = default;
    virtual ~HardwareForm() = default;
};

// y[m] = sum_k w[m][k] * x[k] for every vector (pixel) of the stream; x has MW = K channels, y has MH = M.
//   kInteger: any integer weights (bipolar weights are -1/+1).
//   kXnorPopcount: x and w are bits {0, 1}; y[m] = #{k : x[k] == w[m][k]}.
struct MatrixVector {
    enum class Arithmetic { kInteger, kXnorPopcount };
    Arithmetic arithmetic = Arithmetic::kInteger;
    Tensor<std::int32_t> weights;  // (MH, MW)
    IntType weight_type;           // smallest two's complement type of the weights; ignored when bipolar_weights or XNOR
    bool bipolar_weights = false;  // every weight is -1 or +1: one bit each in hardware (0 -> -1)
    std::shared_ptr<const HardwareForm> form = {};  // set by hw alone

    [[nodiscard]] std::int64_t matrix_height() const { return weights.dim(0); }
    [[nodiscard]] std::int64_t matrix_width() const { return weights.dim(1); }
};

// y = out_bias + #{t : x >= thresholds[c][t]}, or for a decreasing channel out_bias + #{t : x < thresholds[c][t]}.
// Rows ascend. "Never" is input range.hi + 1, "always" input range.lo. Rows: C, or 1 for all channels alike.
struct Threshold {
    Tensor<std::int64_t> thresholds;  // (C or 1, steps)
    std::vector<bool> decreasing;     // empty (none) or one flag a row
    std::int64_t out_bias = 0;
};

// y = table[c][x - input_lo]: a function without order, while the range of x is small. Rows: C or 1.
struct Lookup {
    Tensor<std::int64_t> table;  // (C or 1, input range count)
    std::int64_t input_lo = 0;
};

// y = clip(floor((mul[c] * x + add[c]) / 2^shift), lo, hi): quantisers with too many levels for thresholds.
// The sum stays within 62 bits.
struct Requantize {
    std::vector<std::int64_t> mul;  // C or 1
    std::vector<std::int64_t> add;  // as many
    int shift = 0;
    std::int64_t lo = 0;
    std::int64_t hi = 0;
};

// y = mul[c] * x + add[c].
struct ChannelAffine {
    std::vector<std::int64_t> mul;  // C or 1
    std::vector<std::int64_t> add;  // as many
};

// y = sum_k multipliers[k] * x_k over two or more equally shaped inputs.
struct Add {
    std::vector<std::int64_t> multipliers;
};

// y = a * b elementwise. A second operand of one vector, (C) or (1, 1, C), is applied to every pixel.
struct Multiply {};

// Channels of the inputs one after the other (equal other dimensions).
struct Concat {};

// The channels cut into consecutive parts, one output each; sizes are the outputs' channel counts.
struct Split {};

// Index of the first maximum over the channels; output shape (1).
struct Argmax {};

// The same sequence of elements under another shape. No hardware.
struct Reshape {};

// A window along one spatial axis: output o reads inputs o * stride - pad_begin + k * dilation, k in [0, kernel).
struct WindowAxis {
    std::int64_t kernel = 1;
    std::int64_t stride = 1;
    std::int64_t dilation = 1;
    std::int64_t pad_begin = 0;
    std::int64_t pad_end = 0;

    // Outputs along an axis of `input` elements: floor((input + pads - reach) / stride) + 1.
    [[nodiscard]] std::int64_t outputs(std::int64_t input) const {
        return (input + pad_begin + pad_end - (kernel - 1) * dilation - 1) / stride + 1;
    }
    friend bool operator==(const WindowAxis&, const WindowAxis&) = default;
};

// Every window of the input as one vector: x (H, W, C) -> y (OH, OW, KH * KW * C), kernel positions row-major, channels
// innermost; (L, C) -> (OL, K * C). Positions outside the input hold pad_value.
struct SlidingWindow {
    std::vector<WindowAxis> axes;  // one a spatial axis
    std::int64_t pad_value = 0;

    [[nodiscard]] std::int64_t positions() const;  // KH * KW
};

// Depthwise product on windows x of K positions x C channels: output channel m belongs to input channel
// c = m / multiplier, y[m] = sum_k weights[m][k] * x[k * C + c].
struct VectorVector {
    Tensor<std::int32_t> weights;  // (M, K), M = C * multiplier
    IntType weight_type;
    bool bipolar_weights = false;
    std::int64_t multiplier = 1;
};

enum class Reduction { kMax, kSum };

// One value a channel from windows of `positions` x C: y[c] = max or sum over k of x[k * C + c].
struct WindowReduce {
    Reduction reduction = Reduction::kMax;
    std::int64_t positions = 1;
};

// One value a channel from all pixels of a frame: (H, W, C) -> (1, 1, C).
struct GlobalReduce {
    Reduction reduction = Reduction::kSum;
};

// Every pixel repeated factors[axis] times along each spatial axis.
struct Upsample {
    std::vector<std::int64_t> factors;
};

// factors[axis] - 1 pixels of `value` between neighbouring pixels: n -> (n - 1) * factor + 1 (transposed convolution).
struct InsertPixels {
    std::vector<std::int64_t> factors;
    std::int64_t value = 0;
};

// y[c] = x[order[c]] in every pixel.
struct PermuteChannels {
    std::vector<std::int64_t> order;
};

// (H, W, B * B * C) -> (H * B, W * B, C); channel (by * B + bx) * C + c goes to pixel (by, bx) of its block.
struct DepthToSpace {
    std::int64_t block = 1;
};

using LayerKind = std::variant<MatrixVector, Threshold, Lookup, Requantize, ChannelAffine, Add, Multiply, Concat, Split,
                               Argmax, Reshape, SlidingWindow, VectorVector, WindowReduce, GlobalReduce, Upsample,
                               InsertPixels, PermuteChannels, DepthToSpace>;

struct Layer {
    std::string name;  // unique, from the model's node
    LayerKind kind;
    std::vector<StreamId> inputs;
    std::vector<StreamId> outputs;
};

// "MatrixVector", "Threshold", ...
std::string kind_name(const LayerKind& kind);

// Layers in topological order. A stream is made by one layer or is a network input, and may have many readers.
struct Network {
    std::vector<Stream> streams;
    std::vector<Layer> layers;
    std::vector<StreamId> inputs;
    std::vector<StreamId> outputs;

    [[nodiscard]] const Stream& stream(StreamId id) const { return streams[index_of(id)]; }
    [[nodiscard]] Stream& stream(StreamId id) { return streams[index_of(id)]; }
    StreamId add_stream(Stream stream);
    // How many layers and network outputs read each stream.
    [[nodiscard]] std::vector<int> reader_counts() const;
};

// Asserts what every network keeps: ids in range, topological order, shapes and table sizes that fit, types that hold
// their ranges. A violation is a bug of whoever built the network.
void verify(const Network& network);

}  // namespace qloom::network
