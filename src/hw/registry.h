#pragma once

#include <optional>

#include "base/diagnostic.h"
#include "hw/unit.h"

namespace qloom::hw {

// The hardware of a kind of layer; a Reshape has none (it is only a name for its input stream). One
// line a kind.
const UnitModel& unit_model(const network::LayerKind& kind);

// The first layer the RTL library cannot compute at any folding, as the diagnostic fold() would throw.
std::optional<Diagnostic> missing_hardware(const network::Network& network);

}  // namespace qloom::hw
