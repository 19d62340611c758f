#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hw/adder_graph.h"
#include "hw/adder_pipeline.h"
#include "hw/step_logic.h"
#include "hw/unit.h"

// A MatrixVector layer whose weights are wires: the whole matrix every clock, with the thresholds
// behind it where there are some. Its module is made for it (emit/constant_matrix.h).
namespace qloom::hw {

// What the module computes, and where its registers stand.
struct ConstantMatrixDesign {
    AdderGraph graph;
    AdderPipeline pipeline;
    std::vector<StepLogic> steps;  // one a row; empty where the results are the sums themselves
    std::int64_t group = 0;        // rows a group (hw/constant_product.h)
    int step_levels = 0;           // LUT levels of the longest step function
    IntType output;                // of a row's result

    // Clocked stages before the skid at the end.
    [[nodiscard]] int stages() const;
    // In how many stages the step functions stand.
    [[nodiscard]] int step_stages() const;
    [[nodiscard]] Resources cost() const;
};

// LUT levels between registers.
constexpr int kConstantLevels = 5;

// `group` 0: the cheapest.
ConstantMatrixDesign design_constant_matrix(const network::MatrixVector& layer,
                                            const network::Stream& input,
                                            const network::Threshold* threshold,
                                            const network::Stream& output, std::int64_t group = 0);

// Marks a MatrixVector as such a unit.
struct ConstantMatrixForm final : network::HardwareForm {
    std::string threshold;  // the layer that is part of it, or ""
    std::int64_t group = 0;
    int stages = 0;
    Resources cost;
};

// nullptr: an ordinary matrix-vector unit.
const ConstantMatrixForm* constant_form(const network::MatrixVector& layer);

const UnitModel& constant_matrix_model();

}  // namespace qloom::hw
