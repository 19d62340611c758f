#include "onnx/datatype_name.h"

#include <fmt/format.h>

#include <charconv>

namespace qloom::onnx {

std::optional<IntType> parse_datatype_name(std::string_view name) {
    if (name == "BINARY") {
        return IntType{1, false};
    }
    if (name == "BIPOLAR" || name == "TERNARY") {
        return IntType{2, true, true};
    }
    const bool is_signed = name.starts_with("INT");
    if (!is_signed && !name.starts_with("UINT")) {
        return std::nullopt;
    }
    name.remove_prefix(is_signed ? 3 : 4);
    int bits = 0;
    const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), bits);
    if (problem != std::errc() || end != name.data() + name.size() || bits < 1 || bits > 64) {
        return std::nullopt;
    }
    return IntType{bits, is_signed};
}

std::string datatype_name(IntType type) {
    if (type == IntType{2, true, true}) {
        return "TERNARY";
    }
    return fmt::format("{}INT{}", type.is_signed ? "" : "U", type.bits);
}

}  // namespace qloom::onnx
