#pragma once

namespace qloom::hw {

// ql_skid: two registers.
struct Skid {
    int held = 0;
    [[nodiscard]] bool ready() const { return held < 2; }
    [[nodiscard]] bool valid() const { return held > 0; }
    // Whether it will take or give a beat, where one is offered or asked for.
    [[nodiscard]] bool is_busy(bool offered, bool asked) const {
        return (ready() && offered) || (valid() && asked);
    }
    // Whether it changed.
    bool step(bool push, bool pop) {
        held += (push ? 1 : 0) - (pop ? 1 : 0);
        return push != pop;
    }
};

}  // namespace qloom::hw
