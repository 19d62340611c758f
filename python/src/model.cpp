#include "model.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "arrays.h"
#include "base/codes/cli.h"
#include "base/diagnostic.h"
#include "cli/frames.h"
#include "cli/software.h"
#include "lower/lower.h"
#include "network.h"

namespace py = pybind11;

namespace qloom::python {
namespace {

py::dict tensor_facts(const ir::TensorInfo& tensor) {
    py::dict facts;
    facts["name"] = tensor.name;
    facts["shape"] = tensor.shape ? py::cast(*tensor.shape) : py::none();
    facts["dtype"] = tensor.type == ir::ElementType::kFloat32 ? "float32" : "int64";
    facts["annotation"] = tensor.annotation ? py::cast(tensor.annotation->text()) : py::none();
    return facts;
}

class Model {
public:
    explicit Model(const std::string& file) : model_(cli::load_model(file)) {}

    [[nodiscard]] std::string file() const { return model_.file; }
    [[nodiscard]] std::string name() const { return model_.graph.name; }
    [[nodiscard]] py::list inputs() const { return facts_of(model_.graph.inputs()); }
    [[nodiscard]] py::list outputs() const { return facts_of(model_.graph.outputs()); }

    // One dict an operator: name, op, inputs, outputs (names of computed tensors), constants (names), shape of its result.
    [[nodiscard]] py::list nodes() const {
        py::list result;
        for (const ir::Node& node : model_.graph.nodes()) {
            py::list inputs;
            py::list constants;
            for (const ir::TensorId id : node.inputs) {
                if (id == ir::TensorId::kNone) {
                    continue;
                }
                const ir::TensorInfo& tensor = model_.graph.tensor(id);
                (tensor.constant ? constants : inputs).append(tensor.name);
            }
            py::list outputs;
            py::object shape = py::none();
            for (const ir::TensorId id : node.outputs) {
                if (id != ir::TensorId::kNone) {
                    const ir::TensorInfo& tensor = model_.graph.tensor(id);
                    outputs.append(tensor.name);
                    shape = shape.is_none() && tensor.shape ? py::object(py::cast(*tensor.shape)) : shape;
                }
            }
            py::dict facts;
            facts["name"] = node.name;
            facts["op"] = ir::op_name(node.op);
            facts["inputs"] = inputs;
            facts["constants"] = constants;
            facts["outputs"] = outputs;
            facts["shape"] = shape;
            result.append(facts);
        }
        return result;
    }

    // The constant of that name (weights, scales), as the file holds it.
    [[nodiscard]] py::array constant(const std::string& tensor) const {
        const ir::TensorId id = model_.graph.find_tensor(tensor);
        if (id == ir::TensorId::kNone || !model_.graph.tensor(id).constant) {
            throw Error(code::kTensorUnknown, model_.file, fmt::format("the model has no constant `{}`", tensor),
                        "Model.nodes names the constants of every operator");
        }
        return array_of(*model_.graph.tensor(id).constant);
    }

    // Arrays in the order of the inputs -> arrays in the order of the outputs; axis 0 counts frames.
    [[nodiscard]] std::vector<py::array> run(const std::vector<py::array>& arrays, const std::string& engine,
                                             const std::vector<std::string>& input_types) {
        const std::vector<ir::TensorId>& ids = model_.graph.inputs();
        if (arrays.size() != ids.size()) {
            throw Error(code::kInputMissing, model_.file,
                        fmt::format("{} arrays are given, and the model has {} inputs", arrays.size(), ids.size()),
                        "give one array for each input, in the order of Model.inputs");
        }
        std::vector<ir::Value> inputs;
        for (std::size_t i = 0; i < ids.size(); ++i) {
            const ir::TensorInfo& tensor = model_.graph.tensor(ids[i]);
            inputs.push_back(cli::fit_frames(value_of(arrays[i]), tensor, tensor.name));
        }
        std::vector<ir::Value> outputs;
        {
            const py::gil_scoped_release unlocked;
            outputs = cli::run_in_chunks(engine_for(engine, input_types, inputs), inputs, [](std::int64_t) {
                const py::gil_scoped_acquire locked;
                if (PyErr_CheckSignals() != 0) {
                    throw py::error_already_set();
                }
            });
        }
        std::vector<py::array> results;
        for (ir::Value& output : outputs) {
            results.push_back(array_of(std::move(output)));
        }
        return results;
    }

    // The integer network; see network_facts.
    [[nodiscard]] py::dict lower(const std::vector<std::string>& input_types, bool argmax) const {
        return network_facts(lower::lower(
            model_.graph, {.input_types = cli::parse_input_types(model_.graph, input_types), .argmax = argmax}));
    }

private:
    [[nodiscard]] py::list facts_of(const std::vector<ir::TensorId>& ids) const {
        py::list result;
        for (const ir::TensorId id : ids) {
            result.append(tensor_facts(model_.graph.tensor(id)));
        }
        return result;
    }

    // Engines are kept: lowering takes longer than a small batch.
    const cli::Engine& engine_for(const std::string& name, const std::vector<std::string>& declared,
                                  const std::vector<ir::Value>& inputs) {
        const bool integer = name == "integer";
        if (!integer && name != "reference") {
            throw Error(code::kOptionValue, "engine", fmt::format("there is no engine `{}`", name),
                        "use integer or reference");
        }
        cli::InputTypes types;
        std::string key = name;
        if (integer) {
            types = cli::complete_input_types(model_.graph, cli::parse_input_types(model_.graph, declared), inputs);
            for (const auto& [input, type] : types) {
                key += fmt::format(" {}={}:{}:{}:{}", input, type.type.text(), type.scale, type.bipolar, type.is_float);
            }
        }
        const auto known = engines_.find(key);
        if (known != engines_.end()) {
            return known->second;
        }
        const cli::EngineKind kind = integer ? cli::EngineKind::kInteger : cli::EngineKind::kReference;
        return engines_.emplace(key, cli::make_engine(model_, kind, types)).first->second;
    }

    cli::Model model_;
    std::map<std::string, cli::Engine> engines_;
};

}  // namespace

void add_model(py::module_& module) {
    py::class_<Model>(module, "Model")
        .def(py::init<const std::string&>(), py::arg("file"))
        .def_property_readonly("file", &Model::file)
        .def_property_readonly("name", &Model::name)
        .def_property_readonly("inputs", &Model::inputs)
        .def_property_readonly("outputs", &Model::outputs)
        .def_property_readonly("nodes", &Model::nodes)
        .def("constant", &Model::constant, py::arg("tensor"))
        .def("lower", &Model::lower, py::arg("input_types"), py::arg("argmax"))
        .def("run", &Model::run, py::arg("arrays"), py::arg("engine"), py::arg("input_types"));
}

}  // namespace qloom::python
