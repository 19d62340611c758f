#include "cli/software.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>

#include "base/codes/cli.h"
#include "cli/frames.h"
#include "cli/interrupt.h"
#include "ir/execute.h"
#include "ir/tidy.h"
#include "onnx/reader.h"

namespace qloom::cli {

Model load_model(const std::string& file) {
    ir::Graph graph = ir::tidy(onnx::read_model(file));
    std::ifstream stream(file, std::ios::binary);
    return {file, {std::istreambuf_iterator<char>(stream), {}}, std::move(graph)};
}

InputTypes parse_input_types(const ir::Graph& model, const std::vector<std::string>& arguments) {
    InputTypes types;
    for (const std::string& argument : arguments) {
        const NamedFile named = parse_named_file(argument);
        if (!named.name.empty() && std::ranges::none_of(model.inputs(), [&](ir::TensorId id) {
                return model.tensor(id).name == named.name;
            })) {
            throw Error(code::kTensorUnknown, "--input-type", fmt::format("the model has no input `{}`", named.name),
                        "`qloom check` names the inputs");
        }
        types.emplace_back(named.name, lower::parse_input_type(named.file));
    }
    return types;
}

InputTypes complete_input_types(const ir::Graph& model, InputTypes declared, const std::vector<ir::Value>& samples) {
    const auto is_declared = [&](const std::string& name) {
        return std::ranges::any_of(declared, [&](const auto& entry) { return entry.first.empty() || entry.first == name; });
    };
    InputTypes result = declared;
    for (auto& [name, type] : lower::infer_input_types(model, samples)) {
        if (!is_declared(name) && !model.tensor(model.find_tensor(name)).annotation) {
            result.emplace_back(name, type);
        }
    }
    return result;
}

Engine make_engine(const Model& model, EngineKind kind, const InputTypes& input_types) {
    switch (kind) {
        case EngineKind::kReference: {
            const auto executor = std::make_shared<ir::Executor>(model.graph);
            return [executor](const std::vector<ir::Value>& inputs) { return executor->run(inputs); };
        }
        case EngineKind::kInteger: {
            const auto engine =
                std::make_shared<lower::Engine>(lower::lower(model.graph, {.input_types = input_types}));
            return [engine](const std::vector<ir::Value>& inputs) { return engine->run(inputs); };
        }
    }
    return {};
}

std::vector<ir::Value> run_in_chunks(const Engine& engine, const std::vector<ir::Value>& inputs,
                                     const std::function<void(std::int64_t)>& after_chunk) {
    const std::int64_t frames = frame_count(inputs.front());
    std::vector<std::vector<ir::Value>> chunks;  // by output
    for (std::int64_t first = 0; first < frames; first += kChunkFrames) {
        check_interrupted();
        const std::int64_t count = std::min(kChunkFrames, frames - first);
        std::vector<ir::Value> slice;
        for (const ir::Value& input : inputs) {
            slice.push_back(slice_frames(input, first, count));
        }
        std::vector<ir::Value> outputs = engine(slice);
        chunks.resize(outputs.size());
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            chunks[i].push_back(std::move(outputs[i]));
        }
        after_chunk(first + count);
    }
    std::vector<ir::Value> joined;
    std::ranges::transform(chunks, std::back_inserter(joined), join_frames);
    return joined;
}

}  // namespace qloom::cli
