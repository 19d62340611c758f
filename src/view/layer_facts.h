#pragma once

#include <string>
#include <utility>
#include <vector>

#include "network/network.h"

namespace qloom::view {

// The parameters of a layer as short texts: {"matrix", "64 x 784"}, {"weights", "INT4"}.
using Facts = std::vector<std::pair<std::string, std::string>>;
Facts layer_facts(const network::LayerKind& kind);

}  // namespace qloom::view
