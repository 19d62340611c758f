#include "network/network.h"

#include <algorithm>
#include <set>

namespace qloom::network {
namespace {

bool one_or(std::size_t count, std::int64_t channels) {
    return count == 1 || static_cast<std::int64_t>(count) == channels;
}

// Checks one layer against the streams it joins.
class LayerVerifier {
public:
    LayerVerifier(const Network& network, const Layer& layer) : network_(network), layer_(layer) {}

    void operator()(const MatrixVector& unit) const {
        arity(1, 1);
        QLOOM_ASSERT(unit.weights.rank() == 2, "weights are (MH, MW)");
        QLOOM_ASSERT(in().channels() == unit.matrix_width(), "the matrix is as wide as its input");
        QLOOM_ASSERT(out().channels() == unit.matrix_height(), "the matrix is as high as its output");
        QLOOM_ASSERT(in().vectors() == out().vectors(), "a matrix keeps the number of vectors");
        if (unit.arithmetic == MatrixVector::Arithmetic::kXnorPopcount) {
            QLOOM_ASSERT(in().type == (IntType{1, false}), "XNOR takes bits");
        }
    }
    void operator()(const Threshold& unit) const {
        arity(1, 1);
        same_shape();
        QLOOM_ASSERT(unit.thresholds.rank() == 2 &&
                         one_or(static_cast<std::size_t>(unit.thresholds.dim(0)), in().channels()),
                     "one row of thresholds, or one a channel");
        QLOOM_ASSERT(unit.decreasing.empty() ||
                         static_cast<std::int64_t>(unit.decreasing.size()) == unit.thresholds.dim(0),
                     "one direction a row");
        const std::int64_t steps = unit.thresholds.dim(1);
        for (std::int64_t row = 0; row < unit.thresholds.dim(0); ++row) {
            const auto* begin = unit.thresholds.data() + row * steps;
            QLOOM_ASSERT(std::is_sorted(begin, begin + steps), "thresholds ascend");
        }
    }
    void operator()(const Lookup& unit) const {
        arity(1, 1);
        same_shape();
        QLOOM_ASSERT(one_or(static_cast<std::size_t>(unit.table.dim(0)), in().channels()), "one table, or one a channel");
        QLOOM_ASSERT(unit.input_lo <= in().range.lo && in().range.hi < unit.input_lo + unit.table.dim(1),
                     "the table covers the input range");
    }
    void operator()(const Requantize& unit) const {
        arity(1, 1);
        same_shape();
        QLOOM_ASSERT(one_or(unit.mul.size(), in().channels()) && unit.mul.size() == unit.add.size(),
                     "one factor and one addend, or one a channel");
        QLOOM_ASSERT(unit.shift >= 0 && unit.shift < 62, "the shift is 0 to 61");
    }
    void operator()(const ChannelAffine& unit) const {
        arity(1, 1);
        same_shape();
        QLOOM_ASSERT(one_or(unit.mul.size(), in().channels()) && unit.mul.size() == unit.add.size(),
                     "one factor and one addend, or one a channel");
    }
    void operator()(const Add& unit) const {
        QLOOM_ASSERT(layer_.inputs.size() >= 2 && layer_.outputs.size() == 1, "an addition joins two or more streams");
        QLOOM_ASSERT(unit.multipliers.size() == layer_.inputs.size(), "one multiplier an input");
        for (const StreamId input : layer_.inputs) {
            QLOOM_ASSERT(network_.stream(input).shape == out().shape, "operands of an addition have one shape");
        }
    }
    void operator()(const Multiply&) const {
        arity(2, 1);
        QLOOM_ASSERT(in().shape == out().shape, "a product has its first operand's shape");
        const Stream& other = network_.stream(layer_.inputs[1]);
        QLOOM_ASSERT(other.shape == out().shape || (other.channels() == out().channels() && other.vectors() == 1),
                     "the second operand has the same shape or one vector");
    }
    void operator()(const Concat&) const {
        QLOOM_ASSERT(!layer_.inputs.empty() && layer_.outputs.size() == 1, "a concatenation makes one stream");
        QLOOM_ASSERT(total_channels(layer_.inputs) == out().channels(), "channels add up");
    }
    void operator()(const Split&) const {
        QLOOM_ASSERT(layer_.inputs.size() == 1 && !layer_.outputs.empty(), "a split takes one stream");
        QLOOM_ASSERT(total_channels(layer_.outputs) == in().channels(), "channels add up");
    }
    void operator()(const Argmax&) const {
        arity(1, 1);
        QLOOM_ASSERT(out().shape == Shape{1}, "an argmax gives one index a frame");
    }
    void operator()(const Reshape&) const {
        arity(1, 1);
        QLOOM_ASSERT(in().elements() == out().elements(), "a reshape keeps the elements");
    }
    void operator()(const SlidingWindow& unit) const {
        arity(1, 1);
        spatial(unit.axes.size());
        for (std::size_t axis = 0; axis < unit.axes.size(); ++axis) {
            QLOOM_ASSERT(out().shape[axis] == unit.axes[axis].outputs(in().shape[axis]), "windows fit the input");
        }
        QLOOM_ASSERT(out().channels() == unit.positions() * in().channels(), "a window holds positions x channels");
        QLOOM_ASSERT(out().type.range().contains(Range{unit.pad_value, unit.pad_value}), "padding fits the type");
    }
    void operator()(const VectorVector& unit) const {
        arity(1, 1);
        QLOOM_ASSERT(unit.weights.rank() == 2 && unit.weights.dim(0) == out().channels(), "one row an output channel");
        QLOOM_ASSERT(in().channels() * unit.multiplier == unit.weights.dim(0) * unit.weights.dim(1),
                     "the window holds positions x channels");
        QLOOM_ASSERT(in().vectors() == out().vectors(), "one output a window");
    }
    void operator()(const WindowReduce& unit) const {
        arity(1, 1);
        QLOOM_ASSERT(in().channels() == unit.positions * out().channels(), "the window holds positions x channels");
        QLOOM_ASSERT(in().vectors() == out().vectors(), "one output a window");
    }
    void operator()(const GlobalReduce&) const {
        arity(1, 1);
        QLOOM_ASSERT(in().channels() == out().channels() && out().vectors() == 1, "one vector remains");
    }
    void operator()(const Upsample& unit) const {
        arity(1, 1);
        spatial(unit.factors.size());
        for (std::size_t axis = 0; axis < unit.factors.size(); ++axis) {
            QLOOM_ASSERT(out().shape[axis] == in().shape[axis] * unit.factors[axis], "pixels repeat");
        }
    }
    void operator()(const InsertPixels& unit) const {
        arity(1, 1);
        spatial(unit.factors.size());
        for (std::size_t axis = 0; axis < unit.factors.size(); ++axis) {
            QLOOM_ASSERT(out().shape[axis] == (in().shape[axis] - 1) * unit.factors[axis] + 1, "pixels are inserted");
        }
    }
    void operator()(const PermuteChannels& unit) const {
        arity(1, 1);
        same_shape();
        std::vector<std::int64_t> sorted = unit.order;
        std::ranges::sort(sorted);
        for (std::size_t c = 0; c < sorted.size(); ++c) {
            QLOOM_ASSERT(sorted[c] == static_cast<std::int64_t>(c), "the order is a permutation");
        }
        QLOOM_ASSERT(static_cast<std::int64_t>(sorted.size()) == in().channels(), "one entry a channel");
    }
    void operator()(const DepthToSpace& unit) const {
        arity(1, 1);
        spatial(2);
        QLOOM_ASSERT(out().channels() * unit.block * unit.block == in().channels() &&
                         out().shape[0] == in().shape[0] * unit.block && out().shape[1] == in().shape[1] * unit.block,
                     "blocks of channels become pixels");
    }

private:
    [[nodiscard]] const Stream& in() const { return network_.stream(layer_.inputs[0]); }
    [[nodiscard]] const Stream& out() const { return network_.stream(layer_.outputs[0]); }
    void arity(std::size_t inputs, std::size_t outputs) const {
        QLOOM_ASSERT(layer_.inputs.size() == inputs && layer_.outputs.size() == outputs, "streams as many as the kind has");
    }
    void spatial(std::size_t axes) const {
        QLOOM_ASSERT(in().shape.size() == axes + 1 && out().shape.size() == axes + 1, "one entry a spatial axis");
    }
    void same_shape() const { QLOOM_ASSERT(in().shape == out().shape, "input and output have one shape"); }
    [[nodiscard]] std::int64_t total_channels(const std::vector<StreamId>& ids) const {
        std::int64_t total = 0;
        for (const StreamId id : ids) {
            total += network_.stream(id).channels();
            QLOOM_ASSERT(network_.stream(id).vectors() == in().vectors(), "parts have the same pixels");
        }
        return total;
    }

