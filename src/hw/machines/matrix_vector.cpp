#include "hw/machines/matrix_vector.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "hw/machines/skid.h"
#include "hw/units/products.h"

namespace qloom::hw {
namespace {

// ql_matrix_vector: replay buffer of two vectors (none when one fold computes all neurons), dot
// product pipeline, then a skid (one step a vector) or a single output register.
class MatrixVectorMachine final : public Machine {
public:
    MatrixVectorMachine(MachinePorts ports, std::int64_t simd_folds, std::int64_t neuron_folds,
                        int dot_latency)
        : Machine(std::move(ports)),
          simd_folds_(simd_folds),
          neuron_folds_(neuron_folds),
          stages_(dot_latency + 1),
          free_(2 * simd_folds) {}
    void publish(Wires& wires) const override {
        set(wires.ready, inputs_[0], neuron_folds_ == 1 ? enable() : free_ != 0);
        set(wires.valid, outputs_[0], simd_folds_ == 1 ? skid_.valid() : pipe_.out_valid);
    }
    std::int64_t step(const Wires& wires) override {
        const Pipe before = pipe_;
        const bool taken = wires.fires(inputs_[0]);
        const bool given = wires.fires(outputs_[0]);
        const bool moves = enable();
        const bool top_valid = ((pipe_.valid >> (stages_ - 1)) & 1U) != 0;
        const bool top_last = ((pipe_.last >> (stages_ - 1)) & 1U) != 0;
        const bool issue =
            neuron_folds_ == 1 ? moves && taken : moves && (fold_ != 0 || news_ != 0);
        const bool last_step = step_ == simd_folds_ - 1;

        bool skid_changed = false;
        if (simd_folds_ == 1) {
            skid_changed = skid_.step(moves && top_valid, given);
        } else if (moves && top_valid && top_last) {
            pipe_.out_valid = true;
        } else if (given) {
            pipe_.out_valid = false;
        }
        if (moves) {
            const std::uint64_t mask = (std::uint64_t{1} << stages_) - 1;
            pipe_.valid = ((pipe_.valid << 1) | (issue ? 1U : 0U)) & mask;
            pipe_.last = ((pipe_.last << 1) | (last_step ? 1U : 0U)) & mask;
        }
        if (neuron_folds_ != 1) {
            const bool fresh = issue && fold_ == 0;
            const bool release = issue && fold_ == neuron_folds_ - 1;
            free_ += (release ? 1 : 0) - (taken ? 1 : 0);
            news_ += (taken ? 1 : 0) - (fresh ? 1 : 0);
        }
        if (issue) {
            step_ = last_step ? 0 : step_ + 1;
            if (last_step) fold_ = fold_ == neuron_folds_ - 1 ? 0 : fold_ + 1;
        }
        if (!issue && !taken && !skid_changed && before == pipe_) return kAsleep;
        return computes(wires) ? 1 + quiet_cycles(wires) : kRests;
    }
    void advance(std::int64_t cycles) override {
        pipe_.shift(cycles, stages_);
        step_ += cycles;
        if (fold_ == neuron_folds_ - 1) free_ += cycles;
        if (fold_ == 0) news_ -= cycles;
    }
    void state(StateHash& hash) const override {
        hash.add(step_);
        hash.add(fold_);
        hash.add(free_);
        hash.add(news_);
        hash.add(static_cast<std::int64_t>(pipe_.valid));
        hash.add(static_cast<std::int64_t>(pipe_.valid & pipe_.last));
        hash.add(pipe_.out_valid ? 1 : 0);
        hash.add(skid_.held);
    }

private:
    // The dot product's stages, a bit each, and the output register.
    struct Pipe {
        std::uint64_t valid = 0;
        std::uint64_t last = 0;
        bool out_valid = false;

