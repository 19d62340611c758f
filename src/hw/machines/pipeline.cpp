#include "hw/machines/pipeline.h"

#include <string>
#include <utility>

#include "base/diagnostic.h"
#include "hw/machines/skid.h"

namespace qloom::hw {
namespace {

// Registered stages that all move together, then a skid: thresholds, tables, affine, joins and
// argmax.
class PipelineMachine final : public Machine {
public:
    // One output beat for every `beats` input beats.
    PipelineMachine(MachinePorts ports, int stages, std::int64_t beats = 1)
        : Machine(std::move(ports)), stages_(stages), beats_(beats) {
        QLOOM_ASSERT(stages < 64, "a pipeline has less than 64 stages");
    }
    void publish(Wires& wires) const override {
        for (const int input : inputs_) set(wires.ready, input, skid_.ready());
        set(wires.valid, outputs_[0], skid_.valid());
    }
    [[nodiscard]] bool is_join() const override { return inputs_.size() > 1; }
    void settle(Wires& wires) const override {
        bool all = true;
        for (const int input : inputs_)
            all = all && wires.valid[static_cast<std::size_t>(input)] != 0;
        if (!all) {
            for (const int input : inputs_) set(wires.ready, input, false);
        }
    }
    std::int64_t step(const Wires& wires) override {
        const std::uint64_t valid = valid_;
        const std::int64_t beat = beat_;
        bool push = false;
        if (skid_.ready()) {
            valid_ = (valid_ << 1) | (wires.fires(inputs_[0]) ? 1U : 0U);
            if (((valid_ >> stages_) & 1U) != 0) {
                beat_ = beat_ + 1 == beats_ ? 0 : beat_ + 1;
                push = beat_ == 0;
            }
            valid_ &= (std::uint64_t{1} << stages_) - 1;
        }
        const bool skid_changed = skid_.step(push, wires.fires(outputs_[0]));
        bool offered = true;
        for (const int input : inputs_) offered = offered && has_valid(wires, input);
        return next(skid_changed || valid != valid_ || beat != beat_,
                    (skid_.ready() && valid_ != 0) ||
                        skid_.is_busy(offered, has_ready(wires, outputs_[0])));
    }
    void state(StateHash& hash) const override {
        hash.add(static_cast<std::int64_t>(valid_));
        hash.add(beat_);
        hash.add(skid_.held);
    }

private:
    int stages_;
    std::int64_t beats_;
    std::uint64_t valid_ = 0;
    std::int64_t beat_ = 0;
    Skid skid_;
};

}  // namespace

MachinePtr make_pipeline_machine(MachinePorts ports, int stages, std::int64_t beats) {
    return std::make_unique<PipelineMachine>(std::move(ports), stages, beats);
}

}  // namespace qloom::hw
