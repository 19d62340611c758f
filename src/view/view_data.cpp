#include "view/view_data.h"

#include "view/accelerator_json.h"
#include "view/graphs.h"
#include "view/steps.h"
#include "view/streams_json.h"

namespace qloom::view {
namespace {

using Json = nlohmann::ordered_json;

Json step_json(const StepInfo& step, Json graph) {
    return {
        {"id", step.id}, {"title", step.title}, {"about", step.about}, {"graph", std::move(graph)}};
}

std::int64_t parameter_count(const ir::Graph& model) {
    std::int64_t count = 0;
    for (const ir::TensorInfo& tensor : model.tensors()) {
        if (tensor.constant) count += element_count(ir::shape_of(*tensor.constant));
    }
    return count;
}

}  // namespace

Json diagnostic_json(const Diagnostic& diagnostic) {
    return {{"code", code_text(diagnostic.code)},
            {"where", diagnostic.where},
            {"what", diagnostic.what},
            {"advice", diagnostic.advice}};
}

Json view_data(const ViewInput& input) {
    Json steps = Json::array();
    if (input.imported != nullptr)
        steps.push_back(step_json(kImportStep, graph_of(*input.imported)));
    if (input.prepared != nullptr) {
        steps.push_back(step_json(kTidyStep, graph_of(*input.prepared)));
        steps.push_back(
            step_json(kIntegersStep, graph_of(*input.prepared, input.placements, input.lowered)));
    }
    if (input.lowered != nullptr)
        steps.push_back(step_json(kNetworkStep, graph_of(input.lowered->network)));
    Json accelerator = nullptr;
    Json limits = nullptr;
    Json streams = nullptr;
    if (input.accelerator != nullptr) {
        accelerator = accelerator_json(*input.accelerator);
        streams = streams_json(*input.accelerator);
        steps.push_back(step_json(kAcceleratorStep,
                                  nullptr));  // drawn from "accelerator", which a slider replaces
        const TargetLimits found = target_limits(input.lowered->network);
        limits = {{"fastest_ii_cycles", found.fastest_ii}, {"slowest_ii_cycles", found.slowest_ii}};
    }
    Json notes = Json::array();
    for (const std::string& note : input.notes) notes.push_back(note);
    return {{"format", "qloom-view"},
            {"version", kFormatVersion},
            {"title", input.title},
            {"constants", input.prepared == nullptr ? 0 : parameter_count(*input.prepared)},
            {"steps", std::move(steps)},
            {"accelerator", std::move(accelerator)},
            {"target_limits", std::move(limits)},
            {"streams", std::move(streams)},
            {"problem", input.error ? diagnostic_json(*input.error) : Json(nullptr)},
            {"notes", std::move(notes)},
            {"training", input.training},
            {"simulation", input.simulation},
            {"self_check", input.self_check}};
}

}  // namespace qloom::view
