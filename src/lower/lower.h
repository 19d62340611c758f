#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/codes/lower.h"
#include "base/int_type.h"
#include "ir/graph.h"
#include "network/execute.h"
#include "network/network.h"

// ir::Graph -> Network by scaled-integer analysis (arXiv 2508.21493 for the idea): every tensor is
// real = scale * int + bias, elementwise operators are collected until a quantiser turns them into thresholds.
namespace qloom::lower {

// An integer input as the user declares it: real = int * scale.  "uint8", "int4", "bipolar", "uint8/255", "float".
struct InputType {
    IntType type{8, false};
    double scale = 1.0;
    bool bipolar = false;   // values -1 and +1
    bool is_float = false;  // no integers: everything up to the first quantiser runs on the host
};
// Parses the text forms above; throws code::kInputTypeBad.
InputType parse_input_type(const std::string& text);

struct LowerOptions {
    // Per model input name (or "" for every input that has no quantiser of its own). Declared types win over the
    // file's annotation; an input without quantiser, annotation and declaration is assumed UINT8, and a note says so.
    std::vector<std::pair<std::string, InputType>> input_types = {};
    // Append an argmax over the (single) output's last axis: the hardware then gives labels.
    bool argmax = false;
};

// Where one operator of the model ended up, for `qloom check` and the report.
enum class Placement { kHardware, kHostBefore, kHostAfter, kFolded, kUnsupported };
struct NodePlacement {
    std::string node;
    std::string op;
    Placement placement = Placement::kHardware;
    std::string reason;  // why it is not in hardware, or what it became ("thresholds of act1")
    std::string advice;  // empty when there is nothing to do
};

// One integer input of the network: int = (real - bias) / scale of the tensor `tensor` of `head` (or the model input
// itself, when `head` does not touch it).
struct InputBinding {
    std::string tensor;          // name of the real-valued tensor
    double scale = 1.0;
    double bias = 0.0;
    std::vector<double> channel_scale;  // not empty: per channel instead of `scale` / `bias`
    std::vector<double> channel_bias;
    network::StreamId stream = network::StreamId::kNone;
    Shape model_shape;           // shape of `tensor` as the model has it, frame axis first
    std::vector<std::int64_t> order;  // stream element k is model element order[k] (without the frame axis)
    bool assumed = false;        // nobody declared this input's type
};

// One real tensor rebuilt on the host: real[c] = sum_k scale_k[c] * stream_k[c] + bias[c], then `tail` goes on from it.
struct OutputBinding {
    std::string tensor;
    struct Term {
        network::StreamId stream = network::StreamId::kNone;
        std::vector<double> scale;  // 1 or C entries
    };
    std::vector<Term> terms;
    std::vector<double> bias;       // 1 or C entries
    Shape model_shape;
    std::vector<std::int64_t> order;
    bool integer = false;           // an index output (argmax): int64 rather than float
};

// A quantised tensor of the model and the stream that carries it: real[c] = scale[c] * int[c] + bias[c].
struct Probe {
    std::string tensor;
    network::StreamId stream = network::StreamId::kNone;
    std::vector<double> scale;
    std::vector<double> bias;
    std::vector<std::int64_t> order;  // stream element k is model element order[k]; empty: the same
};

struct Lowered {
    network::Network network;
    ir::Graph head;  // host, before: model inputs -> tensors named by `inputs` (identity when empty of nodes)
    ir::Graph tail;  // host, after: tensors named by `outputs` -> model outputs
    std::vector<InputBinding> inputs;    // in the order of network.inputs
    std::vector<OutputBinding> outputs;  // together cover network.outputs
    std::vector<NodePlacement> placements;  // one an operator of the tidied model, in order
    std::vector<Probe> probes;              // every quantiser in hardware, in order: where a difference shows first
    std::vector<std::string> notes;         // degraded or assumed facts, for the report
};

// The model as lower() takes it: with the argmax the options ask for, without a Softmax that an argmax makes needless.
ir::Graph prepared(const ir::Graph& model, const LowerOptions& options);

// Throws Error (codes 0300-0399) naming node, reason and advice when the model cannot become hardware.
Lowered lower(const ir::Graph& model, const LowerOptions& options = {});

// The per-operator verdict without giving up at the first problem; `error` is set when lower() would throw.
struct CheckResult {
    std::vector<NodePlacement> placements;
    std::vector<std::string> notes;
    std::optional<Diagnostic> error;
    std::optional<network::Network> network;  // when there is no error
};
CheckResult check(const ir::Graph& model, const LowerOptions& options = {});

// The integer engine: the whole model through head, integer network and tail. Inputs and outputs are the model's own,
// leading axis = frames.
class Engine {
public:
    explicit Engine(Lowered lowered);
    ~Engine();
    Engine(Engine&&) noexcept;
    Engine& operator=(Engine&&) noexcept;

    [[nodiscard]] const Lowered& lowered() const;
    [[nodiscard]] std::vector<ir::Value> run(const std::vector<ir::Value>& inputs) const;
    // The three steps of run, for whoever puts hardware in the middle. `to_integers` throws code::kInputOutOfRange
    // when a value is not an integer of the input's type.
    [[nodiscard]] std::vector<network::Frames> to_integers(const std::vector<ir::Value>& inputs) const;
    [[nodiscard]] std::vector<network::Frames> run_network(const std::vector<network::Frames>& integers) const;
    [[nodiscard]] std::vector<ir::Value> to_outputs(const std::vector<network::Frames>& integers) const;
    // The same for a tail that also reads model inputs (a host-side skip around the hardware).
    [[nodiscard]] std::vector<ir::Value> to_outputs(const std::vector<network::Frames>& integers,
                                                    const std::vector<ir::Value>& model_inputs) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Whether an input meets a layer with weights before any quantiser, so that its own values must be integers.
bool input_needs_integers(const ir::Graph& model, ir::TensorId input);

// The input types that hold the given sample inputs: an integer type for every input whose samples are all integers
// (BIPOLAR for -1/+1 only, UINT8 for 0..255, INT8 for -128..127, else the smallest that fits), float for the others;
// for inputs with a quantiser of their own nothing is returned.
std::vector<std::pair<std::string, InputType>> infer_input_types(const ir::Graph& model,
                                                                 const std::vector<ir::Value>& samples);

// Runs the reference executor on the (prepared) model and the integer engine on samples and compares (docs/rationale/lower.md). Throws
// code::kSelfCheckFailed naming the first layer that differs.
struct SelfCheckResult {
    std::int64_t frames = 0;
    std::int64_t values = 0;
    double largest_difference = 0.0;
    std::int64_t near_ties = 0;  // differing frames explained by a quantiser input within 1e-4 of a tie
};
SelfCheckResult self_check(const ir::Graph& model, const Engine& engine, const std::vector<ir::Value>& samples);

}  // namespace qloom::lower
