#include "hw/units/window_reduce.h"

#include <fmt/format.h>

#include "base/diagnostic.h"
#include "hw/cost.h"
#include "hw/units/windows.h"

namespace qloom::hw {
namespace {

using network::Reduction;
using network::WindowReduce;

const WindowReduce& kind_of(const LayerView& view) {
    return std::get<WindowReduce>(view.layer.kind);
}
bool is_sum(const LayerView& view) { return kind_of(view).reduction == Reduction::kSum; }

// pe: channels in parallel; simd: positions in parallel.
class WindowReduceModel final : public UnitModel {
public:
    void check(const LayerView& view) const override {
        check_width(view, view.input(), 48);
        check_width(view, view.output(), 64);
        QLOOM_ASSERT(is_sum(view) || view.output().type.bits >= view.input().type.bits,
                     "a maximum is a value of the window");
    }

    [[nodiscard]] bool has_simd() const override { return true; }

    [[nodiscard]] std::vector<Folding> legal_foldings(const LayerView& view) const override {
        std::vector<Folding> result;
        if (const network::Layer* source = group_source(view)) {
            for (const std::int64_t pe : divisors(view.output().channels())) {
                for (const std::int64_t simd : positions_a_beat({view.network, *source}))
                    result.push_back({pe, simd});
            }
        } else {
            for (const std::int64_t simd : divisors(kind_of(view).positions))
                result.push_back({view.output().channels(), simd});
        }
        return result;
    }

    [[nodiscard]] std::int64_t cycles(const LayerView& view, Folding folding) const override {
        return view.input().elements() / (folding.pe * folding.simd);
    }
    [[nodiscard]] std::int64_t input_elements(const LayerView&, Folding folding,
                                              std::size_t) const override {
        return folding.pe * folding.simd;
    }
    [[nodiscard]] std::int64_t output_elements(const LayerView&, Folding folding,
                                               std::size_t) const override {
        return folding.pe;
    }
    [[nodiscard]] Unit instance(const LayerView& view, Folding folding, const std::string& name,
                                const Prices&) const override {
        const IntType input = view.input().type;
        const int output = view.output().type.bits;
        const int value = is_sum(view) ? output : input.bits;
        const std::int64_t steps = kind_of(view).positions / folding.simd;

        Unit unit;
        unit.name = name;
        unit.layer = view.layer.name;
        unit.kind = network::kind_name(view.layer.kind);
        unit.shape = fmt::format("{} of {} x {}", is_sum(view) ? "sum" : "max",
                                 kind_of(view).positions, view.output().channels());
        unit.folding = folding;
        unit.cycles = cycles(view, folding);
        unit.accumulator_bits = is_sum(view) ? output : 0;
        unit.module = Module::kWindowReduce;
        const double joins = static_cast<double>(folding.pe) *
                             (static_cast<double>(folding.simd) - (steps > 1 ? 0.0 : 1.0));
        const double bits = value;
        unit.cost.luts = joins * (is_sum(view) ? bits : 1.5 * bits) + 10.0;
        unit.cost.ffs = static_cast<double>(folding.pe * (2 * folding.simd)) * bits + 12.0;
        unit.cost += cost::skid(folding.pe * value);
        unit.parameters = {{"Positions", kind_of(view).positions},
                           {"Pe", folding.pe},
                           {"Simd", folding.simd},
                           {"InputW", std::int64_t{input.bits}},
                           {"InputSigned", std::int64_t{input.is_signed}},
                           {"Sum", std::int64_t{is_sum(view)}},
                           {"OutputW", std::int64_t{output}}};
        return unit;
    }

    [[nodiscard]] std::vector<MemoryImage> memories(const LayerView&, const Unit&) const override {
        return {};
    }
};

}  // namespace

const UnitModel& window_reduce_model() {
    static const WindowReduceModel model;
    return model;
}

}  // namespace qloom::hw
