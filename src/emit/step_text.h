#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/int_type.h"
#include "hw/step_logic.h"

namespace qloom::emit {

// `width` bits of `name` (of `type`) from bit `from` on, past its top its sign or zeros.
std::string extended(const std::string& name, IntType type, int from, int width);

// A step function as SystemVerilog: the wires `name`[output_bits-1:0], made of a value's.
class StepText {
public:
    StepText(std::string name, const hw::StepLogic& logic, int output_bits)
        : name_(std::move(name)), logic_(logic), output_bits_(output_bits) {}

    // Where nothing is added up: the value for 0.
    void write_constant();
    // `registered`: the result comes one clock later.
    void write(const std::string& value, IntType type, bool registered);

    std::string wires;      // declarations
    std::string registers;  // assignments of a clocked block

private:
    void declare(const std::string& name, int bits, const std::string& value);
    [[nodiscard]] std::string registered(const std::string& name, int bits);
    // The bits of the value as an unsigned number of the same order, and a step in that order.
    [[nodiscard]] std::vector<std::string> ordered_bits(const std::string& value,
                                                        IntType type) const;
    [[nodiscard]] std::uint64_t ordered(std::int64_t step, IntType type) const;

    void write_table(const std::string& value, IntType type);
    std::string write_parallel(const std::string& value, IntType type, bool in_two);
    std::string write_search(const std::string& value, IntType type, bool in_two);
    std::string write_shift(const std::string& value, IntType type);
    void write_from_count(const std::string& count, int bits);

    std::string name_;
    const hw::StepLogic& logic_;
    int output_bits_;
    std::string target_;  // of the result
};

}  // namespace qloom::emit
