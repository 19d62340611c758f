#include "hw/machines/pixels.h"

#include <utility>

#include "hw/machines/plumbing.h"
#include "hw/machines/skid.h"

namespace qloom::hw {
namespace {

// Counts to a limit and begins again.
struct Counter {
    std::int64_t limit = 1;
    std::int64_t value = 0;
    [[nodiscard]] bool is_last() const { return value == limit - 1; }
    // Whether it begins again.
    bool step() {
        const bool ends = is_last();
        value = ends ? 0 : value + 1;
        return ends;
    }
};

// ql_repeat: a memory whose words are free when they are read for the last time, and a read
// register.
class RepeatMachine final : public Machine {
public:
    RepeatMachine(const Unit& unit, MachinePorts ports)
        : Machine(std::move(ports)),
          words_(unit.integer("Words")),
          beat_{unit.integer("Block")},
          pass_{unit.integer("Times")} {}
    void publish(Wires& wires) const override {
        set(wires.ready, inputs_[0], used_ != words_);
        set(wires.valid, outputs_[0], out_valid_);
    }
    std::int64_t step(const Wires& wires) override {
        const bool push = wires.fires(inputs_[0]);
        const bool ready = wires.ready[static_cast<std::size_t>(outputs_[0])] != 0;
        const bool is_first = pass_.value == 0;
        const bool pull = (!is_first || news_ != 0) && (ready || !out_valid_);
        used_ += (push ? 1 : 0) - (pull && pass_.is_last() ? 1 : 0);
        news_ += (push ? 1 : 0) - (pull && is_first ? 1 : 0);
        const bool changed = push || pull || (ready && out_valid_);
        if (pull) {
            out_valid_ = true;
            if (beat_.step()) pass_.step();
        } else if (ready) {
            out_valid_ = false;
        }
        return next(changed,
                    is_busy(wires, used_ != words_, out_valid_, pass_.value != 0 || news_ != 0));
    }
    void state(StateHash& hash) const override {
        hash.add(used_);
        hash.add(news_);
        hash.add(beat_.value);
        hash.add(pass_.value);
        hash.add(out_valid_ ? 1 : 0);
    }

private:
    std::int64_t words_;
    std::int64_t used_ = 0;
    std::int64_t news_ = 0;
    Counter beat_;
    Counter pass_;
    bool out_valid_ = false;
};

// ql_insert_pixels: positions of the output, then a skid.
class InsertPixelsMachine final : public Machine {
public:
    InsertPixelsMachine(const Unit& unit, MachinePorts ports)
        : Machine(std::move(ports)),
          factor_x_(unit.integer("FactorX")),
          factor_y_(unit.integer("FactorY")),
          beat_{unit.integer("Beats")},
          column_{(unit.integer("Width") - 1) * factor_x_ + 1},
          row_{(unit.integer("Height") - 1) * factor_y_ + 1} {}
    void publish(Wires& wires) const override {
        set(wires.ready, inputs_[0], is_input() && skid_.ready());
        set(wires.valid, outputs_[0], skid_.valid());
    }
    std::int64_t step(const Wires& wires) override {
        const bool push = is_input() ? wires.fires(inputs_[0]) : skid_.ready();
        if (push && beat_.step() && column_.step()) row_.step();
        return next(skid_.step(push, wires.fires(outputs_[0])) || push);
    }
    void state(StateHash& hash) const override {
        hash.add(beat_.value);
        hash.add(column_.value);
        hash.add(row_.value);
        hash.add(skid_.held);
    }

private:
    [[nodiscard]] bool is_input() const {
        return column_.value % factor_x_ == 0 && row_.value % factor_y_ == 0;
    }

    std::int64_t factor_x_;
    std::int64_t factor_y_;
    Counter beat_;
    Counter column_;
    Counter row_;
    Skid skid_;
};

// ql_global_reduce: one register stage, then a skid that takes the beats of the last pixel.
class GlobalReduceMachine final : public Machine {
public:
    GlobalReduceMachine(const Unit& unit, MachinePorts ports)
        : Machine(std::move(ports)),
          fold_{unit.integer("Channels") / unit.integer("Pe")},
          pixel_{unit.integer("Pixels")} {}
    void publish(Wires& wires) const override {
        set(wires.ready, inputs_[0], skid_.ready());
        set(wires.valid, outputs_[0], skid_.valid());
    }
    std::int64_t step(const Wires& wires) override {
        bool push = false;
        const bool taken = wires.fires(inputs_[0]);
        if (skid_.ready()) {
            push = result_;
            result_ = taken && pixel_.is_last();
            if (taken && fold_.step()) pixel_.step();
        }
        return next(skid_.step(push, wires.fires(outputs_[0])) || taken || push);
    }
    void state(StateHash& hash) const override {
        hash.add(fold_.value);
        hash.add(pixel_.value);
        hash.add(result_ ? 1 : 0);
        hash.add(skid_.held);
    }

private:
    Counter fold_;
    Counter pixel_;
    bool result_ = false;  // the stage holds a beat of the last pixel
    Skid skid_;
};

// ql_two_blocks and a read register.
class TwoBlocksMachine final : public Machine {
public:
    TwoBlocksMachine(MachinePorts ports, std::int64_t words)
        : Machine(std::move(ports)), write_{words}, read_{words} {}
    void publish(Wires& wires) const override {
        set(wires.ready, inputs_[0], whole_ != 2);
        set(wires.valid, outputs_[0], out_valid_);
    }
    std::int64_t step(const Wires& wires) override {
        const bool ready = wires.ready[static_cast<std::size_t>(outputs_[0])] != 0;
        const bool pull = whole_ != 0 && (ready || !out_valid_);
        const bool push = wires.fires(inputs_[0]);
        const bool filled = push && write_.step();
        const bool emptied = pull && read_.step();
        const bool changed = push || pull || (ready && out_valid_);
        whole_ += (filled ? 1 : 0) - (emptied ? 1 : 0);
        if (pull) {
            out_valid_ = true;
        } else if (ready) {
            out_valid_ = false;
        }
        return next(changed, is_busy(wires, whole_ != 2, out_valid_, whole_ != 0));
    }
    void state(StateHash& hash) const override {
        hash.add(write_.value);
        hash.add(read_.value);
        hash.add(whole_);
        hash.add(out_valid_ ? 1 : 0);
    }

private:
    Counter write_;
    Counter read_;
    int whole_ = 0;
    bool out_valid_ = false;
};

}  // namespace

MachinePtr make_repeat_machine(const Unit& unit, MachinePorts ports) {
    return std::make_unique<RepeatMachine>(unit, std::move(ports));
}

MachinePtr make_insert_pixels_machine(const Unit& unit, MachinePorts ports) {
    return std::make_unique<InsertPixelsMachine>(unit, std::move(ports));
}

MachinePtr make_global_reduce_machine(const Unit& unit, MachinePorts ports) {
    return std::make_unique<GlobalReduceMachine>(unit, std::move(ports));
}

MachinePtr make_depth_to_space_machine(const Unit& unit, MachinePorts ports) {
    return std::make_unique<TwoBlocksMachine>(
        std::move(ports), unit.integer("Width") * unit.integer("Block") * unit.integer("Group"));
}

MachinePtr make_permute_channels_machine(const Unit& unit, MachinePorts ports) {
    const std::int64_t folds = unit.integer("Channels") / unit.integer("Pe");
    if (folds == 1) return make_skid_machine(std::move(ports));
    return std::make_unique<TwoBlocksMachine>(std::move(ports), folds);
}

}  // namespace qloom::hw
