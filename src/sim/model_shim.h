#pragma once

#include <string>
#include <vector>

namespace qloom::sim {

// One port of a verilated top as its header declares it.
struct DeclaredPort {
    std::string name;
    int width = 1;
    bool is_input = false;

    bool operator==(const DeclaredPort&) const = default;
};

// Reads the ports from the text of a class header that Verilator wrote.
std::vector<DeclaredPort> declared_ports(const std::string& header);

// C++ text that puts the C interface of model_abi.h around the class `Vdut` with these ports.
std::string shim_source(const std::vector<DeclaredPort>& ports, bool has_trace);

}  // namespace qloom::sim
