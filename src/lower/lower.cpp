#include "lower/lower.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/codes/lower.h"
#include "lower/lowerer.h"
#include "lower/passes.h"

namespace qloom::lower {
namespace {

[[noreturn]] void bad_input_type(const std::string& text, const std::string& what) {
    throw Error(code::kInputTypeBad, text, what,
                "write uintN or intN with N from 1 to 16, or bipolar, optionally with a scale (uint8/255, int8*0.5), or float");
}

}  // namespace

InputType parse_input_type(const std::string& text) {
    const std::size_t scale_at = text.find_first_of("/*");
    const std::string name = text.substr(0, scale_at);
    InputType result;
    if (scale_at != std::string::npos) {
        double number = 0.0;
        const char* begin = text.data() + scale_at + 1;
        const char* end = text.data() + text.size();
        const auto [last, fault] = std::from_chars(begin, end, number);
        if (fault != std::errc{} || last != end || !(number > 0.0) || !std::isfinite(number)) {
            bad_input_type(text, "the scale is not a positive number");
        }
        result.scale = text[scale_at] == '/' ? 1.0 / number : number;
    }
    if (text == "float") {
        result.is_float = true;
        return result;
    }
    if (name == "bipolar") {
        result.bipolar = true;
        result.type = {1, false};
        return result;
    }
    const bool is_unsigned = name.starts_with("uint");
    if (!is_unsigned && !name.starts_with("int")) {
        bad_input_type(text, "this is no integer type");
    }
    int bits = 0;
    const char* begin = name.data() + (is_unsigned ? 4 : 3);
    const char* end = name.data() + name.size();
    const auto [last, fault] = std::from_chars(begin, end, bits);
    if (fault != std::errc{} || last != end || bits < 1 || bits > 16 || (!is_unsigned && bits < 2)) {
        bad_input_type(text, "the number of bits makes no sense");
    }
    result.type = {bits, !is_unsigned};
    return result;
}

ir::Graph prepared(const ir::Graph& model, const LowerOptions& options) {
    return without_softmax_before_argmax(options.argmax ? with_argmax(model) : model);
}

Lowered lower(const ir::Graph& model, const LowerOptions& options) {
    return Lowerer(prepared(model, options), options).run();
}

CheckResult check(const ir::Graph& model, const LowerOptions& options) {
    CheckResult result;
    try {
        Lowerer lowerer(prepared(model, options), options);
        try {
            Lowered lowered = lowerer.run();
            result.placements = std::move(lowered.placements);
            result.notes = std::move(lowered.notes);
            result.network = std::move(lowered.network);
        } catch (const Error& error) {
            result.placements = lowerer.placements();
            result.notes = lowerer.notes();
            result.error = error.diagnostic();
        }
    } catch (const Error& error) {
        result.error = error.diagnostic();
    }
    return result;
}

std::vector<std::pair<std::string, InputType>> infer_input_types(const ir::Graph& model,
                                                                 const std::vector<ir::Value>& samples) {
    std::vector<std::pair<std::string, InputType>> result;
    for (std::size_t i = 0; i < model.inputs().size() && i < samples.size(); ++i) {
        const ir::TensorInfo& info = model.tensor(model.inputs()[i]);
        if (info.annotation || !input_needs_integers(model, model.inputs()[i])) {
            continue;
        }
        bool whole = true;
        bool bipolar = true;
        double lo = 0.0;
        double hi = 0.0;
        std::visit(
            [&](const auto& tensor) {
                for (const auto element : tensor) {
                    const auto number = static_cast<double>(element);
                    whole = whole && number == std::nearbyint(number);
                    bipolar = bipolar && (number == 1.0 || number == -1.0);
                    lo = std::min(lo, number);
                    hi = std::max(hi, number);
                }
            },
            samples[i]);
        InputType type;
        if (bipolar) {
            type = {.type = {1, false}, .scale = 1.0, .bipolar = true};
        } else if (!whole || std::max(-lo, hi) > 32768.0) {
            type.is_float = true;
        } else if (lo >= 0.0 && hi <= 255.0) {
            type.type = {8, false};
        } else if (lo >= -128.0 && hi <= 127.0) {
            type.type = {8, true};
        } else {
            type.type = IntType::smallest({static_cast<std::int64_t>(lo), static_cast<std::int64_t>(hi)});
        }
        result.emplace_back(info.name, type);
    }
    return result;
}

}  // namespace qloom::lower
