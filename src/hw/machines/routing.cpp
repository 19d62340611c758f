#include "hw/machines/routing.h"

#include <string>
#include <utility>

#include "hw/machines/skid.h"

namespace qloom::hw {
namespace {

// ql_fork: a skid whose beat leaves when every way has it.
class ForkMachine final : public Machine {
public:
    ForkMachine(MachinePorts ports) : Machine(std::move(ports)), taken_(outputs_.size(), 0) {}
    void publish(Wires& wires) const override {
        set(wires.ready, inputs_[0], skid_.ready());
        for (std::size_t way = 0; way < outputs_.size(); ++way) {
            set(wires.valid, outputs_[way], skid_.valid() && taken_[way] == 0);
        }
    }
    std::int64_t step(const Wires& wires) override {
        bool all = true;
        bool changed = false;
        for (std::size_t way = 0; way < outputs_.size(); ++way) {
            all = all &&
                  (taken_[way] != 0 || wires.ready[static_cast<std::size_t>(outputs_[way])] != 0);
        }
        for (std::size_t way = 0; way < outputs_.size(); ++way) {
            const std::uint8_t before = taken_[way];
            if (all) {
                taken_[way] = 0;
            } else if (skid_.valid() && wires.ready[static_cast<std::size_t>(outputs_[way])] != 0) {
                taken_[way] = 1;
            }
            changed = changed || taken_[way] != before;
        }
        changed = skid_.step(wires.fires(inputs_[0]), skid_.valid() && all) || changed;
        bool asked = false;
        for (std::size_t way = 0; way < outputs_.size(); ++way)
            asked = asked || (taken_[way] == 0 && has_ready(wires, outputs_[way]));
        return next(changed, skid_.is_busy(has_valid(wires, inputs_[0]), asked));
    }
    void state(StateHash& hash) const override {
        for (const std::uint8_t taken : taken_) hash.add(taken);
        hash.add(skid_.held);
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
    void state(StateHash& hash) const {
        hash.add(static_cast<std::int64_t>(way_));
        hash.add(count_);
    }

private:
    std::vector<std::int64_t> beats_;
    std::size_t way_ = 0;
    std::int64_t count_ = 0;
};

class ConcatMachine final : public Machine {
public:
    ConcatMachine(MachinePorts ports, std::vector<std::int64_t> beats)
        : Machine(std::move(ports)), turn_(std::move(beats)) {}
    void publish(Wires& wires) const override {
        for (std::size_t way = 0; way < inputs_.size(); ++way) {
            set(wires.ready, inputs_[way], way == turn_.way() && skid_.ready());
        }
        set(wires.valid, outputs_[0], skid_.valid());
    }
    std::int64_t step(const Wires& wires) override {
        const bool push = wires.fires(inputs_[turn_.way()]);
        if (push) turn_.step();
        const bool changed = skid_.step(push, wires.fires(outputs_[0])) || push;
        return next(changed, skid_.is_busy(has_valid(wires, inputs_[turn_.way()]),
                                           has_ready(wires, outputs_[0])));
    }
    void state(StateHash& hash) const override {
        turn_.state(hash);
        hash.add(skid_.held);
    }

private:
    Turn turn_;
    Skid skid_;
};

class SplitMachine final : public Machine {
public:
    SplitMachine(MachinePorts ports, std::vector<std::int64_t> beats)
        : Machine(std::move(ports)), turn_(std::move(beats)) {}
    void publish(Wires& wires) const override {
        set(wires.ready, inputs_[0], skid_.ready());
        for (std::size_t way = 0; way < outputs_.size(); ++way) {
            set(wires.valid, outputs_[way], way == turn_.way() && skid_.valid());
        }
    }
    std::int64_t step(const Wires& wires) override {
        const bool pop = wires.fires(outputs_[turn_.way()]);
        const bool changed = skid_.step(wires.fires(inputs_[0]), pop);
        if (pop) turn_.step();
        return next(changed || pop, skid_.is_busy(has_valid(wires, inputs_[0]),
                                                  has_ready(wires, outputs_[turn_.way()])));
    }
    void state(StateHash& hash) const override {
        turn_.state(hash);
        hash.add(skid_.held);
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

MachinePtr make_fork_machine(MachinePorts ports) {
    return std::make_unique<ForkMachine>(std::move(ports));
}

MachinePtr make_concat_machine(const Unit& unit, MachinePorts ports) {
    return std::make_unique<ConcatMachine>(std::move(ports),
                                           parse_beats(unit.text("Beats"), unit.integer("Ways")));
}

MachinePtr make_split_machine(const Unit& unit, MachinePorts ports) {
    return std::make_unique<SplitMachine>(std::move(ports),
                                          parse_beats(unit.text("Beats"), unit.integer("Ways")));
}

}  // namespace qloom::hw