        // So many steps issued, none of them the last of a row.
        void shift(std::int64_t cycles, int stages) {
            const std::uint64_t mask = (std::uint64_t{1} << stages) - 1;
            if (cycles >= stages) {
                valid = mask;
                last = 0;
                return;
            }
            valid = ((valid << cycles) | ((std::uint64_t{1} << cycles) - 1)) & mask;
            last = (last << cycles) & mask;
        }
        friend bool operator==(const Pipe&, const Pipe&) = default;
    };

    // Whether the next edge does anything while the wires are as they are.
    [[nodiscard]] bool computes(const Wires& wires) const {
        const bool moves = enable();
        const bool takes =
            has_valid(wires, inputs_[0]) && (neuron_folds_ == 1 ? moves : free_ != 0);
        const bool gives =
            has_ready(wires, outputs_[0]) && (simd_folds_ == 1 ? skid_.valid() : pipe_.out_valid);
        const bool issues = neuron_folds_ != 1 && (fold_ != 0 || news_ != 0);
        return takes || gives || (moves && (issues || pipe_.valid != 0));
    }

    // Cycles of a row in which the unit only computes: a step is issued in each, none of them ends
    // the row, no beat moves, nothing reaches the output register.
    [[nodiscard]] std::int64_t quiet_cycles(const Wires& wires) const {
        if (neuron_folds_ == 1 || simd_folds_ == 1) return 0;
        const bool takes = free_ != 0 && wires.valid[static_cast<std::size_t>(inputs_[0])] != 0;
        const bool gives =
            pipe_.out_valid && wires.ready[static_cast<std::size_t>(outputs_[0])] != 0;
        if (takes || gives || (fold_ == neuron_folds_ - 1 && free_ == 0)) return 0;
        std::int64_t cycles = simd_folds_ - 1 - step_;
        if (fold_ == 0) cycles = std::min(cycles, news_);
        const std::uint64_t results = pipe_.valid & pipe_.last;
        if (results != 0)
            cycles = std::min<std::int64_t>(cycles, stages_ - std::bit_width(results));
        return cycles;
    }

    [[nodiscard]] bool enable() const {
        if (simd_folds_ == 1) return skid_.ready();
        const bool top_valid = ((pipe_.valid >> (stages_ - 1)) & 1U) != 0;
        const bool top_last = ((pipe_.last >> (stages_ - 1)) & 1U) != 0;
        return !(top_valid && top_last && pipe_.out_valid);
    }

    std::int64_t simd_folds_;
    std::int64_t neuron_folds_;
    int stages_;
    std::int64_t step_ = 0;
    std::int64_t fold_ = 0;
    std::int64_t free_;
    std::int64_t news_ = 0;
    Pipe pipe_;
    Skid skid_;
};

int dot_latency(const Unit& unit, bool xnor) {
    const Products products{.input_bits = static_cast<int>(unit.integer("InputW")),
                            .weight_bits = static_cast<int>(unit.integer("WeightW")),
                            .bipolar = unit.integer("WeightBipolar") != 0,
                            .xnor = xnor,
                            .input_signed = unit.integer("InputSigned") != 0};
    return dot_shape(products, unit.integer("Simd")).latency;
}

}  // namespace

MachinePtr make_matrix_vector_machine(const Unit& unit, MachinePorts ports) {
    const std::int64_t simd = unit.integer("Simd");
    return std::make_unique<MatrixVectorMachine>(
        std::move(ports), unit.integer("MatrixW") / simd,
        unit.integer("MatrixH") / unit.integer("Pe"),
        unit.integer("DspPe") > 0 ? dsp_latency(simd)
                                  : dot_latency(unit, unit.integer("Xnor") != 0));
}

// Its dot products and its output are those of ql_matrix_vector when one fold has all neurons.
MachinePtr make_vector_vector_machine(const Unit& unit, MachinePorts ports) {
    const std::int64_t simd = unit.integer("Simd");
    return std::make_unique<MatrixVectorMachine>(std::move(ports), unit.integer("Positions") / simd,
                                                 1, dot_latency(unit, false));
}

}  // namespace qloom::hw
