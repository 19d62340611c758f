#pragma once

#include <pybind11/pybind11.h>

#include "lower/lower.h"

namespace qloom::python {

// A lowered model as plain Python: streams, layers with their numbers as arrays, inputs and outputs as indices of streams.
pybind11::dict network_facts(const lower::Lowered& lowered);

}  // namespace qloom::python
