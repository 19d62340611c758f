#include "base/rounding.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <string>

namespace qloom {
namespace {

template <class T>
T round_any(T value, RoundingMode mode) {
    switch (mode) {
        case RoundingMode::kHalfEven:
            return std::nearbyint(value);  // the default floating-point environment rounds half to even
        case RoundingMode::kCeil:
            return std::ceil(value);
        case RoundingMode::kFloor:
            return std::floor(value);
        case RoundingMode::kUp:
            return value < T(0) ? std::floor(value) : std::ceil(value);
        case RoundingMode::kDown:
            return std::trunc(value);
        case RoundingMode::kHalfUp:
            return std::round(value);
        case RoundingMode::kHalfDown: {
            const T magnitude = std::abs(value);
            const T whole = std::floor(magnitude);
            return std::copysign(magnitude - whole > T(0.5) ? whole + T(1) : whole, value);
        }
    }
    return value;
}

}  // namespace

float round_value(float value, RoundingMode mode) { return round_any(value, mode); }
double round_value(double value, RoundingMode mode) { return round_any(value, mode); }

std::string_view rounding_mode_name(RoundingMode mode) {
    switch (mode) {
        case RoundingMode::kHalfEven: return "ROUND";
        case RoundingMode::kCeil: return "CEIL";
        case RoundingMode::kFloor: return "FLOOR";
        case RoundingMode::kUp: return "UP";
        case RoundingMode::kDown: return "DOWN";
        case RoundingMode::kHalfUp: return "HALF_UP";
        case RoundingMode::kHalfDown: return "HALF_DOWN";
    }
    return "";
}

bool parse_rounding_mode(std::string_view name, RoundingMode& mode) {
    std::string upper(name);
    std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    struct Entry {
        std::string_view name;
        RoundingMode mode;
    };
    static constexpr Entry kEntries[] = {
        {"ROUND", RoundingMode::kHalfEven},     {"HALF_EVEN", RoundingMode::kHalfEven},
        {"CEIL", RoundingMode::kCeil},          {"FLOOR", RoundingMode::kFloor},
        {"UP", RoundingMode::kUp},              {"DOWN", RoundingMode::kDown},
        {"ROUND_TO_ZERO", RoundingMode::kDown}, {"HALF_UP", RoundingMode::kHalfUp},
        {"HALF_DOWN", RoundingMode::kHalfDown},
    };
    for (const Entry& entry : kEntries) {
        if (entry.name == upper) {
            mode = entry.mode;
            return true;
        }
    }
    return false;
}

}  // namespace qloom
