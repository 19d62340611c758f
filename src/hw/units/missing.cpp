#include "hw/units/missing.h"

namespace qloom::hw {
namespace {

class MissingModel final : public UnitModel {
public:
    void check(const LayerView& view) const override {
        throw_no_hardware(
            view,
            fmt::format("the RTL library has no {} unit", network::kind_name(view.layer.kind)),
            "run the model in software (qloom run, qloom eval), or build it from dense layers");
    }
    // Nothing below is reached: check() comes first.
    [[nodiscard]] std::vector<Folding> legal_foldings(const LayerView&) const override {
        return {};
    }
    [[nodiscard]] std::int64_t cycles(const LayerView&, Folding) const override { return 1; }
    [[nodiscard]] std::int64_t input_elements(const LayerView&, Folding,
                                              std::size_t) const override {
        return 1;
    }
    [[nodiscard]] std::int64_t output_elements(const LayerView&, Folding,
                                               std::size_t) const override {
        return 1;
    }
    [[nodiscard]] Unit instance(const LayerView&, Folding, const std::string&,
                                const Prices&) const override {
        return {};
    }
    [[nodiscard]] std::vector<MemoryImage> memories(const LayerView&, const Unit&) const override {
        return {};
    }
};

}  // namespace

const UnitModel& missing_model() {
    static const MissingModel model;
    return model;
}

}  // namespace qloom::hw
