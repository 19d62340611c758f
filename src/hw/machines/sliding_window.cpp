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
        return next(issue || write || valid != valid_,
                    is_busy(wires, taken_ < 0, valid_, outside_ || ahead_ >= 0));
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

// Two windows of an image differ in where they start and in the last pixel they wait for.
class ParallelWindowMachine final : public Machine {
public:
    ParallelWindowMachine(MachinePorts ports, const Unit& unit)
        : Machine(std::move(ports)),
          groups_(unit.integer("Channels") / unit.integer("Simd")),
          x_(unit, "Width", "KernelW", "StrideW", "DilationW", "PadLeft"),
          y_(unit, "Height", "KernelH", "StrideH", "DilationH", "PadTop") {
        group_.turns = groups_;
        ox_.turns = unit.integer("OutW");
        oy_.turns = unit.integer("OutH");
        free_w_ = std::min((x_.size + x_.pad - 1) / x_.stride + 1, ox_.turns);
        free_h_ = std::min((y_.size + y_.pad - 1) / y_.stride + 1, oy_.turns);
        needed_ = last_needed();
        ahead_ = -needed_ - 1;
        taken_ = (y_.pad * x_.size + x_.pad) * groups_ - unit.integer("Depth");
    }

    void publish(Wires& wires) const override {
        wires.ready.set(inputs_[0], taken_ < 0);
        wires.valid.set(outputs_[0], valid_);
    }
    std::int64_t step(const Wires& wires) override {
        const bool valid = valid_;
        const bool write = wires.fires(inputs_[0]);
        const bool enable = !valid_ || wires.ready[static_cast<std::size_t>(outputs_[0])] != 0;
        const bool issue = enable && ahead_ >= 0;
        if (enable) valid_ = issue;
        if (issue) move_on();
        if (write) {
            ++ahead_;
            ++taken_;
        }
        return next(issue || write || valid != valid_,
                    is_busy(wires, taken_ < 0, valid_, ahead_ >= 0));
    }
    void state(StateHash& hash) const override {
        for (const Loop* loop : {&group_, &ox_, &oy_}) hash.add(loop->at);
        hash.add(ahead_);
        hash.add(taken_);
        hash.add(valid_ ? 1 : 0);
    }

private:
    struct Axis {
        std::int64_t size;
        std::int64_t reach;
        std::int64_t stride;
        std::int64_t pad;
        Axis(const Unit& unit, const char* size_name, const char* kernel, const char* stride_name,
             const char* dilation, const char* pad_name)
            : size(unit.integer(size_name)),
              reach((unit.integer(kernel) - 1) * unit.integer(dilation) + 1),
              stride(unit.integer(stride_name)),
              pad(unit.integer(pad_name)) {}
        [[nodiscard]] std::int64_t last(std::int64_t output) const {
            return std::min(output * stride - pad + reach - 1, size - 1);
        }
    };

    [[nodiscard]] std::int64_t last_needed() const {
        return base_ + (y_.last(oy_.at) * x_.size + x_.last(ox_.at)) * groups_ + group_.at;
    }
    void move_on() {
        if (group_.last()) taken_ -= freed();
        const bool row_end = group_.last() && ox_.last();
        if (row_end && oy_.last()) base_ += y_.size * x_.size * groups_;
        if (row_end) oy_.step();
        if (group_.last()) ox_.step();
        group_.step();
        const std::int64_t needed = last_needed();
        ahead_ -= needed - needed_;
        needed_ = needed;
    }
    [[nodiscard]] std::int64_t freed() const {
        const std::int64_t step = x_.stride * groups_;
        if (!ox_.last()) return ox_.at < free_w_ - 1 && oy_.at < free_h_ ? step : 0;
        const std::int64_t row = x_.size * groups_;
        const std::int64_t back = (free_w_ - 1) * step;
        if (!oy_.last()) return oy_.at < free_h_ - 1 ? y_.stride * row - back : 0;
        return y_.size * row - (free_h_ - 1) * y_.stride * row - back;
    }

    std::int64_t groups_;
    Axis x_;
    Axis y_;
    Loop group_;
    Loop ox_;
    Loop oy_;
    std::int64_t free_w_ = 1;
    std::int64_t free_h_ = 1;
    std::int64_t base_ = 0;
    std::int64_t needed_ = 0;
    std::int64_t ahead_ = 0;
    std::int64_t taken_ = 0;
    bool valid_ = false;
};

}  // namespace

MachinePtr make_sliding_window_machine(const Unit& unit, MachinePorts ports) {
    return std::make_unique<SlidingWindowMachine>(std::move(ports), unit);
}

MachinePtr make_parallel_window_machine(const Unit& unit, MachinePorts ports) {
    return std::make_unique<ParallelWindowMachine>(std::move(ports), unit);
}

}  // namespace qloom::hw
