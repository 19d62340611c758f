#include "synth/netlist.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/diagnostic.h"
#include "synth/cell_kinds.h"

namespace qloom::synth {
namespace {

using Json = nlohmann::json;

[[noreturn]] void throw_unreadable(const std::string& where, const std::string& what) {
    throw Error(code::kNetlistUnreadable, where, what,
                "synthesise again; if it stays, another version of Yosys is at work");
}

// LUT levels, then carry cells: compared in this order.
struct Arrival {
    int levels = 0;
    int carries = 0;
    friend auto operator<=>(const Arrival&, const Arrival&) = default;
};

struct Pin {
    std::string port;
    int index = 0;  // within the port
    int net = 0;
};

struct Cell {
    CellClass kind = CellClass::kOther;
    std::vector<Pin> inputs;
};

struct Driver {
    std::size_t cell = 0;
    std::string port;
    int index = 0;
};

bool is_address(std::string_view port) { return port.starts_with("A") || port.starts_with("DPRA"); }

// Whether the output `port`[index] of a cell follows this input without a clock edge.
bool follows(CellClass kind, const Driver& output, const Pin& input) {
    switch (kind) {
        case CellClass::kLut:
        case CellClass::kMultiplexer:
            return true;
        case CellClass::kCarry:
            // Bit k of a chain knows the bits up to k; the sum bit O[k] does not see DI[k].
            if (input.port == "S") return input.index <= output.index;
            if (input.port == "DI")
                return output.port == "O" ? input.index < output.index
                                          : input.index <= output.index;
            return true;
        case CellClass::kLutRam:
        case CellClass::kShift:
            return is_address(input.port);
        case CellClass::kRegister:
        case CellClass::kBlockRam:
        case CellClass::kDsp:
        case CellClass::kOther:
            return false;
    }
    return false;
}

class Paths {
public:
    Paths(const Json& module, std::string where) : where_(std::move(where)) {
        for (const auto& [name, cell] : module.at("cells").items()) add(cell);
        for (const auto& [name, port] : module.at("ports").items()) {
            if (port.at("direction") != "output") continue;
            for (const Json& bit : port.at("bits")) {
                if (bit.is_number()) ends_.push_back(bit.get<int>());
            }
        }
    }

    // The latest arrival at a register, a memory or an output port.
    Arrival longest() {
        for (const Cell& cell : cells_) {
            for (const Pin& pin : cell.inputs) {
                if (!combinational_input(cell.kind, pin)) ends_.push_back(pin.net);
            }
        }
        Arrival result;
        for (const int net : ends_) result = std::max(result, arrival(net));
        return result;
    }

private:
    static bool combinational_input(CellClass kind, const Pin& pin) {
        if (kind == CellClass::kLut || kind == CellClass::kMultiplexer || kind == CellClass::kCarry)
            return true;
        return (kind == CellClass::kLutRam || kind == CellClass::kShift) && is_address(pin.port);
    }

    void add(const Json& json) {
        Cell cell;
        cell.kind = cell_kind(json.at("type").get<std::string>()).kind;
        const Json& directions = json.at("port_directions");
        for (const auto& [port, bits] : json.at("connections").items()) {
            const bool is_output = directions.at(port) == "output";
            int index = 0;
            for (const Json& bit : bits) {
                if (bit.is_number()) {
                    if (is_output) {
                        drivers_[bit.get<int>()] = {cells_.size(), port, index};
                    } else {
                        cell.inputs.push_back({port, index, bit.get<int>()});
                    }
                }
                ++index;
            }
        }
        cells_.push_back(std::move(cell));
    }

    // Depth first with a stack of its own: paths through carry chains are long.
    Arrival arrival(int net) {
        std::vector<int> stack{net};
        while (!stack.empty()) {
            const int top = stack.back();
            if (known_.contains(top)) {
                stack.pop_back();
                continue;
            }
            const auto driver = drivers_.find(top);
            if (driver == drivers_.end()) {
                known_[top] = {};
                stack.pop_back();
                continue;
            }
            const Cell& cell = cells_[driver->second.cell];
            bool complete = true;
            Arrival latest;
            bool any = false;
            for (const Pin& pin : cell.inputs) {
                if (!follows(cell.kind, driver->second, pin)) continue;
                any = true;
                const auto found = known_.find(pin.net);
                if (found != known_.end()) {
                    latest = std::max(latest, found->second);
                } else {
                    if (open_.contains(pin.net)) {
                        throw_unreadable(
                            where_,
                            fmt::format("the netlist has a loop without a register, through net {}",
                                        pin.net));
                    }
                    if (complete) open_[top] = true;
                    complete = false;
                    stack.push_back(pin.net);
                }
            }
            if (!complete) continue;
            if (any || cell.kind == CellClass::kLutRam || cell.kind == CellClass::kShift) {
                latest.levels += cell.kind == CellClass::kLut || cell.kind == CellClass::kLutRam ||
                                         cell.kind == CellClass::kShift
                                     ? 1
                                     : 0;
                latest.carries += cell.kind == CellClass::kCarry ? 1 : 0;
            }
            known_[top] = latest;
            open_.erase(top);
            stack.pop_back();
        }
        return known_.at(net);
    }

    std::string where_;
    std::vector<Cell> cells_;
    std::unordered_map<int, Driver> drivers_;
    std::unordered_map<int, Arrival> known_;
    std::unordered_map<int, bool> open_;  // nets whose drivers are being looked at
    std::vector<int> ends_;
};

}  // namespace

Cost& Cost::operator+=(const Cost& other) {
    luts += other.luts;
    ffs += other.ffs;
    carries += other.carries;
    bram36 += other.bram36;
    ram4k += other.ram4k;
    dsps += other.dsps;
    if (other.lut_levels > lut_levels ||
        (other.lut_levels == lut_levels && other.path_carries > path_carries)) {
        lut_levels = other.lut_levels;
        path_carries = other.path_carries;
    }
    return *this;
}

Netlist read_netlist(const std::string& json, const std::string& module, const std::string& where) {
    const Json design = Json::parse(json, nullptr, false);
    if (design.is_discarded()) throw_unreadable(where, "the netlist is not JSON");
    if (!design.contains("modules") || !design["modules"].contains(module)) {
        throw_unreadable(where, fmt::format("the netlist has no module {}", module));
    }
    const Json& top = design["modules"][module];
    Netlist netlist;
    for (const auto& [name, cell] : top.at("cells").items()) {
        const std::string type = cell.at("type").get<std::string>();
        ++netlist.cells[type];
        const CellKind kind = cell_kind(type);
        netlist.cost += {.luts = kind.luts,
                         .ffs = kind.ffs,
                         .carries = kind.kind == CellClass::kCarry ? 1.0 : 0.0,
                         .bram36 = kind.bram36,
                         .ram4k = kind.ram4k,
                         .dsps = kind.dsps};
    }
    const Arrival longest = Paths(top, where).longest();
    netlist.cost.lut_levels = longest.levels;
    netlist.cost.path_carries = longest.carries;
    return netlist;
}

}  // namespace qloom::synth
