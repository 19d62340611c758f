#pragma once

#include <string_view>

#include "ir/ops.h"
#include "network/network.h"

namespace qloom::view {

// What kind of work an operator or layer does, for colours and filters: "quantiser", "linear",
// "normalisation", "activation", "elementwise", "pooling", "movement" or "head".
std::string_view family_of(const ir::Op& op);
std::string_view family_of(const network::LayerKind& kind);

}  // namespace qloom::view
