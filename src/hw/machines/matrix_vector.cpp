#include "hw/machines/matrix_vector.h"

#include <utility>

#include "hw/cost.h"
#include "hw/machines/skid.h"

namespace qloom::hw {
namespace {

// ql_matrix_vector: replay buffer of two vectors (none when one fold computes all neurons), dot
// product pipeline, then a skid (one step a vector) or a single output register.
class MatrixVectorMachine final : public Machine {
public:
    MatrixVectorMachine(MachinePorts ports, const Unit& unit)
        : Machine(std::move(ports)),
          simd_folds_(unit.integer("MatrixW") / unit.integer("Simd")),
          neuron_folds_(unit.integer("MatrixH") / unit.integer("Pe")),
          free_(2 * simd_folds_) {
        const std::int64_t simd = unit.integer("Simd");
        const std::int64_t leaves = unit.integer("Xnor") != 0 ? (simd + 17) / 18 : simd;
        stages_ =
            2 + (cost::ceil_log2(leaves) + 1) / 2;  // valid_q of the module: DotLatency + 1 bits
    }
    void publish(Wires& wires) const override {
        set(wires.ready, inputs_[0], neuron_folds_ == 1 ? enable() : free_ != 0);
        set(wires.valid, outputs_[0], simd_folds_ == 1 ? skid_.valid() : out_valid_);
    }
    void step(const Wires& wires) override {
        const bool taken = wires.fires(inputs_[0]);
        const bool given = wires.fires(outputs_[0]);
        const bool moves = enable();
        const bool top_valid = ((valid_ >> (stages_ - 1)) & 1U) != 0;
        const bool top_last = ((last_ >> (stages_ - 1)) & 1U) != 0;
        const bool issue =
            neuron_folds_ == 1 ? moves && taken : moves && (fold_ != 0 || news_ != 0);
        const bool last_step = step_ == simd_folds_ - 1;

        if (simd_folds_ == 1) {
            skid_.step(moves && top_valid, given);
        } else if (moves && top_valid && top_last) {
            out_valid_ = true;
        } else if (given) {
            out_valid_ = false;
        }
        if (moves) {
            const std::uint64_t mask = (std::uint64_t{1} << stages_) - 1;
            valid_ = ((valid_ << 1) | (issue ? 1U : 0U)) & mask;
            last_ = ((last_ << 1) | (last_step ? 1U : 0U)) & mask;
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
    }

private:
    [[nodiscard]] bool enable() const {
        if (simd_folds_ == 1) return skid_.ready();
        const bool top_valid = ((valid_ >> (stages_ - 1)) & 1U) != 0;
        const bool top_last = ((last_ >> (stages_ - 1)) & 1U) != 0;
        return !(top_valid && top_last && out_valid_);
    }

    std::int64_t simd_folds_;
    std::int64_t neuron_folds_;
    int stages_ = 0;
    std::int64_t step_ = 0;
    std::int64_t fold_ = 0;
    std::int64_t free_;
    std::int64_t news_ = 0;
    std::uint64_t valid_ = 0;
    std::uint64_t last_ = 0;
    bool out_valid_ = false;
    Skid skid_;
};

}  // namespace

MachinePtr make_matrix_vector_machine(const Unit& unit, MachinePorts ports) {
    return std::make_unique<MatrixVectorMachine>(std::move(ports), unit);
}

}  // namespace qloom::hw
