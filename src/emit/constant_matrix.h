#pragma once

#include <string>

#include "hw/units/constant_matrix.h"
#include "network/network.h"

namespace qloom::emit {

// The SystemVerilog of one constant matrix: module `module` with the ports of every unit.
std::string constant_matrix_text(const std::string& module, const hw::ConstantMatrixDesign& design,
                                 const network::Stream& input);

}  // namespace qloom::emit
