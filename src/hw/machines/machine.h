#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "hw/accelerator.h"

// The control of each RTL module, one machine a unit. A channel moves a beat in a cycle in which
// its valid and ready are both set; both follow from the machines' state alone (ql_add and ql_mul
// also look at their other input's valid). A family of machines has one file in this folder; a
// module has one line in machines.cpp.
namespace qloom::hw {

// The wires of all channels in one cycle.
struct Wires {
    std::vector<std::uint8_t> valid;
    std::vector<std::uint8_t> ready;
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

class Machine {
public:
    explicit Machine(MachinePorts ports)
        : inputs_(std::move(ports.inputs)), outputs_(std::move(ports.outputs)) {}
    virtual ~Machine() = default;

    // Sets valid of the outputs and ready of the inputs for this cycle.
    virtual void publish(Wires& wires) const = 0;
    // After every machine has published: ready that depends on another valid.
    virtual void settle(Wires&) const {}
    // The clock edge.
    virtual void step(const Wires& wires) = 0;
    // Most beats held so far (FIFOs).
    [[nodiscard]] virtual std::int64_t peak() const { return 0; }

protected:
    static void set(std::vector<std::uint8_t>& wire, int channel, bool value) {
        wire[static_cast<std::size_t>(channel)] = value ? 1 : 0;
    }
    std::vector<int> inputs_;
    std::vector<int> outputs_;
};

using MachinePtr = std::unique_ptr<Machine>;

}  // namespace qloom::hw
