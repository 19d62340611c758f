#include "hw/units/sliding_window.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "base/diagnostic.h"
#include "hw/cost.h"
#include "hw/units/buffer.h"
#include "hw/units/window_ring.h"
#include "hw/units/windows.h"

namespace qloom::hw {
namespace {

using network::SlidingWindow;

const SlidingWindow& kind_of(const LayerView& view) {
    return std::get<SlidingWindow>(view.layer.kind);
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
        const WindowGeometry g(view);
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
        return {folding.pe / (product != nullptr ? product->multiplier : 1), folding.simd};
    }

    [[nodiscard]] std::vector<Folding> legal_foldings(const LayerView& view) const override {
        std::vector<Folding> result;
        const std::int64_t channels = view.input().channels();
        for (const std::int64_t pe : divisors(channels)) result.push_back({pe, 1});
        if (can_be_parallel(view)) result.push_back({channels, kind_of(view).positions()});
        return result;
    }
    [[nodiscard]] bool has_simd() const override { return true; }
    [[nodiscard]] std::int64_t cycles(const LayerView& view, Folding folding) const override {
        return std::max(view.input().elements(), view.output().elements() / folding.simd) /
               folding.pe;
    }
    [[nodiscard]] std::int64_t input_elements(const LayerView&, Folding folding,
                                              std::size_t) const override {
        return folding.pe;
    }
    [[nodiscard]] std::int64_t output_elements(const LayerView&, Folding folding,
                                               std::size_t) const override {
        return folding.pe * folding.simd;
    }
    [[nodiscard]] int input_bits(const LayerView& view, std::size_t) const override {
        return view.output().type.bits;
    }

    [[nodiscard]] Unit instance(const LayerView& view, Folding folding, const std::string& name,
                                const Prices& prices) const override {
        const WindowGeometry g(view);
        const std::int64_t channels = view.input().channels();
        const int bits = view.output().type.bits;
        const std::int64_t word_bits = folding.pe * bits;
        const std::int64_t groups = channels / folding.pe;
        const bool by_groups = group_reader(view) != nullptr;
        const bool in_parallel = folding.simd > 1;
        const WindowStyle style = in_parallel ? WindowStyle::kParallel
                                  : by_groups ? WindowStyle::kByGroups
                                              : WindowStyle::kSerial;
        std::int64_t depth = ring_words(g, groups, style);
        Buffer ring = choose_buffer(depth, word_bits, prices);
        if (in_parallel) {
            // A power of two saves every position the wrap of its address.
            const auto rounded =
                static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(depth)));
            const Buffer larger = choose_buffer(rounded, word_bits, prices);
            if (prices.of(larger.cost) <= prices.of(ring.cost) + cost::ceil_log2(depth)) {
                depth = rounded;
                ring = larger;
            }
        }

        Unit unit;
        unit.name = name;
        unit.layer = view.layer.name;
        unit.kind = network::kind_name(view.layer.kind);
        unit.shape =
            fmt::format("{}x{} of {}x{}x{}", g.y.kernel, g.x.kernel, g.height, g.width, channels);
        unit.folding = folding;
        unit.cycles = cycles(view, folding);
        unit.module = in_parallel ? Module::kParallelWindow : Module::kSlidingWindow;
        for (std::int64_t copy = 0; copy < folding.simd; ++copy) {
            unit.cost += ring.cost;
            unit.cost.ffs += ring.register_ffs(word_bits);
        }
        unit.cost += control_cost(g, word_bits, depth, groups, folding.simd);
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
                           {"Depth", depth},
                           {"RamStyle", ring.ram_style}};
        if (!in_parallel) unit.parameters.push_back({"Depthwise", std::int64_t{by_groups}});
        return unit;
    }

    [[nodiscard]] std::vector<MemoryImage> memories(const LayerView&, const Unit&) const override {
        return {};
    }

private:
    static Resources control_cost(const WindowGeometry& g, std::int64_t word_bits,
                                  std::int64_t depth, std::int64_t groups, std::int64_t parallel) {
        const double address = cost::ceil_log2(depth);
        const auto copies = static_cast<double>(parallel);
        double counters = 0.0;
        for (const std::int64_t turns : {groups, g.out_w, g.out_h})
            counters += cost::ceil_log2(turns);
        if (parallel == 1) counters += cost::ceil_log2(g.x.kernel) + cost::ceil_log2(g.y.kernel);
        const bool pads = g.x.pad_begin + g.x.pad_end + g.y.pad_begin + g.y.pad_end > 0;
        const double pad = pads ? cost::ceil_log2(g.width) + cost::ceil_log2(g.height) + 4.0 : 0.0;
        Resources cost;
        cost.luts = 5.2 * address + 1.3 * counters + 1.3 * pad +
                    (pads ? copies * static_cast<double>(word_bits) : 0.0) + 10.0;
        cost.ffs = 4.0 * address + counters + pad + 6.0;
        cost.luts += (copies - 1.0) * address;
        return cost;
    }
};

}  // namespace

const UnitModel& sliding_window_model() {
    static const SlidingWindowModel model;
    return model;
}

}  // namespace qloom::hw
