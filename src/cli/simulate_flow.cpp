#include "cli/simulate_flow.h"

#include <algorithm>
#include <optional>

#include "cli/compile_flow.h"
#include "cli/frames.h"
#include "cli/interrupt.h"
#include "cli/simulation_record.h"
#include "emit/emit.h"
#include "lower/lower.h"

namespace qloom::cli {
namespace {

constexpr std::int64_t kDefaultFrames = 1000;  // of a dataset, when --frames does not say
constexpr std::int64_t kMadeUpFrames = 16;

// What the simulator gave, in the order and shapes of the network's outputs.
std::vector<network::Frames> network_outputs(const network::Network& network, const hw::Accelerator& accelerator,
                                             std::vector<network::Frames> simulated) {
    std::vector<network::Frames> result;
    for (const network::StreamId id : network.outputs) {
        const network::Stream& stream = network.stream(id);
        const auto port = std::ranges::find(accelerator.outputs, stream.name, &hw::Port::stream);
        QLOOM_ASSERT(port != accelerator.outputs.end(), "every network output is a port of the accelerator");
        result.push_back(
            with_shape(simulated[static_cast<std::size_t>(port - accelerator.outputs.begin())], stream.shape));
    }
    return result;
}

// What a classifier answered; empty where the frames have no labels, so that nobody takes a number for a class.
std::vector<std::int64_t> answers(const SimulateOutcome& outcome, const std::optional<DataInput>& data) {
    return data ? labels_of(outcome.outputs.front()) : std::vector<std::int64_t>{};
}

std::vector<std::int64_t> labels(const std::optional<DataInput>& data) {
    if (!data) {
        return {};
    }
    return {data->dataset().labels.begin(), data->dataset().labels.end()};
}

}  // namespace

SimulateOutcome simulate(const SimulateRequest& request) {
    SimulateOutcome outcome;
    outcome.accelerator = emit::read_accelerator(request.folder);
    const CompiledModel compiled = read_compiled_model(request.folder);
    const ir::Graph& model = compiled.model.graph;
    outcome.output_files = assign_outputs(model, request.outputs);

    const lower::Engine engine(lower::lower(model, compiled.options));
    std::optional<DataInput> data;
    std::vector<ir::Value> inputs;
    if (request.data.empty() && request.inputs.empty()) {
        inputs = made_up_frames(model, engine.lowered(), request.frames.value_or(kMadeUpFrames));
    } else if (request.data.empty()) {
        inputs = read_inputs(model, request.inputs);
        for (ir::Value& input : inputs) {
            input = slice_frames(input, 0, std::min(request.frames.value_or(frame_count(input)), frame_count(input)));
        }
    } else {
        const std::int64_t limit = request.frames.value_or(kDefaultFrames);
        data.emplace(model,
                     data::load(request.data, {.directory = request.data_directory, .limit = limit}), request.scale);
        inputs = data->frames(0, data->size());
        outcome.input_scale = data->scale_text();
    }
    outcome.frames = frame_count(inputs.front());
    check_interrupted();

    const network::Network& network = engine.lowered().network;
    const std::vector<network::Frames> integers = engine.to_integers(inputs);
    const std::vector<network::Frames> expected = engine.run_network(integers);
    outcome.simulation = sim::simulate(request.hardware.empty() ? request.folder : request.hardware, integers, request.options);
    const std::vector<network::Frames> found =
        network_outputs(network, outcome.accelerator, std::move(outcome.simulation.outputs));
    const Comparison comparison = compare_frames(network, expected, found);
    outcome.mismatches = comparison.mismatches;
    outcome.first_difference = comparison.first;
    outcome.outputs = engine.to_outputs(found);
    const Shape& input_shape = ir::shape_of(inputs.front());
    outcome.class_names = data ? data->dataset().class_names : std::vector<std::string>{};
    outcome.sample_shape = data ? data->dataset().sample_shape() : Shape(input_shape.begin() + 1, input_shape.end());
    if (outcome.frames > 0) {
        outcome.samples = pick_samples(inputs.front(), answers(outcome, data), labels(data));
    }
    if (data && outcome.frames > 0) {
        const std::int64_t correct = data->count_correct(labels_of(outcome.outputs.front()), 0);
        outcome.accuracy = static_cast<double>(correct) / static_cast<double>(outcome.frames);
    }
    return outcome;
}

}  // namespace qloom::cli
