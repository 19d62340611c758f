#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/codes/lower.h"
#include "ir/execute.h"
#include "lower/lower.h"

namespace qloom::lower {
namespace {

// What the corpus of golden vectors calls a match, and a tie near enough for float summation order to decide it.
constexpr double kTolerance = 1e-4;
constexpr double kNearTie = 1e-4;

double difference(double ours, double reference) {
    return std::abs(ours - reference) / std::max(1.0, std::abs(reference));
}

std::vector<double> numbers(const ir::Value& value) {
    return std::visit([](const auto& tensor) { return std::vector<double>(tensor.begin(), tensor.end()); }, value);
}

// The first quantiser, in the order of the network, whose integers differ in one frame.
struct FirstDifference {
    const Probe* probe = nullptr;
    std::int64_t element = 0;  // in the model's order
    double reference = 0.0;
    double ours = 0.0;
};

class DifferenceFinder {
public:
    DifferenceFinder(const ir::Graph& model, const Engine& engine, const std::vector<ir::Value>& frame)
        : model_(model), engine_(engine), reference_(ir::Executor(model).trace(frame)) {
        const network::Executor executor(engine.lowered().network);
        streams_ = executor.trace(engine.to_integers(frame));
    }

    [[nodiscard]] FirstDifference find() const {
        for (const Probe& probe : engine_.lowered().probes) {
            const auto tensor = reference_.find(probe.tensor);
            const auto stream = network::integers_of(streams_[network::index_of(probe.stream)]);
            if (tensor == reference_.end() || stream.empty()) {
                continue;
            }
            const std::vector<double> reals = numbers(tensor->second);
            const auto channels = static_cast<std::int64_t>(probe.scale.size());
            for (std::int64_t k = 0; k < stream.size() && stream.size() == static_cast<std::int64_t>(reals.size()); ++k) {
                const auto c = static_cast<std::size_t>(k % channels);
                const std::int64_t logical = probe.order.empty() ? k : probe.order[static_cast<std::size_t>(k)];
                const double ours = probe.scale[c] * static_cast<double>(stream[k]) + probe.bias[c];
                const double wanted = reals[static_cast<std::size_t>(logical)];
                if (std::abs(ours - wanted) > 0.5 * std::abs(probe.scale[c])) {
                    return {&probe, logical, wanted, ours};
                }
            }
        }
        return {};
    }

    // Whether the quantiser's input moves to another level within kNearTie of a step around its value.
    [[nodiscard]] bool near_tie(const FirstDifference& first) const {
        const ir::NodeId id = model_.producer(model_.find_tensor(first.probe->tensor));
        if (id == ir::NodeId::kNone) {
            return false;
        }
        const ir::Node& node = model_.node(id);
        const auto data = reference_.find(model_.tensor(node.inputs[0]).name);
        if (data == reference_.end() || !std::holds_alternative<Tensor<float>>(data->second)) {
            return false;
        }
        std::set<float> outcomes;
        for (const double shift : {-kNearTie, 0.0, kNearTie}) {
            Tensor<float> moved = std::get<Tensor<float>>(data->second);
            const auto step = static_cast<float>(shift * std::abs(first.probe->scale[0]));
            for (float& element : moved.values()) {
                element += step;
            }
            const ir::Value operand = std::move(moved);
            std::vector<const ir::Value*> inputs;
            std::vector<ir::Value> constants(node.inputs.size());
            for (std::size_t i = 0; i < node.inputs.size(); ++i) {
                if (i == 0) {
                    inputs.push_back(&operand);
                } else if (node.inputs[i] == ir::TensorId::kNone) {
                    inputs.push_back(nullptr);
                } else if (model_.is_constant(node.inputs[i])) {
                    inputs.push_back(&*model_.tensor(node.inputs[i]).constant);
                } else {
                    const auto traced = reference_.find(model_.tensor(node.inputs[i]).name);
                    if (traced == reference_.end()) {
                        return false;
                    }
                    inputs.push_back(&traced->second);
                }
            }
            const std::vector<ir::Value> outputs = ir::run_node(node, inputs);
            outcomes.insert(std::get<Tensor<float>>(outputs[0])[first.element]);
        }
        return outcomes.size() > 1;
    }

private:
    const ir::Graph& model_;
    const Engine& engine_;
    std::map<std::string, ir::Value> reference_;
    std::vector<network::Frames> streams_;
};

ir::Value frame_of(const ir::Value& value, std::int64_t frame) {
    return std::visit(
        [frame](const auto& tensor) -> ir::Value {
            using T = std::decay_t<decltype(tensor[0])>;
            const std::int64_t size = tensor.size() / tensor.dim(0);
            Shape shape = tensor.shape();
            shape[0] = 1;
            const auto begin = tensor.begin() + frame * size;
            return Tensor<T>(std::move(shape), std::vector<T>(begin, begin + size));
        },
        value);
}

}  // namespace

SelfCheckResult self_check(const ir::Graph& model, const Engine& engine, const std::vector<ir::Value>& samples) {
    const std::vector<ir::Value> reference = ir::Executor(model).run(samples);
    const std::vector<ir::Value> ours = engine.run(samples);
    SelfCheckResult result;
    result.frames = ir::shape_of(samples[0])[0];
    std::set<std::int64_t> differing;
    for (std::size_t output = 0; output < reference.size(); ++output) {
        const std::vector<double> wanted = numbers(reference[output]);
        const std::vector<double> found = numbers(ours[output]);
        QLOOM_ASSERT(wanted.size() == found.size(), "both engines give one shape");
        const auto size = static_cast<std::int64_t>(wanted.size()) / std::max<std::int64_t>(1, result.frames);
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            const double apart = difference(found[i], wanted[i]);
            if (apart > kTolerance || std::isnan(apart)) {
                differing.insert(static_cast<std::int64_t>(i) / size);
            } else {
                result.largest_difference = std::max(result.largest_difference, apart);
            }
        }
        result.values += static_cast<std::int64_t>(wanted.size());
    }
    for (const std::int64_t frame : differing) {
        std::vector<ir::Value> one;
        for (const ir::Value& sample : samples) {
            one.push_back(frame_of(sample, frame));
        }
        const DifferenceFinder finder(model, engine, one);
        const FirstDifference first = finder.find();
        if (first.probe != nullptr && finder.near_tie(first)) {
            ++result.near_ties;
            continue;
        }
        throw Error(code::kSelfCheckFailed, first.probe != nullptr ? first.probe->tensor : "output",
                    first.probe != nullptr
                        ? fmt::format("frame {}, element {}: the model gives {}, the integer network {}", frame,
                                      first.element, first.reference, first.ours)
                        : fmt::format("frame {}: the outputs differ after equal quantised values", frame),
                    "this is a fault of Qloom: please report it with the model");
    }
    return result;
}

}  // namespace qloom::lower
