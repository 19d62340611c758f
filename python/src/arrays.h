#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include "ir/graph.h"

// Arrays between NumPy and the graph's values.
namespace qloom::python {

// Floats become float32, integers and bools int64; one copy. Anything else is a TypeError.
ir::Value value_of(const pybind11::array& array);

// Without a copy: the array owns the value's memory.
pybind11::array array_of(ir::Value value);
pybind11::array array_of(Tensor<std::uint8_t> tensor);

}  // namespace qloom::python
