#include "hw/machines/sliding_window.h"

#include <algorithm>
#include <utility>

namespace qloom::hw {
namespace {

// One of the nested loops of ql_sliding_window.
struct Loop {
    std::int64_t turns = 1;
    std::int64_t at = 0;
    [[nodiscard]] bool last() const { return at == turns - 1; }
    void step() { at = last() ? 0 : at + 1; }
};

// The position and the distances are those of the module, in words; data is not kept.
class SlidingWindowMachine final : public Machine {
public:
    SlidingWindowMachine(MachinePorts ports, const Unit& unit)
        : Machine(std::move(ports)),
          height_(unit.integer("Height")),
          width_(unit.integer("Width")),
          stride_h_(unit.integer("StrideH")),
          stride_w_(unit.integer("StrideW")),
          dilation_h_(unit.integer("DilationH")),
          dilation_w_(unit.integer("DilationW")),
          pad_top_(unit.integer("PadTop")),
          pad_left_(unit.integer("PadLeft")),
          groups_(unit.integer("Channels") / unit.integer("Simd")),
          depthwise_(unit.integer("Depthwise") != 0) {
        group_.turns = groups_;
        kx_.turns = unit.integer("KernelW");
        ky_.turns = unit.integer("KernelH");
        ox_.turns = unit.integer("OutW");
        oy_.turns = unit.integer("OutH");
        free_w_ = std::min((width_ + pad_left_ - 1) / stride_w_ + 1, ox_.turns);
        free_h_ = std::min((height_ + pad_top_ - 1) / stride_h_ + 1, oy_.turns);
        position_ = origin();
        ahead_ = -position_ - 1;
        taken_ = -position_ - unit.integer("Depth");
        update_outside();
    }

    void publish(Wires& wires) const override {
        set(wires.ready, inputs_[0], taken_ < 0);
        set(wires.valid, outputs_[0], valid_);
    }
    std::int64_t step(const Wires& wires) override {
        const bool valid = valid_;
        const bool write = wires.fires(inputs_[0]);
        const bool enable = !valid_ || wires.ready[static_cast<std::size_t>(outputs_[0])] != 0;
        const bool issue = enable && (outside_ || ahead_ >= 0);
        if (enable) valid_ = issue;
        if (issue) move_on();
        if (write) {
            ++ahead_;
            ++taken_;
        }
        return next(issue || write || valid != valid_);
    }
    void state(StateHash& hash) const override {
        for (const Loop* loop : {&group_, &kx_, &ky_, &ox_, &oy_}) hash.add(loop->at);
        hash.add(ahead_);
        hash.add(taken_);
        hash.add(valid_ ? 1 : 0);
    }

private:
    [[nodiscard]] std::int64_t row() const { return width_ * groups_; }
    [[nodiscard]] std::int64_t origin() const { return -pad_top_ * row() - pad_left_ * groups_; }

    void move_on() {
        const bool window_end = group_.last() && kx_.last() && ky_.last();
        if (window_end) taken_ -= freed();
        const bool turns_kx = depthwise_ || group_.last();
        const bool turns_ky = turns_kx && kx_.last();
        const bool turns_group = !depthwise_ || (kx_.last() && ky_.last());
        const bool row_end = window_end && ox_.last();
        const bool frame_end = row_end && oy_.last();
        if (turns_group) group_.step();
        if (turns_kx) kx_.step();
        if (turns_ky) ky_.step();
        if (window_end) ox_.step();
        if (row_end) oy_.step();
        if (frame_end) base_ += height_ * row();
        const std::int64_t next = base_ + origin() +
                                  (oy_.at * stride_h_ + ky_.at * dilation_h_) * row() +
                                  (ox_.at * stride_w_ + kx_.at * dilation_w_) * groups_ + group_.at;
        ahead_ -= next - position_;
        position_ = next;
        update_outside();
    }

    // Words that no later window needs, once this one has gone.
    [[nodiscard]] std::int64_t freed() const {
        if (!ox_.last()) {
            return ox_.at < free_w_ - 1 && oy_.at < free_h_ ? stride_w_ * groups_ : 0;
        }
        const std::int64_t back = (free_w_ - 1) * stride_w_ * groups_;
        if (!oy_.last()) return oy_.at < free_h_ - 1 ? stride_h_ * row() - back : 0;
        return height_ * row() - (free_h_ - 1) * stride_h_ * row() - back;
    }

    void update_outside() {
        const std::int64_t x = ox_.at * stride_w_ - pad_left_ + kx_.at * dilation_w_;
        const std::int64_t y = oy_.at * stride_h_ - pad_top_ + ky_.at * dilation_h_;
        outside_ = x < 0 || x >= width_ || y < 0 || y >= height_;
    }

    std::int64_t height_;
    std::int64_t width_;
    std::int64_t stride_h_;
    std::int64_t stride_w_;
    std::int64_t dilation_h_;
    std::int64_t dilation_w_;
    std::int64_t pad_top_;
    std::int64_t pad_left_;
    std::int64_t groups_;
    bool depthwise_;
    Loop group_;
    Loop kx_;
    Loop ky_;
    Loop ox_;
    Loop oy_;
    std::int64_t free_w_ = 1;
    std::int64_t free_h_ = 1;
    std::int64_t base_ = 0;
    std::int64_t position_ = 0;
    std::int64_t ahead_ = 0;
    std::int64_t taken_ = 0;
    bool outside_ = false;
    bool valid_ = false;
};

}  // namespace

MachinePtr make_sliding_window_machine(const Unit& unit, MachinePorts ports) {
    return std::make_unique<SlidingWindowMachine>(std::move(ports), unit);
}

}  // namespace qloom::hw
