#include "emit/step_text.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "base/diagnostic.h"

namespace qloom::emit {
namespace {

using hw::StepLogic;

std::uint64_t mask_of(int bits) {
    return bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
}
std::string literal(int bits, std::int64_t value) {
    return fmt::format("{}'d{}", bits, static_cast<std::uint64_t>(value) & mask_of(bits));
}

// bits >= constant, lowest bit first: a 1 in the constant asks for the bit and the rest below, a 0
// for either.
std::string at_least(const std::vector<std::string>& bits, std::uint64_t constant) {
    std::string result;  // empty: true
    for (std::size_t i = 0; i < bits.size(); ++i) {
        const bool one = ((constant >> i) & 1U) != 0;
        if (one) {
            result = result.empty() ? bits[i] : fmt::format("({} & {})", bits[i], result);
        } else if (!result.empty()) {
            result = fmt::format("({} | {})", bits[i], result);
        }
    }
    return result.empty() ? "1'b1" : result;
}

// choices[select], the highest select bit first.
std::string choice(const std::vector<std::string>& choices,
                   const std::vector<std::string>& select) {
    if (select.empty()) return choices.front();
    const auto half = static_cast<std::ptrdiff_t>(choices.size() / 2);
    const std::vector<std::string> rest(select.begin() + 1, select.end());
    const std::string high = choice({choices.begin() + half, choices.end()}, rest);
    const std::string low = choice({choices.begin(), choices.begin() + half}, rest);
    return high == low ? low : fmt::format("({} ? {} : {})", select.front(), high, low);
}

// The threshold that bit `level` of the count asks for when the bits above it are `prefix`.
std::size_t asked(int levels, int level, std::size_t prefix) {
    return (2 * prefix + 1) * (std::size_t{1} << (levels - 1 - level)) - 1;
}

// {d0, d1, ...}
std::string joined(const std::vector<std::string>& bits) {
    std::string text;
    for (const std::string& bit : bits) text += (text.empty() ? "" : ", ") + bit;
    return bits.size() == 1 ? text : "{" + text + "}";
}

}  // namespace

std::string extended(const std::string& name, IntType type, int from, int width) {
    const int there = std::clamp(type.bits - from, 0, width);
    std::string text;
    if (there > 0) {
        text = from == 0 && there == type.bits ? name
               : there == 1 ? fmt::format("{}[{}]", name, from)
                            : fmt::format("{}[{}:{}]", name, from + there - 1, from);
    }
    const int missing = width - there;
    if (missing == 0) return text;
    std::string fill = type.is_signed ? fmt::format("{{{}{{{}[{}]}}}}", missing, name, type.bits - 1)
                                      : fmt::format("{}'d0", missing);
    return there == 0 ? fill : fmt::format("{{{}, {}}}", fill, text);
}

void StepText::declare(const std::string& name, int bits, const std::string& value) {
    wires += fmt::format("    wire [{}:0] {} = {};\n", bits - 1, name, value);
}

std::string StepText::registered(const std::string& name, int bits) {
    wires += fmt::format("    logic [{}:0] {}_q;\n", bits - 1, name);
    registers += fmt::format("            {0}_q <= {0};\n", name);
    return name + "_q";
}

std::vector<std::string> StepText::ordered_bits(const std::string& value, IntType type) const {
    std::vector<std::string> bits;
    for (int i = 0; i < type.bits; ++i) {
        const bool is_sign = type.is_signed && i == type.bits - 1;
        bits.push_back(fmt::format("{}{}[{}]", is_sign ? "~" : "", value, i));
    }
    return bits;
}

std::uint64_t StepText::ordered(std::int64_t step, IntType type) const {
    return static_cast<std::uint64_t>(
        type.is_signed ? step + (std::int64_t{1} << (type.bits - 1)) : step);
}

void StepText::write_constant() { declare(name_, output_bits_, literal(output_bits_, logic_.value(0))); }

void StepText::write(const std::string& value, IntType type, bool is_registered) {
    const bool in_two = is_registered && logic_.levels > hw::kMostStepLevels;
    target_ = is_registered && !in_two ? name_ + "_now" : name_;
    const int bits = logic_.count_bits();
    switch (logic_.form) {
        case StepLogic::Form::kConstant:
            target_ = name_;
            write_constant();
            return;
        case StepLogic::Form::kTable:
            write_table(value, type);
            break;
        case StepLogic::Form::kParallel:
            write_from_count(write_parallel(value, type, in_two), bits);
            break;
        case StepLogic::Form::kSearch:
            write_from_count(write_search(value, type, in_two), bits);
            break;
        case StepLogic::Form::kShift:
            write_from_count(write_shift(value, type), bits);
            break;
    }
    if (target_ != name_) {
        wires += fmt::format("    logic [{}:0] {};\n", output_bits_ - 1, name_);
        registers += fmt::format("            {} <= {};\n", name_, target_);
    }
}

void StepText::write_table(const std::string& value, IntType type) {
    std::vector<std::string> bits;
    const std::size_t entries = std::size_t{1} << type.bits;
    for (int b = output_bits_; b-- > 0;) {
        std::string table;
        for (std::size_t raw = entries; raw-- > 0;) {
            auto v = static_cast<std::int64_t>(raw);
            if (type.is_signed && raw >= entries / 2) v -= static_cast<std::int64_t>(entries);
            table += ((logic_.value(v) >> b) & 1) != 0 ? '1' : '0';
        }
        const std::string name = fmt::format("T{}_{}", name_, b);
        wires += fmt::format("    localparam [{}:0] {} = {}'b{};\n", entries - 1, name, entries, table);
        bits.push_back(fmt::format("{}[{}]", name, value));
    }
    declare(target_, output_bits_, joined(bits));
}

std::string StepText::write_parallel(const std::string& value, IntType type, bool in_two) {
    const std::vector<std::string> v = ordered_bits(value, type);
    const int levels = logic_.count_bits();
    const std::string reached = name_ + "_r";
    std::vector<std::string> all;
    for (const std::int64_t step : logic_.steps) all.push_back(at_least(v, ordered(step, type)));
    std::ranges::reverse(all);
    const int steps = static_cast<int>(all.size());
    declare(reached, steps, joined(all));
    const std::string seen = in_two ? registered(reached, steps) : reached;
    std::vector<std::string> bits;
    for (int level = 0; level < levels; ++level) {
        std::vector<std::string> choices;
        for (std::size_t prefix = 0; prefix < std::size_t{1} << level; ++prefix) {
            const std::size_t step = asked(levels, level, prefix);
            choices.push_back(step < logic_.steps.size() ? fmt::format("{}[{}]", seen, step)
                                                         : "1'b0");
        }
        const std::string name = fmt::format("{}_c{}", name_, level);
        declare(name, 1, choice(choices, bits));
        bits.push_back(name);
    }
    return joined(bits);
}

std::string StepText::write_search(const std::string& given, IntType type, bool in_two) {
    const int levels = logic_.count_bits();
    const int split = in_two ? std::min(levels - 1, 4) : levels;
    const bool has_never = logic_.steps.size() + 1 < std::size_t{1} << levels;
    std::string value = given;
    std::vector<std::string> bits;
    for (int level = 0; level < levels; ++level) {
        if (level == split) {
            declare(name_ + "_v", type.bits, value);
            value = registered(name_ + "_v", type.bits);
            declare(name_ + "_p", level, joined(bits));
            const std::string prefix = registered(name_ + "_p", level);
            for (int b = 0; b < level; ++b)
                bits[static_cast<std::size_t>(b)] = fmt::format("{}[{}]", prefix, level - 1 - b);
        }
        const std::vector<std::string> v = ordered_bits(value, type);
        const std::string name = fmt::format("{}_c{}", name_, level);
        if (level == 0) {
            declare(name, 1, at_least(v, ordered(logic_.steps[asked(levels, 0, 0)], type)));
            bits.push_back(name);
            continue;
        }
        // v - step of the prefix, and whether it is negative.
        const int width = type.bits + (has_never ? 1 : 0);
        std::vector<std::string> asked_for;
        std::vector<std::string> order(v.rbegin(), v.rend());
        if (has_never) order.insert(order.begin(), "1'b0");
        for (int b = width; b-- > 0;) {
            std::string table;
            for (std::size_t prefix = std::size_t{1} << level; prefix-- > 0;) {
                const std::size_t step = asked(levels, level, prefix);
                const std::uint64_t word = step < logic_.steps.size()
                                               ? ordered(logic_.steps[step], type)
                                               : std::uint64_t{1} << type.bits;
                table += ((word >> b) & 1U) != 0 ? '1' : '0';
            }
            const std::string constant = fmt::format("T{}_{}_{}", name_, level, b);
            wires += fmt::format("    localparam [{}:0] {} = {}'b{};\n", table.size() - 1, constant,
                                 table.size(), table);
            asked_for.push_back(fmt::format("{}[{}]", constant, joined(bits)));
        }
        const std::string difference = fmt::format("{}_s{}", name_, level);
        declare(difference, width + 1,
                fmt::format("{{1'b0, {}}} - {{1'b0, {}}}", joined(order), joined(asked_for)));
        declare(name, 1, fmt::format("~{}[{}]", difference, width));
        bits.push_back(name);
    }
    return joined(bits);
}

std::string StepText::write_shift(const std::string& value, IntType type) {
    const int shift = logic_.shift;
    const int bits = logic_.count_bits();
    const std::int64_t constant = (std::int64_t{1} << shift) - logic_.steps.front();
    const Range values = type.range();
    const IntType sum = IntType::smallest({values.lo + constant, values.hi + constant});
    const std::string moved = name_ + "_t";
    const int width = std::max(sum.bits, shift + 1);
    const std::string operand = extended(value, type, 0, width);
    declare(moved, width,
            constant == 0 ? operand : fmt::format("{} + {}", operand, literal(width, constant)));
    std::vector<std::string> quotient;
    const int top = sum.is_signed ? width - 1 : width;
    for (int b = shift; b < top; ++b) quotient.push_back(fmt::format("{}[{}]", moved, b));
    const auto most = static_cast<std::uint64_t>(logic_.steps.size());
    std::string count = extended(moved, {.bits = top, .is_signed = false}, shift, bits);
    if (quotient.size() > static_cast<std::size_t>(bits) || most + 1 < std::uint64_t{1} << bits) {
        if (static_cast<std::uint64_t>((values.hi + constant) >> shift) > most) {
            count = fmt::format("({}) ? {} : {}", at_least(quotient, most + 1),
                                literal(bits, static_cast<std::int64_t>(most)), count);
        }
    }
    if (sum.is_signed)
        count = fmt::format("{}[{}] ? {} : ({})", moved, width - 1, literal(bits, 0), count);
    declare(name_ + "_q", bits, count);
    return name_ + "_q";
}

void StepText::write_from_count(const std::string& count, int bits) {
    const IntType counted{.bits = bits, .is_signed = false};
    const std::string name = name_ + "_n";
    declare(name, bits, count);
    if (logic_.base == 0 && !logic_.falls) {
        declare(target_, output_bits_, extended(name, counted, 0, output_bits_));
        return;
    }
    const auto result = [&](std::int64_t c) {
        return logic_.falls ? logic_.base - c : logic_.base + c;
    };
    if (bits == 1) {
        declare(target_, output_bits_,
                fmt::format("{} ? {} : {}", name, literal(output_bits_, result(1)),
                            literal(output_bits_, result(0))));
        return;
    }
    if (bits > 6) {
        declare(target_, output_bits_,
                fmt::format("{} {} {}", literal(output_bits_, logic_.base), logic_.falls ? '-' : '+',
                            extended(name, counted, 0, output_bits_)));
        return;
    }
    std::vector<std::string> outputs;
    const std::size_t entries = std::size_t{1} << bits;
    for (int b = output_bits_; b-- > 0;) {
        std::string table;
        for (std::size_t c = entries; c-- > 0;)
            table += ((result(static_cast<std::int64_t>(c)) >> b) & 1) != 0 ? '1' : '0';
        const std::string constant = fmt::format("Y{}_{}", name_, b);
        wires += fmt::format("    localparam [{}:0] {} = {}'b{};\n", entries - 1, constant, entries, table);
        outputs.push_back(fmt::format("{}[{}]", constant, name));
    }
    declare(target_, output_bits_, joined(outputs));
}

}  // namespace qloom::emit
