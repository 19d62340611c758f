#pragma once

#include <pybind11/pybind11.h>

namespace qloom::python {

// The class `Model` of the module: a model file in memory, run by either engine.
void add_model(pybind11::module_& module);

}  // namespace qloom::python
