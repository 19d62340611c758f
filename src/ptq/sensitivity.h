#pragma once

#include <vector>

#include "ptq/calibrate.h"

namespace qloom::ptq {

// What one quantiser alone does to the outputs of the otherwise float network, with its width and
// with one bit more.
struct Noise {
    double now = 0.0;  // mean squared error at the outputs
    double more = 0.0;
};

// Of every layer's weights, then of every spot, all rounded to nearest. `outputs` are the tensors
// looked at.
std::vector<Noise> noises(const ir::Graph& graph, const std::vector<Layer>& layers,
                          const Plan& plan, const Widths& widths,
                          const std::vector<ir::Value>& frames, const QuantiseOptions& options);

// The estimate of how many dB better the outputs get when quantiser i gets one bit more, from each
// one's share of the noise: noises of many quantisers add up, being hardly correlated.
//   two of equal noise, one bit more quarters it: 10 log10(2 / 1.25) = 2.04 dB
std::vector<double> gains_db(const std::vector<Noise>& noises);

// The graph that ends in front of softmax, argmax and top-k, where errors can be measured: its
// outputs are real.
ir::Graph measurable(const ir::Graph& graph);

// Sum of squared differences over sum of squares of all outputs.
struct OutputError {
    double error = 0.0;
    double signal = 0.0;
    [[nodiscard]] double snr_db() const;
};
OutputError output_error(const std::vector<ir::Value>& wanted, const std::vector<ir::Value>& found);

}  // namespace qloom::ptq
