#pragma once

#include <cstdint>
#include <vector>

#include "hw/assemble.h"
#include "hw/assignment.h"
#include "hw/fold_space.h"
#include "network/network.h"

namespace qloom::hw {

// Folding for one target as an assignment problem. A variable is what a layer's neighbours see of
// its folding: the elements a beat of its inputs, and of its outputs (one variable where the one
// says the other). A factor is a layer, with the foldings and implementations of the same widths
// as its alternatives; or a stream between two layers, with its width converter. Forks, ports and
// output stages belong to the layer at which they stand. The usage of an assignment is what the
// assembled accelerator without FIFOs costs.
class FoldProblem {
public:
    // `space` and `network` outlive it. Requires: target_ii >= space.fastest_ii.
    FoldProblem(const network::Network& network, const FoldSpace& space, std::int64_t target_ii,
                const FoldOptions& options);

    [[nodiscard]] const AssignmentProblem& problem() const { return problem_; }
    // What no choice changes (a stream from an input to an output).
    [[nodiscard]] const Usage& constant() const { return constant_; }
    // The foldings, prices of the implementations and ports of an assignment.
    [[nodiscard]] Plan plan(const Assignment& assignment) const;

    // The layers of the space, and the foldings and implementations that each may have here.
    [[nodiscard]] int layer_count() const { return static_cast<int>(layers_.size()); }
    [[nodiscard]] int alternative_count(int layer) const;
    [[nodiscard]] const Usage& alternative(int layer, int index) const;
    [[nodiscard]] double alternative_price(int layer, const Assignment& assignment,
                                           const Usage& weights) const;
    // The assignment with another alternative of one layer.
    [[nodiscard]] Assignment with_alternative(const Assignment& assignment, int layer,
                                              int index) const;

private:
    struct LayerVariables {
        int input = -1;   // equal where the widths of the inputs and of the outputs say each other
        int output = -1;
        int factor = -1;
        std::vector<int> choices;  // of the factor's alternatives: index into the space
        std::vector<int> input_keys;
        std::vector<int> output_keys;  // of the variables' values: index into the space's keys
    };
    struct Maker {
        int space = -1;  // -1: an input of the accelerator
        std::size_t port = 0;
        std::int64_t elements = 0;
    };

    void add_layer(const LayerSpace& space);
    void add_streams();
    void add_unary(int layer, bool at_output, const std::vector<Usage>& usage);

    const network::Network& network_;
    const FoldSpace& space_;
    std::int64_t target_ii_;
    const FoldOptions& options_;
    AssignmentProblem problem_;
    Usage constant_ = {};
    std::vector<LayerVariables> layers_;
};

}  // namespace qloom::hw
