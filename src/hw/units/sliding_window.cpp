#include "hw/units/sliding_window.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/diagnostic.h"
#include "hw/cost.h"
#include "hw/units/windows.h"

namespace qloom::hw {
namespace {

using network::SlidingWindow;
using network::WindowAxis;

const SlidingWindow& kind_of(const LayerView& view) {
    return std::get<SlidingWindow>(view.layer.kind);
}

// Both axes of the image; a row of pixels is an image of one row.
struct Geometry {
    std::int64_t height = 1;
    std::int64_t width = 1;
    WindowAxis y;
    WindowAxis x;
    std::int64_t out_h = 1;
    std::int64_t out_w = 1;

    explicit Geometry(const LayerView& view) {
        const Shape& shape = view.input().shape;
        const auto& axes = kind_of(view).axes;
        if (axes.size() == 2) {
            height = shape[0];
            y = axes[0];
        }
        width = shape[axes.size() - 1];
        x = axes.back();
        out_h = y.outputs(height);
        out_w = x.outputs(width);
    }
};

// Pixels from the first one of the first window to the last one that it needs, both counted.
std::int64_t reach(const WindowAxis& axis) { return (axis.kernel - 1) * axis.dilation + 1; }

// Windows along an axis that start before the end of the image.
std::int64_t live_windows(const WindowAxis& axis, std::int64_t size, std::int64_t outputs) {
    return std::min((size + axis.pad_begin - 1) / axis.stride + 1, outputs);
}

// Rows of windows that lie above the image as a whole.
std::int64_t rows_above(const Geometry& g) {
    const std::int64_t beyond = g.y.pad_begin - reach(g.y);
    return beyond < 0 ? 0 : beyond / g.y.stride + 1;
}

// Words that the first row of windows needs beyond those that can come in while it is read.
std::int64_t first_row_need(const Geometry& g, std::int64_t groups, bool is_depthwise) {
    const std::int64_t oy = rows_above(g);
    const std::int64_t window_steps = g.x.kernel * g.y.kernel * groups;
    std::int64_t need = 1;
    for (std::int64_t ox = 0; ox < g.out_w; ++ox) {
        std::int64_t step = (oy * g.out_w + ox) * window_steps;
        for (std::int64_t ky = 0; ky < g.y.kernel; ++ky) {
            for (std::int64_t kx = 0; kx < g.x.kernel; ++kx) {
                const std::int64_t y = oy * g.y.stride + ky * g.y.dilation - g.y.pad_begin;
                const std::int64_t x = ox * g.x.stride + kx * g.x.dilation - g.x.pad_begin;
                if (y >= 0 && y < g.height && x >= 0 && x < g.width)
                    need = std::max(need, (y * g.width + x) * groups - step + 1);
                step += is_depthwise ? 1 : groups;
            }
        }
    }
    return need;
}

// Words of the ring: as few as keep reading and writing from waiting for each other (tests/hw
// measures it). It holds
//   within a frame:  one window, and what the next row of windows frees at once: while this row
//                    leaves, so much of what the next one needs must come in (or less, where
//                    reading a row takes less than writing it)
//   across frames:   from the start of the last window to what the next frame's first one needs
std::int64_t ring_words(const Geometry& g, std::int64_t groups, bool is_depthwise) {
    const std::int64_t live_w = live_windows(g.x, g.width, g.out_w);
    const std::int64_t live_h = live_windows(g.y, g.height, g.out_h);
    const std::int64_t positions = g.x.kernel * g.y.kernel;
    // In pixels.
    const std::int64_t window = (reach(g.y) - 1) * g.width + reach(g.x);
    const std::int64_t row_jump = g.y.stride * g.width - (live_w - 1) * g.x.stride;
    if (g.out_h * g.out_w * positions < g.height * g.width) {
        // Writing never waits: not for reading a row or the last rows, and not for windows in the
        // padding.
        const std::int64_t row_lag =
            g.out_w * std::max<std::int64_t>(positions - g.x.stride, 0) + g.x.stride;
        const std::int64_t last_rows = g.height - (g.out_h - 1) * g.y.stride;
        const std::int64_t frame_lag =
            g.out_h * std::max<std::int64_t>(g.out_w * positions - g.y.stride * g.width, 0) +
            std::clamp<std::int64_t>(g.out_w * positions - last_rows * g.width, 0,
                                     g.out_w * positions);
        const std::int64_t idle_rows =
            rows_above(g) + g.out_h - live_h + (live_w < g.out_w ? 1 : 0);
        const std::int64_t padding =
            g.y.pad_begin * g.width + g.x.pad_begin + idle_rows * g.out_w * positions;
        return (window + std::max(g.x.stride, std::min(row_jump, row_lag)) + frame_lag + padding) *
                   groups +
               1;
    }
    // Reading never waits. Where padding alone makes it the slower side, pixels and rows there
    // make up for the others.
    const std::int64_t catch_up =
        std::max<std::int64_t>(g.y.stride * g.width - g.out_w * positions, 0) * live_h +
        std::max<std::int64_t>(g.x.stride - positions, 0) * live_w;
    const std::int64_t within =
        window + std::max(g.x.stride, row_jump) + (catch_up > 0 ? catch_up + 1 : 0);
    const std::int64_t last_start = ((live_h - 1) * g.y.stride - g.y.pad_begin) * g.width +
                                    (live_w - 1) * g.x.stride - g.x.pad_begin;
    const std::int64_t across =
        (g.height * g.width - last_start) * groups + first_row_need(g, groups, is_depthwise);
    return std::max(within * groups, across) + 1;
}

class SlidingWindowModel final : public UnitModel {
public:
    void check(const LayerView& view) const override {
        const auto& layer = kind_of(view);
        if (layer.axes.size() > 2) {
            throw_no_hardware(view,
                              fmt::format("its windows have {} spatial axes, and a SlidingWindow "
                                          "takes at most 2",
                                          layer.axes.size()),
                              "use convolutions of one or two dimensions");
        }
        check_width(view, view.output(), 32);
        const Geometry g(view);
        const std::int64_t words = (g.height + g.y.pad_begin + g.y.pad_end) *
                                   (g.width + g.x.pad_begin + g.x.pad_end) *
                                   view.input().channels();
        if (words >= std::int64_t{1} << 28) {
            throw_no_hardware(view,
                              fmt::format("its padded image has {} elements, and a SlidingWindow "
                                          "takes less than 2^28",
                                          words),
                              "give it smaller images");
        }
        QLOOM_ASSERT(view.output().type.bits >= view.input().type.bits,
                     "windows hold every value of the image");
    }

