#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/codes/hw.h"
#include "hw/accelerator.h"
#include "hw/memory_image.h"
#include "network/network.h"

// What one kind of layer says about its hardware. Each kind has one file pair in hw/units/ and one
// line in hw/registry.cpp; nothing else knows kinds.
namespace qloom::hw {

// A layer and the streams it joins.
struct LayerView {
    const network::Network& network;
    const network::Layer& layer;

    [[nodiscard]] const network::Stream& input(std::size_t index = 0) const {
        return network.stream(layer.inputs[index]);
    }
    [[nodiscard]] const network::Stream& output(std::size_t index = 0) const {
        return network.stream(layer.outputs[index]);
    }
};

// What resources are worth, in LUTs: how block RAM is traded for LUTs.
struct Prices {
    double ff = 0.05;
    double bram36 = 130.0;
    double dsp = 60.0;
    bool has_lut_ram = true;  // a LUT can be written as memory
    // Bits of the wide factor of the board's DSP blocks (25: DSP48E1, 27: DSP48E2), and how many of
    // them a unit may take. Zero: none.
    int dsp_factor_bits = 0;
    std::int64_t most_dsps = 0;

    [[nodiscard]] double of(const Resources& cost) const {
        return cost.luts + ff * cost.ffs + bram36 * cost.bram36 + dsp * cost.dsps;
    }
};

class UnitModel {
public:
    virtual ~UnitModel() = default;

    // Throws code::kNoHardware when the library cannot compute this layer at any folding.
    virtual void check(const LayerView& view) const = 0;
    // Every legal folding, ascending.
    [[nodiscard]] virtual std::vector<Folding> legal_foldings(const LayerView& view) const = 0;
    // Whether `simd` means something for this kind.
    [[nodiscard]] virtual bool has_simd() const { return false; }
    // Cycles a frame when nothing stalls.
    [[nodiscard]] virtual std::int64_t cycles(const LayerView& view, Folding folding) const = 0;
    // Elements a beat at an input or output.
    [[nodiscard]] virtual std::int64_t input_elements(const LayerView& view, Folding folding,
                                                      std::size_t port) const = 0;
    [[nodiscard]] virtual std::int64_t output_elements(const LayerView& view, Folding folding,
                                                       std::size_t port) const = 0;
    // Bits an element must have at an input.
    [[nodiscard]] virtual int input_bits(const LayerView& view, std::size_t port) const {
        return view.input(port).type.bits;
    }
    // The instance `name`, with its cost; prices decide where memories go.
    [[nodiscard]] virtual Unit instance(const LayerView& view, Folding folding,
                                        const std::string& name, const Prices& prices) const = 0;
    // The layer whose folding decides this one's too; nullptr where it is free.
    [[nodiscard]] virtual const network::Layer* leader(const LayerView&) const { return nullptr; }
    // This layer's folding when its leader has `folding`.
    [[nodiscard]] virtual Folding follow(const LayerView&, Folding folding) const {
        return folding;
    }
    // The contents of its memories.
    [[nodiscard]] virtual std::vector<MemoryImage> memories(const LayerView& view,
                                                            const Unit& unit) const = 0;
};

// Ascending divisors of n >= 1.
std::vector<std::int64_t> divisors(std::int64_t n);

// Elementwise units: pe divides the channels, one beat a cycle, pe elements on every port.
class ElementwiseModel : public UnitModel {
public:
    void check(const LayerView& view) const override;
    [[nodiscard]] std::vector<Folding> legal_foldings(const LayerView& view) const override;
    [[nodiscard]] std::int64_t cycles(const LayerView& view, Folding folding) const override;
    [[nodiscard]] std::int64_t input_elements(const LayerView&, Folding folding,
                                              std::size_t) const override {
        return folding.pe;
    }
    [[nodiscard]] std::int64_t output_elements(const LayerView&, Folding folding,
                                               std::size_t) const override {
        return folding.pe;
    }
    [[nodiscard]] std::vector<MemoryImage> memories(const LayerView&, const Unit&) const override {
        return {};
    }

protected:
    // The fields every elementwise instance has alike.
    [[nodiscard]] Unit base_instance(const LayerView& view, Folding folding,
                                     const std::string& name, Module module) const;
};

// Throws code::kNoHardware.
[[noreturn]] void throw_no_hardware(const LayerView& view, const std::string& what,
                                    const std::string& advice);

// Throws code::kNoHardware when a stream of the layer has more than `most` bits an element.
void check_width(const LayerView& view, const network::Stream& stream, int most);

}  // namespace qloom::hw
