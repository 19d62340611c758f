#pragma once

#include "hw/unit.h"

namespace qloom::hw {

// The hardware of a kind of layer; a Reshape has none (it is only a name for its input stream). One
// line a kind.
const UnitModel& unit_model(const network::LayerKind& kind);

}  // namespace qloom::hw
