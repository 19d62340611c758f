#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "hw/accelerator.h"

// The control of each RTL module, one machine a unit. A channel moves a beat in a cycle in which
// its valid and ready are both set; both follow from the machines' state alone (ql_add and ql_mul
// also look at their other input's valid). A family of machines has one file in this folder; a
// module has one line in machines.cpp.
namespace qloom::hw {

// The valid wires, or the ready wires, of all channels; remembers which ones changed.
class WireLine {
public:
    explicit WireLine(std::size_t channels) : level_(channels, 0) {}
    [[nodiscard]] std::uint8_t operator[](std::size_t channel) const { return level_[channel]; }
    void set(int channel, bool value) {
        std::uint8_t& level = level_[static_cast<std::size_t>(channel)];
        if ((level != 0) == value) return;
        level = value ? 1 : 0;
        changed.push_back(channel);
    }
    std::vector<int> changed;  // emptied by whoever runs the machines

private:
    std::vector<std::uint8_t> level_;
};

// The wires of all channels in one cycle.
struct Wires {
    explicit Wires(std::size_t channels) : valid(channels), ready(channels) {}
    WireLine valid;
    WireLine ready;
    [[nodiscard]] bool fires(int channel) const {
        const auto index = static_cast<std::size_t>(channel);
        return (valid[index] & ready[index]) != 0;
    }
};

// The channels at the unit's ports, in order.
struct MachinePorts {
    std::vector<int> inputs;
    std::vector<int> outputs;
};

// A number for the state of many machines: equal states have equal numbers.
class StateHash {
public:
    void add(std::int64_t value) {
        hash_ ^=
            static_cast<std::uint64_t>(value) + 0x9E3779B97F4A7C15U + (hash_ << 6) + (hash_ >> 2);
        hash_ *= 0xD6E8FEB86659FD93U;
        hash_ ^= hash_ >> 32;
    }
    [[nodiscard]] std::uint64_t value() const { return hash_; }

private:
    std::uint64_t hash_ = 0;
};

class Machine {
public:
    // step() says: nothing changes any more until a wire of the unit changes; kRests: the same, but
    // the wires that it sets have changed now.
    static constexpr std::int64_t kAsleep = std::numeric_limits<std::int64_t>::max();
    static constexpr std::int64_t kRests = kAsleep - 1;

    explicit Machine(MachinePorts ports)
        : inputs_(std::move(ports.inputs)), outputs_(std::move(ports.outputs)) {}
    virtual ~Machine() = default;

    // Sets valid of the outputs and ready of the inputs for this cycle.
    virtual void publish(Wires& wires) const = 0;
    // Whether ready depends on another valid; settle() then follows every publish(), and both are
    // called again when a valid wire of an input changes.
    [[nodiscard]] virtual bool is_join() const { return false; }
    virtual void settle(Wires&) const {}
    // The clock edge. Returns in how many cycles the next one must be given: 1, or more where the
    // wires it sets stay as they are now and no beat moves until then, or kAsleep or kRests. A
    // change of the unit's other wires ends the wait. 1 is always right.
    virtual std::int64_t step(const Wires& wires) = 0;
    // The clock edges of cycles that step() asked to leave out.
    virtual void advance(std::int64_t) {}
    // Everything that the future depends on.
    virtual void state(StateHash& hash) const = 0;
    // Most beats held so far (FIFOs).
    [[nodiscard]] virtual std::int64_t peak() const { return 0; }

protected:
    static void set(WireLine& wires, int channel, bool value) { wires.set(channel, value); }
    static std::int64_t next(bool changed) { return changed ? 1 : kAsleep; }
    // `busy`: with the wires as they are, something will happen at the next edge.
    static std::int64_t next(bool changed, bool busy) {
        if (!changed) return kAsleep;
        return busy ? 1 : kRests;
    }
    static bool has_valid(const Wires& wires, int channel) {
        return wires.valid[static_cast<std::size_t>(channel)] != 0;
    }
    static bool has_ready(const Wires& wires, int channel) {
        return wires.ready[static_cast<std::size_t>(channel)] != 0;
    }
    // One input, and an output register that is filled while there is something for it.
    [[nodiscard]] bool is_busy(const Wires& wires, bool takes, bool out_valid,
                               bool has_next) const {
        const bool moves = !out_valid || has_ready(wires, outputs_[0]);
        return (takes && has_valid(wires, inputs_[0])) || (moves && (out_valid || has_next));
    }
    std::vector<int> inputs_;
    std::vector<int> outputs_;
};

using MachinePtr = std::unique_ptr<Machine>;

}  // namespace qloom::hw
