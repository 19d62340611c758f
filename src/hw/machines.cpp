#include "hw/machines.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "base/diagnostic.h"
#include "hw/cost.h"

namespace qloom::hw {
namespace {

using cost::ceil_log2;

// ql_skid: two registers.
struct Skid {
    int held = 0;
    [[nodiscard]] bool ready() const { return held < 2; }
    [[nodiscard]] bool valid() const { return held > 0; }
    void step(bool push, bool pop) { held += (push ? 1 : 0) - (pop ? 1 : 0); }
};

class SkidMachine final : public Machine {
public:
    using Machine::Machine;
    void publish(Wires& wires) const override {
        set(wires.ready, inputs_[0], skid_.ready());
        set(wires.valid, outputs_[0], skid_.valid());
    }
    void step(const Wires& wires) override {
        skid_.step(wires.fires(inputs_[0]), wires.fires(outputs_[0]));
    }

private:
    Skid skid_;
};

// ql_fifo with Depth > 2: memory of Depth - 1 words and a read register.
class FifoMachine final : public Machine {
public:
    FifoMachine(std::vector<int> inputs, std::vector<int> outputs, std::int64_t depth)
        : Machine(std::move(inputs), std::move(outputs)), words_(depth - 1) {}
    void publish(Wires& wires) const override {
        set(wires.ready, inputs_[0], count_ != words_);
        set(wires.valid, outputs_[0], out_valid_);
    }
    void step(const Wires& wires) override {
        const bool push = wires.fires(inputs_[0]);
        const bool ready = wires.ready[static_cast<std::size_t>(outputs_[0])] != 0;
        const bool pull = count_ != 0 && (ready || !out_valid_);
        count_ += (push ? 1 : 0) - (pull ? 1 : 0);
        if (pull) {
            out_valid_ = true;
        } else if (ready) {
            out_valid_ = false;
        }
        peak_ = std::max(peak_, count_ + (out_valid_ ? 1 : 0));
    }
    [[nodiscard]] std::int64_t peak() const override { return peak_; }

private:
    std::int64_t words_;
    std::int64_t count_ = 0;
    std::int64_t peak_ = 0;
    bool out_valid_ = false;
};

// ql_width_converter: counts slots of the greatest common divisor.
class ConverterMachine final : public Machine {
public:
    ConverterMachine(std::vector<int> inputs, std::vector<int> outputs, std::int64_t in,
                     std::int64_t out)
        : Machine(std::move(inputs), std::move(outputs)) {
        const std::int64_t slot = std::gcd(in, out);
        in_ = in / slot;
        out_ = out / slot;
        slots_ = in_ + out_ + std::min(in_, out_) - 1;
    }
    void publish(Wires& wires) const override {
        set(wires.ready, inputs_[0], count_ <= slots_ - in_);
        set(wires.valid, outputs_[0], count_ >= out_);
    }
    void step(const Wires& wires) override {
        if (wires.fires(outputs_[0])) count_ -= out_;
        if (wires.fires(inputs_[0])) count_ += in_;
    }

private:
    std::int64_t in_ = 1;
    std::int64_t out_ = 1;
    std::int64_t slots_ = 1;
    std::int64_t count_ = 0;
};

// Registered stages that all move together, then a skid: thresholds, tables, affine, joins and
// argmax.
class PipelineMachine final : public Machine {
public:
    // One output beat for every `beats` input beats.
    PipelineMachine(std::vector<int> inputs, std::vector<int> outputs, int stages,
                    std::int64_t beats = 1)
        : Machine(std::move(inputs), std::move(outputs)), stages_(stages), beats_(beats) {
        QLOOM_ASSERT(stages < 64, "a pipeline has less than 64 stages");
    }
    void publish(Wires& wires) const override {
        for (const int input : inputs_) set(wires.ready, input, skid_.ready());
        set(wires.valid, outputs_[0], skid_.valid());
    }
    void settle(Wires& wires) const override {
        if (inputs_.size() < 2) return;
        bool all = true;
        for (const int input : inputs_)
            all = all && wires.valid[static_cast<std::size_t>(input)] != 0;
        if (!all) {
            for (const int input : inputs_) set(wires.ready, input, false);
        }
    }
    void step(const Wires& wires) override {
        bool push = false;
        if (skid_.ready()) {
            valid_ = (valid_ << 1) | (wires.fires(inputs_[0]) ? 1U : 0U);
            if (((valid_ >> stages_) & 1U) != 0) {
                beat_ = beat_ + 1 == beats_ ? 0 : beat_ + 1;
                push = beat_ == 0;
            }
            valid_ &= (std::uint64_t{1} << stages_) - 1;
        }
        skid_.step(push, wires.fires(outputs_[0]));
    }

private:
    int stages_;
    std::int64_t beats_;
    std::uint64_t valid_ = 0;
    std::int64_t beat_ = 0;
    Skid skid_;
};

// ql_matrix_vector: replay buffer of two vectors (none when one fold computes all neurons), dot
// product pipeline, then a skid (one step a vector) or a single output register.
class MatrixVectorMachine final : public Machine {
public:
    MatrixVectorMachine(std::vector<int> inputs, std::vector<int> outputs, const Unit& unit)
        : Machine(std::move(inputs), std::move(outputs)),
          simd_folds_(unit.integer("MatrixW") / unit.integer("Simd")),
          neuron_folds_(unit.integer("MatrixH") / unit.integer("Pe")),
          free_(2 * simd_folds_) {
        const std::int64_t simd = unit.integer("Simd");
        const std::int64_t leaves = unit.integer("Xnor") != 0 ? (simd + 17) / 18 : simd;
        stages_ = 2 + (ceil_log2(leaves) + 1) / 2;  // valid_q of the module: DotLatency + 1 bits
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

// ql_fork: a skid whose beat leaves when every way has it.
class ForkMachine final : public Machine {
public:
    ForkMachine(std::vector<int> inputs, std::vector<int> outputs)
        : Machine(std::move(inputs), std::move(outputs)), taken_(outputs_.size(), 0) {}
    void publish(Wires& wires) const override {
        set(wires.ready, inputs_[0], skid_.ready());
        for (std::size_t way = 0; way < outputs_.size(); ++way) {
            set(wires.valid, outputs_[way], skid_.valid() && taken_[way] == 0);
        }
    }
    void step(const Wires& wires) override {
        bool all = true;
        for (std::size_t way = 0; way < outputs_.size(); ++way) {
            all = all &&
                  (taken_[way] != 0 || wires.ready[static_cast<std::size_t>(outputs_[way])] != 0);
        }
        for (std::size_t way = 0; way < outputs_.size(); ++way) {
            if (all) {
                taken_[way] = 0;
            } else if (skid_.valid() && wires.ready[static_cast<std::size_t>(outputs_[way])] != 0) {
                taken_[way] = 1;
            }
        }
        skid_.step(wires.fires(inputs_[0]), skid_.valid() && all);
    }

private:
    std::vector<std::uint8_t> taken_;
    Skid skid_;
};

// ql_turn: whose turn it is.
class Turn {
public:
    explicit Turn(std::vector<std::int64_t> beats) : beats_(std::move(beats)) {}
    [[nodiscard]] std::size_t way() const { return way_; }
    void step() {
        if (++count_ < beats_[way_]) return;
        count_ = 0;
        way_ = way_ + 1 == beats_.size() ? 0 : way_ + 1;
    }

private:
    std::vector<std::int64_t> beats_;
    std::size_t way_ = 0;
    std::int64_t count_ = 0;
};

class ConcatMachine final : public Machine {
public:
    ConcatMachine(std::vector<int> inputs, std::vector<int> outputs,
                  std::vector<std::int64_t> beats)
        : Machine(std::move(inputs), std::move(outputs)), turn_(std::move(beats)) {}
    void publish(Wires& wires) const override {
        for (std::size_t way = 0; way < inputs_.size(); ++way) {
            set(wires.ready, inputs_[way], way == turn_.way() && skid_.ready());
        }
        set(wires.valid, outputs_[0], skid_.valid());
    }
    void step(const Wires& wires) override {
        const bool push = wires.fires(inputs_[turn_.way()]);
        if (push) turn_.step();
        skid_.step(push, wires.fires(outputs_[0]));
    }

private:
    Turn turn_;
    Skid skid_;
};

class SplitMachine final : public Machine {
public:
    SplitMachine(std::vector<int> inputs, std::vector<int> outputs, std::vector<std::int64_t> beats)
        : Machine(std::move(inputs), std::move(outputs)), turn_(std::move(beats)) {}
    void publish(Wires& wires) const override {
        set(wires.ready, inputs_[0], skid_.ready());
        for (std::size_t way = 0; way < outputs_.size(); ++way) {
            set(wires.valid, outputs_[way], way == turn_.way() && skid_.valid());
        }
    }
    void step(const Wires& wires) override {
        const bool pop = wires.fires(outputs_[turn_.way()]);
        skid_.step(wires.fires(inputs_[0]), pop);
        if (pop) turn_.step();
    }

private:
    Turn turn_;
    Skid skid_;
};

// "64'h0000000200000001" -> {1, 2}.
std::vector<std::int64_t> parse_beats(const std::string& literal, std::int64_t ways) {
    const std::string digits = literal.substr(literal.find('h') + 1);
    std::vector<std::int64_t> beats;
    for (std::int64_t way = 0; way < ways; ++way) {
        const auto at = digits.size() - static_cast<std::size_t>(8 * (way + 1));
        beats.push_back(std::stoll(digits.substr(at, 8), nullptr, 16));
    }
    return beats;
}

}  // namespace

std::unique_ptr<Machine> make_machine(const Unit& unit, std::vector<int> inputs,
                                      std::vector<int> outputs, bool unbounded_fifo) {
    const auto pipeline = [&](int stages, std::int64_t beats = 1) {
        return std::make_unique<PipelineMachine>(std::move(inputs), std::move(outputs), stages,
                                                 beats);
    };
    switch (unit.module) {
        case Module::kSkid:
        case Module::kOutput:
            return std::make_unique<SkidMachine>(std::move(inputs), std::move(outputs));
        case Module::kFifo: {
            const std::int64_t depth = unit.integer("Depth");
            if (unbounded_fifo) {
                return std::make_unique<FifoMachine>(std::move(inputs), std::move(outputs),
                                                     std::numeric_limits<std::int64_t>::max());
            }
            if (depth == 2)
                return std::make_unique<SkidMachine>(std::move(inputs), std::move(outputs));
            return std::make_unique<FifoMachine>(std::move(inputs), std::move(outputs), depth);
        }
        case Module::kWidthConverter: {
            const std::int64_t in = unit.integer("InElems");
            const std::int64_t out = unit.integer("OutElems");
            if (in == out)
                return std::make_unique<SkidMachine>(std::move(inputs), std::move(outputs));
            return std::make_unique<ConverterMachine>(std::move(inputs), std::move(outputs), in,
                                                      out);
        }
        case Module::kMatrixVector:
            return std::make_unique<MatrixVectorMachine>(std::move(inputs), std::move(outputs),
                                                         unit);
        case Module::kThreshold:
            return pipeline(unit.text("Style") == "search" ? ceil_log2(unit.integer("Steps") + 1)
                                                           : 2);
        case Module::kLookup:
            return pipeline(1);
        case Module::kRequantize:
            return pipeline(4);
        case Module::kChannelAffine:
            return pipeline(2);
        case Module::kAdd:
        case Module::kMul:
            return pipeline(1);
        case Module::kArgmax:
            return pipeline(ceil_log2(unit.integer("Pe")),
                            unit.integer("Labels") / unit.integer("Pe"));
        case Module::kFork:
            return std::make_unique<ForkMachine>(std::move(inputs), std::move(outputs));
        case Module::kConcat:
            return std::make_unique<ConcatMachine>(
                std::move(inputs), std::move(outputs),
                parse_beats(unit.text("Beats"), unit.integer("Ways")));
        case Module::kSplit:
            return std::make_unique<SplitMachine>(
                std::move(inputs), std::move(outputs),
                parse_beats(unit.text("Beats"), unit.integer("Ways")));
    }
    QLOOM_ASSERT(false, "every module has a machine");
}

}  // namespace qloom::hw
