// The evidence of the cost model: single layers at many widths and foldings, emitted, synthesised
// with Yosys, and written beside what the model says.
//
//   bench_cost_points POINTS.csv CACHE        synthesises what CACHE lacks and writes the points
//   bench_cost_points --model POINTS.csv      the model's present figures for the points measured
//   bench_cost_points --modules RTL           every module of the library at its default parameters
//
// The first two end with the errors. Every third point was held back when the formulas were fitted.

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/diagnostic.h"
#include "base/process.h"
#include "emit/emit.h"
#include "hw/fold.h"
#include "hw/random_network.h"
#include "synth/netlist.h"
#include "synth/synthesise.h"
#include "synth/target.h"

namespace {

namespace fs = std::filesystem;
using namespace qloom;
using qloom::testing::NetworkBuilder;

struct Point {
    std::string name;
    network::Network network;
    std::string layer;
    hw::Folding folding;
};

std::string text(Range range) { return fmt::format("{}..{}", range.lo, range.hi); }

// Matrices: kinds of products at foldings from one product a clock to a whole row.
void add_matrices(std::vector<Point>& points) {
    struct Kind {
        Range inputs;
        Range weights;
    };
    const std::vector<Kind> kinds{{{0, 255}, {-8, 7}}, {{0, 15}, {-8, 7}}, {{0, 3}, {-2, 1}},
                                  {{0, 7}, {-4, 3}},   {{-8, 7}, {-8, 7}}, {{0, 255}, {-128, 127}},
                                  {{0, 15}, {-1, 1}}};
    const std::vector<hw::Folding> foldings{{4, 16}, {2, 32}, {8, 4}};
    for (const Kind& kind : kinds) {
        for (const hw::Folding folding : foldings) {
            NetworkBuilder build(7);
            const auto x = build.input("x", {64}, kind.inputs);
            const auto y = build.dense(x, 16, kind.weights);
            points.push_back({fmt::format("integer {} x {}", text(kind.inputs), text(kind.weights)),
                              build.finish({y}), "fc1", folding});
        }
    }
    for (const hw::Folding folding : {hw::Folding{4, 16}, hw::Folding{8, 8}, hw::Folding{2, 32}}) {
        NetworkBuilder build(8);
        const auto x = build.input("x", {64}, {0, 15});
        points.push_back(
            {"bipolar 0..15", build.finish({build.dense_bipolar(x, 16)}), "fc1", folding});
    }
    struct Counts {
        std::int64_t inputs;
        std::int64_t outputs;
        hw::Folding folding;
    };
    for (const Counts& c : std::vector<Counts>{{288, 16, {4, 72}},
                                               {288, 16, {2, 144}},
                                               {64, 16, {8, 16}},
                                               {64, 32, {4, 32}},
                                               {784, 16, {4, 196}},
                                               {576, 32, {8, 24}}}) {
        NetworkBuilder build(9);
        const auto x = build.input("x", {c.inputs}, {0, 1});
        points.push_back({fmt::format("xnor {}", c.inputs),
                          build.finish({build.dense_xnor(x, c.outputs)}), "fc1", c.folding});
    }
}

void add_thresholds(std::vector<Point>& points) {
    struct Case {
        std::int64_t channels;
        int bits;
        std::int64_t steps;
        std::int64_t pe;
    };
    for (const Case& c : std::vector<Case>{{64, 19, 15, 2},
                                           {64, 12, 15, 1},
                                           {16, 12, 15, 4},
                                           {64, 10, 3, 2},
                                           {64, 7, 1, 4},
                                           {256, 12, 3, 4},
                                           {16, 16, 7, 2},
                                           {8, 14, 15, 8},
                                           {64, 8, 3, 8},
                                           {16, 10, 1, 16},
                                           {256, 10, 1, 8},
                                           {32, 12, 255, 1}}) {
        NetworkBuilder build(10);
        const std::int64_t half = std::int64_t{1} << (c.bits - 1);
        const auto x = build.input("x", {c.channels}, {-half, half - 1});
        points.push_back(
            {fmt::format("{} steps of {} bits, {} channels", c.steps, c.bits, c.channels),
             build.finish({build.threshold(x, c.steps)}),
             "act1",
             {c.pe, 1}});
    }
}

void add_depthwise(std::vector<Point>& points) {
    for (const hw::Folding folding : {hw::Folding{8, 1}, hw::Folding{8, 3}, hw::Folding{8, 9}}) {
        NetworkBuilder build(11);
        const auto x = build.input("x", {16, 72}, {0, 15});
        points.push_back(
            {"depthwise 3x3", build.finish({build.depthwise(x, 9, 1, {-8, 7})}), "dw1", folding});
    }
}

struct Row {
    std::string point;
    std::string module;
    std::string folding;
    std::string held;
    hw::Resources model;
    hw::Resources synthesised;
};

double error_of(const Row& row) { return row.model.luts / row.synthesised.luts - 1.0; }

void print_errors(const std::vector<Row>& rows) {
    std::map<std::string, std::vector<double>> errors;
    int wrong_memory = 0;
    for (const Row& row : rows) {
        if (row.model.bram36 != row.synthesised.bram36 || row.model.dsps != row.synthesised.dsps)
            ++wrong_memory;
        if (row.synthesised.luts < 40.0) continue;  // a few LUTs more or less are no error
        for (const std::string& group : {row.module, std::string("all ") + row.held})
            errors[group].push_back(std::abs(error_of(row)));
    }
    fmt::print("{:<22} {:>7} {:>14} {:>12}\n", "group", "points", "median error", "worst error");
    for (auto& [group, values] : errors) {
        std::ranges::sort(values);
        fmt::print("{:<22} {:>7} {:>12.1f} % {:>10.1f} %\n", group, values.size(),
                   100.0 * values[values.size() / 2], 100.0 * values.back());
    }
    fmt::print("{} of {} units have other block RAMs or DSPs than estimated\n", wrong_memory,
               rows.size());
}

std::string file_text(const fs::path& file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
}

// A table of what the modules take by themselves, and how many LUTs follow each other between
// registers. Memories hold what they hold without a file, so those figures stand for the logic.
int print_modules(const fs::path& rtl) {
    constexpr int kMostLevels = 6;
    std::vector<std::string> modules;
    for (const auto& entry : fs::directory_iterator(rtl)) {
        if (entry.path().extension() == ".sv") modules.push_back(entry.path().stem().string());
    }
    std::ranges::sort(modules);
    std::string library = "read_verilog -lib +/xilinx/cells_sim.v; read_verilog -sv";
    for (const std::string& module : modules) library += " " + module + ".sv";
    const fs::path json =
        fs::temp_directory_path() / fmt::format("qloom_modules_{}.json", getpid());
    fmt::print("| module | LUT | FF | CARRY4 | LUT levels |\n| --- | --- | --- | --- | --- |\n");
    int too_deep = 0;
    for (const std::string& module : modules) {
        const auto command = std::string(synth::info_of(synth::Target::kXc7).command);
        check_tool({"yosys", "-q", "-p",
                    fmt::format("{0}; hierarchy -top {1}; {2} -top {1}; setattr -mod -unset "
                                "keep_hierarchy; setattr "
                                "-unset keep_hierarchy c:*; flatten; opt_clean; write_json {3}",
                                library, module, command, json.string())},
                   {.working_directory = rtl}, "yosys");
        const synth::Cost cost = synth::read_netlist(file_text(json), module, json.string()).cost;
        fmt::print("| `{}` | {:.0f} | {:.0f} | {:.0f} | {} |\n", module, cost.luts, cost.ffs,
                   cost.carries, cost.lut_levels);
        std::fflush(stdout);
        if (cost.lut_levels > kMostLevels) ++too_deep;
    }
    fs::remove(json);
    fmt::print("\n{} of {} modules have more than {} levels\n", too_deep, modules.size(),
               kMostLevels);
    return too_deep == 0 ? 0 : 1;
}

constexpr const char* kHeader =
    "point,module,folding,held,model_luts,luts,model_ffs,ffs,model_bram36,bram36,model_dsps,dsps,"
    "lut_levels";

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr
            << "usage: bench_cost_points POINTS.csv CACHE | --model POINTS.csv | --modules RTL\n";
        return 2;
    }
    const bool model_only = std::string(argv[1]) == "--model";
    try {
        if (std::string(argv[1]) == "--modules") return print_modules(argv[2]);
        std::vector<Point> points;
        add_matrices(points);
        add_thresholds(points);
        add_depthwise(points);
        // In an order that mixes the kinds, so that a run that is cut short has some of each.
        std::vector<Point> mixed;
        for (std::size_t first = 0; first < 7; ++first) {
            for (std::size_t i = first; i < points.size(); i += 7) mixed.push_back(points[i]);
        }
        points = std::move(mixed);

        // What was measured before, by point, module and folding.
        std::map<std::string, std::string> measured;
        if (model_only) {
            std::ifstream file(argv[2]);
            for (std::string line; std::getline(file, line);) {
                std::size_t comma = 0;
                for (int i = 0; i < 3; ++i) comma = line.find(',', comma) + 1;
                measured[line.substr(0, comma)] = line;
            }
        }

        std::vector<Row> rows;
        std::ofstream csv;
        if (!model_only) {
            csv.open(argv[1]);
            csv << kHeader << '\n';
        }
        for (std::size_t i = 0; i < points.size(); ++i) {
            const Point& point = points[i];
            std::string name = point.name;
            std::ranges::replace(name, ',', ';');
            const bool has_simd = point.layer != "act1";
            const auto folding = hw::parse_folding_file(
                fmt::format(
                    R"({{"layers": {{"{}": {{"pe": {}{}}}}}}})", point.layer, point.folding.pe,
                    has_simd ? fmt::format(R"(, "simd": {})", point.folding.simd) : std::string()),
                "folding.json");
            const hw::Accelerator accelerator = hw::fold(
                point.network,
                {.board = hw::find_board("pynq-z1"), .target_ii = 1 << 20, .folding = folding});
            synth::Synthesis synthesis;
            if (!model_only) {
                const fs::path folder = fs::path(argv[2]) / "work";
                fs::remove_all(folder);
                emit::emit(accelerator, point.network, folder);
                synthesis = synth::synthesise(folder, {.cache = argv[2]});
            }
            for (std::size_t u = 0; u < accelerator.units.size(); ++u) {
                const hw::Unit& unit = accelerator.units[u];
                Row row{name,
                        std::string(hw::module_name(unit.module)),
                        fmt::format("{}x{}", unit.folding.pe, unit.folding.simd),
                        i % 3 == 2 ? "held" : "fit",
                        unit.cost,
                        {}};
                const std::string key =
                    fmt::format("{},{} {},{},", row.point, row.module, unit.name, row.folding);
                if (model_only) {
                    const auto found = measured.find(key);
                    if (found == measured.end()) continue;
                    std::istringstream fields(found->second);
                    std::vector<std::string> values;
                    for (std::string field; std::getline(fields, field, ',');)
                        values.push_back(field);
                    row.synthesised = {std::stod(values.at(5)), std::stod(values.at(7)),
                                       std::stod(values.at(9)), std::stod(values.at(11))};
                } else {
                    const synth::Cost& cost = synthesis.layers[u].cost;
                    row.synthesised = {cost.luts, cost.ffs, cost.bram36, cost.dsps};
                    csv << fmt::format("{}{},{:.0f},{:.0f},{:.0f},{:.0f},{},{},{:.0f},{:.0f},{}\n",
                                       key, row.held, row.model.luts, row.synthesised.luts,
                                       row.model.ffs, row.synthesised.ffs, row.model.bram36,
                                       row.synthesised.bram36, row.model.dsps, row.synthesised.dsps,
                                       cost.lut_levels)
                        << std::flush;
                }
                if (row.synthesised.luts >= 40.0 && (std::abs(error_of(row)) > 0.2 || model_only)) {
                    fmt::print("{} {} {}: {:.0f} LUT estimated, {:.0f} synthesised ({:+.0f} %)\n",
                               row.point, row.module, row.folding, row.model.luts,
                               row.synthesised.luts, 100.0 * error_of(row));
                }
                rows.push_back(row);
            }
        }
        print_errors(rows);
    } catch (const Error& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
    return 0;
}
