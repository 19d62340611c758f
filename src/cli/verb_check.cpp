#include "base/table.h"
#include "cli/manual.h"
#include "cli/options.h"
#include "cli/verb.h"
#include "hw/registry.h"

namespace qloom::cli {
namespace {

std::string placement_name(lower::Placement placement) {
    switch (placement) {
        case lower::Placement::kHardware:
            return "hardware";
        case lower::Placement::kHostBefore:
        case lower::Placement::kHostAfter:
            return "host";
        case lower::Placement::kFolded:
            return "folded";
        case lower::Placement::kUnsupported:
            return "not supported";
    }
    return {};
}

nlohmann::ordered_json tensors_json(const ir::Graph& graph, const std::vector<ir::TensorId>& ids) {
    auto list = nlohmann::ordered_json::array();
    for (const ir::TensorId id : ids) {
        const ir::TensorInfo& tensor = graph.tensor(id);
        list.push_back({{"name", tensor.name}, {"shape", tensor.shape.value_or(Shape{})}});
    }
    return list;
}

class CheckVerb final : public Verb {
public:
    [[nodiscard]] std::string name() const override { return "check"; }

    [[nodiscard]] Manual manual() const override {
        return {.summary = "say, operator by operator, what becomes of a model",
                .synopsis = {"qloom check MODEL [OPTIONS]"},
                .description =
                    {"Lists every operator of the model with where it goes: into hardware, into the host program that feeds "
                     "the hardware, folded into a neighbour or a constant, or nowhere because it is not supported; why; and "
                     "what to do. Exits with 0 only if the model can be compiled."},
                .json_keys = {{"compilable", "true or false"},
                              {"operators", "a list: node, op, placement (hardware, host, folded, not supported), reason, "
                                            "advice"},
                              {"inputs, outputs", "name and shape of each"},
                              {"notes", "assumptions made"},
                              {"model", "the model file"}},
                .examples = {{"qloom check model.onnx", "the table"},
                             {"qloom check model.onnx --quiet && echo fine", "only the exit code"}}};
    }

    void add_options(CLI::App& app) override {
        add_model_argument(app, model_);
        add_input_type_option(app, input_types_);
    }

    void run(Session& session) override {
        const Model model = load_model(model_);
        lower::CheckResult check =
            lower::check(model.graph, {.input_types = parse_input_types(model.graph, input_types_)});
        if (check.network) {
            check.error = hw::missing_hardware(*check.network);
        }
        auto& result = session.result();
        result = {{"model", model_},
                  {"compilable", !check.error.has_value()},
                  {"inputs", tensors_json(model.graph, model.graph.inputs())},
                  {"outputs", tensors_json(model.graph, model.graph.outputs())},
                  {"operators", nlohmann::ordered_json::array()},
                  {"notes", check.notes}};
        Table table({{"operator"}, {"node"}, {"goes to"}, {"why"}});
        for (const lower::NodePlacement& placement : check.placements) {
            const std::string where = placement_name(placement.placement);
            result["operators"].push_back({{"node", placement.node},
                                           {"op", placement.op},
                                           {"placement", where},
                                           {"reason", placement.reason},
                                           {"advice", placement.advice}});
            table.add_row({placement.op, placement.node, where, placement.reason});
        }
        session.say(table.text(session.columns()));
        for (const lower::NodePlacement& placement : check.placements) {
            if (!placement.advice.empty()) {
                session.say("\n" + wrapped(placement.node + ": " + placement.advice, 0, session.columns()));
            }
        }
        for (const std::string& note : check.notes) {
            session.note(note);
        }
        if (check.error) {
            throw Error(*check.error);
        }
        session.say("\nThe model can be compiled.\n");
    }

private:
    std::string model_;
    std::vector<std::string> input_types_;
};

}  // namespace

std::unique_ptr<Verb> make_check_verb() { return std::make_unique<CheckVerb>(); }

}  // namespace qloom::cli
