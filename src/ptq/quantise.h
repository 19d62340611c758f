#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/codes/ptq.h"
#include "base/int_type.h"
#include "ir/graph.h"
#include "ptq/levels.h"

// Post-training quantisation: a trained float graph and a few hundred typical frames in, a QONNX
// graph out. No training, no labels. Overview of the methods: arXiv 2106.08295;
// docs/rationale/ptq.md.
namespace qloom::ptq {

enum class WeightRounding { kNearest, kGptq };
// Balancing the channels between two layers before quantisation, which leaves the float function as
// it is (equalise.h). kBest tries all and keeps the one with the least error at the model's
// outputs.
enum class Equalisation { kNone, kWeights, kActivations, kBest };
// What a bias makes good.
//   kAnalytic   the mean error of its own layer's rounded weights:  b + (W - Q) E[x of the float
//   network] kEmpirical  the mean error of all that is quantised up to here: b + E[W x of the float
//   network] - E[Q x of the quantised]
enum class BiasCorrection { kNone, kAnalytic, kEmpirical };

// Widths that can be asked for.
constexpr int kLeastBits = 2;
constexpr int kMostBits = 8;

struct QuantiseOptions {
    int weight_bits = 4;
    int activation_bits = 4;
    int input_bits = 8;  // of the model's inputs
    int edge_weight_bits =
        8;  // of the first and the last layers' weights, where that is more than `weight_bits`
    WeightRounding rounding = WeightRounding::kGptq;
    Equalisation equalisation = Equalisation::kBest;
    BiasCorrection bias_correction = BiasCorrection::kEmpirical;
    bool fit_inputs =
        true;  // layers are fitted to their quantised inputs before they are rounded (rounding.h)
    ScaleSearch scales = {};
    bool zero_points = true;  // where a range is not centred, if that is clearly better
    // Widths of single quantisers: a layer's node name for its weights, a tensor's name for an
    // activation.
    std::vector<std::pair<std::string, int>> bits = {};
    bool advise = true;  // measure what more bits would give
};

// One quantiser of the result.
struct QuantiserReport {
    std::string name;  // as options.bits takes it
    bool is_weights = false;
    std::string
        op;  // of the layer, or of the operator that makes the tensor ("input" for the model's)
    IntType type;
    bool has_zero_point = false;
    std::int64_t values = 0;  // weights, or values a frame
    double snr_db = 0.0;  // weights: of the rounded to the float ones; activations: of this tensor,
                          // all noise included
    double output_snr_db = 0.0;  // weights: of the layer's output, all noise included
    double gain_db =
        0.0;  // estimate: how much better the model's outputs get with one bit more here
};

// One bit more for `name` would make the outputs `gain_db` better.
struct Suggestion {
    std::string name;
    bool is_weights = false;
    int bits = 0;  // the width suggested
    double gain_db = 0.0;
};

struct QuantiseReport {
    std::vector<QuantiserReport> quantisers;  // in the order of the graph
    std::vector<Suggestion>
        suggestions;  // the best first; those that give less than half a dB are left away
    Equalisation equalisation = Equalisation::kNone;  // the one taken
    std::vector<std::pair<Equalisation, double>>
        tried;  // with the signal-to-noise ratio at the outputs
    double output_snr_db =
        0.0;  // of the model's outputs, in front of a softmax or argmax, on the frames judged by
    std::int64_t frames = 0;  // used for calibration
    std::int64_t judged = 0;  // frames kept apart to judge by (with fewer than 8 in all: the same)
};

struct Quantised {
    ir::Graph graph;  // QONNX: Quant nodes with constant parameters; sorted, shapes inferred
    QuantiseReport report;
};

// `frames` hold one array a model input, frames along axis 0. Deterministic. `progress` hears
// (done, total). Throws kPtqAlreadyQuantised, kPtqOperatorUnplaced, kPtqNoLayers, kPtqNoFrames,
// kPtqNotFinite, kPtqUnknownName, kPtqBits, and what running the model throws where the frames do
// not fit it.
Quantised quantise(const ir::Graph& model, const std::vector<ir::Value>& frames,
                   const QuantiseOptions& options = {},
                   const std::function<void(std::int64_t, std::int64_t)>& progress = {});

// 10 log10 (sum s^2 / sum (s - x)^2); 200 where x = s.
double signal_to_noise_db(const std::vector<float>& signal, const std::vector<float>& x);

std::string equalisation_name(Equalisation equalisation);

}  // namespace qloom::ptq