    const Network& network_;
    const Layer& layer_;
};

}  // namespace

std::string kind_name(const LayerKind& kind) {
    struct Name {
        std::string operator()(const MatrixVector&) const { return "MatrixVector"; }
        std::string operator()(const Threshold&) const { return "Threshold"; }
        std::string operator()(const Lookup&) const { return "Lookup"; }
        std::string operator()(const Requantize&) const { return "Requantize"; }
        std::string operator()(const ChannelAffine&) const { return "ChannelAffine"; }
        std::string operator()(const Add&) const { return "Add"; }
        std::string operator()(const Multiply&) const { return "Multiply"; }
        std::string operator()(const Concat&) const { return "Concat"; }
        std::string operator()(const Split&) const { return "Split"; }
        std::string operator()(const Argmax&) const { return "Argmax"; }
        std::string operator()(const Reshape&) const { return "Reshape"; }
        std::string operator()(const SlidingWindow&) const { return "SlidingWindow"; }
        std::string operator()(const VectorVector&) const { return "VectorVector"; }
        std::string operator()(const WindowReduce&) const { return "WindowReduce"; }
        std::string operator()(const GlobalReduce&) const { return "GlobalReduce"; }
        std::string operator()(const Upsample&) const { return "Upsample"; }
        std::string operator()(const InsertPixels&) const { return "InsertPixels"; }
        std::string operator()(const PermuteChannels&) const { return "PermuteChannels"; }
        std::string operator()(const DepthToSpace&) const { return "DepthToSpace"; }
    };
    return std::visit(Name{}, kind);
}

StreamId Network::add_stream(Stream stream) {
    streams.push_back(std::move(stream));
    return static_cast<StreamId>(streams.size() - 1);
}

std::int64_t SlidingWindow::positions() const {
    std::int64_t count = 1;
    for (const WindowAxis& axis : axes) {
        count *= axis.kernel;
    }
    return count;
}

std::vector<int> Network::reader_counts() const {
    std::vector<int> counts(streams.size(), 0);
    for (const Layer& layer : layers) {
        for (const StreamId input : layer.inputs) {
            ++counts[index_of(input)];
        }
    }
    for (const StreamId output : outputs) {
        ++counts[index_of(output)];
    }
    return counts;
}

void verify(const Network& network) {
    std::vector<bool> made(network.streams.size(), false);
    std::set<std::string> names;
    for (const Stream& stream : network.streams) {
        QLOOM_ASSERT(!stream.shape.empty() && element_count(stream.shape) > 0, "a stream has elements");
        QLOOM_ASSERT(stream.range.lo <= stream.range.hi, "a range is not empty");
        QLOOM_ASSERT(stream.type.range().contains(stream.range), "the type holds the range");
        QLOOM_ASSERT(names.insert(stream.name).second, "stream names are unique");
    }
    for (const StreamId input : network.inputs) {
        made[index_of(input)] = true;
    }
    names.clear();
    for (const Layer& layer : network.layers) {
        QLOOM_ASSERT(names.insert(layer.name).second, "layer names are unique");
        for (const StreamId input : layer.inputs) {
            QLOOM_ASSERT(index_of(input) < made.size() && made[index_of(input)], "a stream is made before it is read");
        }
        for (const StreamId output : layer.outputs) {
            QLOOM_ASSERT(index_of(output) < made.size() && !made[index_of(output)], "a stream is made once");
            made[index_of(output)] = true;
        }
        std::visit(LayerVerifier(network, layer), layer.kind);
    }
    for (const StreamId output : network.outputs) {
        QLOOM_ASSERT(made[index_of(output)], "every output is made");
    }
}

}  // namespace qloom::network
