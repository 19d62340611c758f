#include "hw/machines/plumbing.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "hw/machines/skid.h"

namespace qloom::hw {
namespace {

class SkidMachine final : public Machine {
public:
    using Machine::Machine;
    void publish(Wires& wires) const override {
        set(wires.ready, inputs_[0], skid_.ready());
        set(wires.valid, outputs_[0], skid_.valid());
    }
    std::int64_t step(const Wires& wires) override {
        const bool changed = skid_.step(wires.fires(inputs_[0]), wires.fires(outputs_[0]));
        peak_ = std::max<std::int64_t>(peak_, skid_.held);
        return next(changed,
                    skid_.is_busy(has_valid(wires, inputs_[0]), has_ready(wires, outputs_[0])));
    }
    void state(StateHash& hash) const override { hash.add(skid_.held); }
    [[nodiscard]] std::int64_t peak() const override { return peak_; }

private:
    Skid skid_;
    std::int64_t peak_ = 0;
};

// ql_fifo with Depth > 2: memory of Depth - 1 words and a read register.
class FifoMachine final : public Machine {
public:
    FifoMachine(MachinePorts ports, std::int64_t depth)
        : Machine(std::move(ports)), words_(depth - 1) {}
    void publish(Wires& wires) const override {
        set(wires.ready, inputs_[0], count_ != words_);
        set(wires.valid, outputs_[0], out_valid_);
    }
    std::int64_t step(const Wires& wires) override {
        const std::int64_t count = count_;
        const bool out_valid = out_valid_;
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
        return next(count != count_ || out_valid != out_valid_,
                    is_busy(wires, count_ != words_, out_valid_, count_ != 0));
    }
    void state(StateHash& hash) const override {
        hash.add(count_);
        hash.add(out_valid_ ? 1 : 0);
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
    ConverterMachine(MachinePorts ports, std::int64_t in, std::int64_t out)
        : Machine(std::move(ports)) {
        const std::int64_t slot = std::gcd(in, out);
        in_ = in / slot;
        out_ = out / slot;
        slots_ = in_ + out_ + std::min(in_, out_) - 1;
    }
    void publish(Wires& wires) const override {
        set(wires.ready, inputs_[0], count_ <= slots_ - in_);
        set(wires.valid, outputs_[0], count_ >= out_);
    }
    std::int64_t step(const Wires& wires) override {
        const std::int64_t count = count_;
        if (wires.fires(outputs_[0])) count_ -= out_;
        if (wires.fires(inputs_[0])) count_ += in_;
        return next(count != count_, (count_ <= slots_ - in_ && has_valid(wires, inputs_[0])) ||
                                         (count_ >= out_ && has_ready(wires, outputs_[0])));
    }
    void state(StateHash& hash) const override { hash.add(count_); }

private:
    std::int64_t in_ = 1;
    std::int64_t out_ = 1;
    std::int64_t slots_ = 1;
    std::int64_t count_ = 0;
};

}  // namespace

MachinePtr make_skid_machine(MachinePorts ports) {
    return std::make_unique<SkidMachine>(std::move(ports));
}

MachinePtr make_fifo_machine(const Unit& unit, MachinePorts ports, bool unbounded) {
    if (unbounded) {
        return std::make_unique<FifoMachine>(std::move(ports),
                                             std::numeric_limits<std::int64_t>::max());
    }
    const std::int64_t depth = unit.integer("Depth");
    if (depth == 2) return make_skid_machine(std::move(ports));
    return std::make_unique<FifoMachine>(std::move(ports), depth);
}

MachinePtr make_converter_machine(const Unit& unit, MachinePorts ports) {
    const std::int64_t in = unit.integer("InElems");
    const std::int64_t out = unit.integer("OutElems");
    if (in == out) return make_skid_machine(std::move(ports));
    return std::make_unique<ConverterMachine>(std::move(ports), in, out);
}

}  // namespace qloom::hw
