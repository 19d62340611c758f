#include "hw/unit.h"

#include <fmt/format.h>

#include "base/codes/hw.h"
#include "base/diagnostic.h"

namespace qloom::hw {

std::vector<std::int64_t> divisors(std::int64_t n) {
    std::vector<std::int64_t> low;
    std::vector<std::int64_t> high;
    for (std::int64_t d = 1; d * d <= n; ++d) {
        if (n % d != 0) continue;
        low.push_back(d);
        if (d * d != n) high.push_back(n / d);
    }
    low.insert(low.end(), high.rbegin(), high.rend());
    return low;
}

void throw_no_hardware(const LayerView& view, const std::string& what, const std::string& advice) {
    throw Error(code::kNoHardware, "layer " + view.layer.name, what, advice);
}

void check_width(const LayerView& view, const network::Stream& stream, int most) {
    if (stream.type.bits > most) {
        throw_no_hardware(
            view,
            fmt::format("its stream {} has {} bits an element, and a {} takes at most {}",
                        stream.name, stream.type.bits, network::kind_name(view.layer.kind), most),
            "quantise that tensor to fewer bits");
    }
}

void ElementwiseModel::check(const LayerView& view) const {
    for (std::size_t i = 0; i < view.layer.inputs.size(); ++i) check_width(view, view.input(i), 48);
    for (std::size_t i = 0; i < view.layer.outputs.size(); ++i)
        check_width(view, view.output(i), 64);
}

std::vector<Folding> ElementwiseModel::legal_foldings(const LayerView& view) const {
    std::vector<Folding> result;
    for (const std::int64_t pe : divisors(view.output().channels())) result.push_back({pe, 1});
    return result;
}

std::int64_t ElementwiseModel::cycles(const LayerView& view, Folding folding) const {
    return view.output().elements() / folding.pe;
}

Unit ElementwiseModel::base_instance(const LayerView& view, Folding folding,
                                     const std::string& name, Module module) const {
    Unit unit;
    unit.name = name;
    unit.layer = view.layer.name;
    unit.kind = network::kind_name(view.layer.kind);
    unit.shape = fmt::format("{}", fmt::join(view.output().shape, "x"));
    unit.folding = folding;
    unit.cycles = cycles(view, folding);
    unit.module = module;
    return unit;
}

}  // namespace qloom::hw
