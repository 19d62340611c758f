#pragma once

#include <string_view>

namespace qloom {

// QONNX rounding modes, with one worked pair each (2.5 and -2.5):
//   kHalfEven (ROUND, HALF_EVEN)  2 -2     kCeil  (CEIL)  3 -2     kFloor (FLOOR) 2 -3
//   kUp   (UP, away from zero)    3 -3     kDown  (DOWN, ROUND_TO_ZERO)  2 -2
//   kHalfUp (HALF_UP, ties away)  3 -3     kHalfDown (HALF_DOWN, ties to zero) 2 -2
enum class RoundingMode { kHalfEven, kCeil, kFloor, kUp, kDown, kHalfUp, kHalfDown };

float round_value(float value, RoundingMode mode);
double round_value(double value, RoundingMode mode);

// The mode's QONNX name ("ROUND", "CEIL", ...).
std::string_view rounding_mode_name(RoundingMode mode);
// True and sets `mode` when `name` is a QONNX or Brevitas name, in any case.
bool parse_rounding_mode(std::string_view name, RoundingMode& mode);

}  // namespace qloom