    [[nodiscard]] const network::Layer* leader(const LayerView& view) const override {
        return group_reader(view);
    }
    [[nodiscard]] Folding follow(const LayerView& view, Folding folding) const override {
        const network::Layer& reader = *group_reader(view);
        const auto* product = std::get_if<network::VectorVector>(&reader.kind);
        return {folding.pe / (product != nullptr ? product->multiplier : 1), 1};
    }

    [[nodiscard]] std::vector<Folding> legal_foldings(const LayerView& view) const override {
        std::vector<Folding> result;
        for (const std::int64_t pe : divisors(view.input().channels())) result.push_back({pe, 1});
        return result;
    }
    [[nodiscard]] std::int64_t cycles(const LayerView& view, Folding folding) const override {
        return std::max(view.input().elements(), view.output().elements()) / folding.pe;
    }
    [[nodiscard]] std::int64_t input_elements(const LayerView&, Folding folding,
                                              std::size_t) const override {
        return folding.pe;
    }
    [[nodiscard]] std::int64_t output_elements(const LayerView&, Folding folding,
                                               std::size_t) const override {
        return folding.pe;
    }
    [[nodiscard]] int input_bits(const LayerView& view, std::size_t) const override {
        return view.output().type.bits;
    }

    [[nodiscard]] Unit instance(const LayerView& view, Folding folding, const std::string& name,
                                const Prices& prices) const override {
        const Geometry g(view);
        const std::int64_t channels = view.input().channels();
        const int bits = view.output().type.bits;
        const std::int64_t word_bits = folding.pe * bits;
        const bool is_depthwise = group_reader(view) != nullptr;
        const std::int64_t depth = ring_words(g, channels / folding.pe, is_depthwise);

        Unit unit;
        unit.name = name;
        unit.layer = view.layer.name;
        unit.kind = network::kind_name(view.layer.kind);
        unit.shape =
            fmt::format("{}x{} of {}x{}x{}", g.y.kernel, g.x.kernel, g.height, g.width, channels);
        unit.folding = folding;
        unit.cycles = cycles(view, folding);
        unit.module = Module::kSlidingWindow;
        const Resources block = {0.0, 0.0, cost::block_rams(depth, word_bits), 0.0};
        const Resources logic = {cost::ram_luts(depth, word_bits), static_cast<double>(word_bits),
                                 0.0, 0.0};
        const bool use_block = prices.of(block) < prices.of(logic);
        unit.cost = use_block ? block : logic;
        unit.cost += control_cost(g, word_bits, depth, channels / folding.pe);
        unit.parameters = {{"Channels", channels},
                           {"Simd", folding.pe},
                           {"InputW", std::int64_t{bits}},
                           {"Height", g.height},
                           {"Width", g.width},
                           {"OutH", g.out_h},
                           {"OutW", g.out_w},
                           {"KernelH", g.y.kernel},
                           {"KernelW", g.x.kernel},
                           {"StrideH", g.y.stride},
                           {"StrideW", g.x.stride},
                           {"DilationH", g.y.dilation},
                           {"DilationW", g.x.dilation},
                           {"PadTop", g.y.pad_begin},
                           {"PadLeft", g.x.pad_begin},
                           {"PadValue", kind_of(view).pad_value},
                           {"Depthwise", std::int64_t{is_depthwise}},
                           {"Depth", depth},
                           {"RamStyle", use_block ? "block" : "distributed"}};
        return unit;
    }

    [[nodiscard]] std::vector<MemoryImage> memories(const LayerView&, const Unit&) const override {
        return {};
    }

private:
    static Resources control_cost(const Geometry& g, std::int64_t word_bits, std::int64_t depth,
                                  std::int64_t groups) {
        const double address = cost::ceil_log2(depth);
        double counters = 0.0;
        for (const std::int64_t turns : {groups, g.x.kernel, g.y.kernel, g.out_w, g.out_h})
            counters += cost::ceil_log2(turns);
        const bool pads = g.x.pad_begin + g.x.pad_end + g.y.pad_begin + g.y.pad_end > 0;
        const double pad = pads ? cost::ceil_log2(g.width) + cost::ceil_log2(g.height) + 4.0 : 0.0;
        Resources cost;
        cost.luts = 6.0 * address + 1.5 * counters + 1.5 * pad +
                    (pads ? static_cast<double>(word_bits) : 0.0) + 10.0;
        cost.ffs = 4.0 * address + counters + pad + 6.0;
        return cost;
    }
};

}  // namespace

const UnitModel& sliding_window_model() {
    static const SlidingWindowModel model;
    return model;
}

}  // namespace qloom::hw
