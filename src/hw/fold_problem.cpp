#include "hw/fold_problem.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/diagnostic.h"
#include "hw/cost.h"
#include "hw/fold_choice.h"
#include "hw/prepare.h"

namespace qloom::hw {
namespace {

using network::index_of;
using network::Network;
using network::Stream;
using network::StreamId;

void add(Usage& sum, const Usage& more) {
    for (std::size_t i = 0; i < kUsageKinds; ++i) sum[i] += more[i];
}

bool uses_no_more(const Usage& a, const Usage& b) {
    for (std::size_t i = 0; i < kUsageKinds; ++i) {
        if (a[i] > b[i]) return false;
    }
    return true;
}

Usage converter(const Stream& stream, std::int64_t from, std::int64_t to) {
    if (from == to) return {};
    return usage_of(cost::width_converter(stream.type.bits, from, to));
}

// The different values of a list, in order of appearance, and the place of each.
std::vector<int> distinct(const std::vector<int>& list) {
    std::vector<int> result;
    for (const int value : list) {
        if (std::ranges::find(result, value) == result.end()) result.push_back(value);
    }
    return result;
}
int place_of(const std::vector<int>& list, int value) {
    return static_cast<int>(std::ranges::find(list, value) - list.begin());
}

}  // namespace

FoldProblem::FoldProblem(const Network& network, const FoldSpace& space, std::int64_t target_ii,
                         const FoldOptions& options)
    : network_(network), space_(space), target_ii_(target_ii), options_(options) {
    for (const LayerSpace& layer : space.layers) add_layer(layer);
    add_streams();
    problem_.prepare();
}

void FoldProblem::add_layer(const LayerSpace& space) {
    // A pinned layer is what the person wants, also where it is slower than the target.
    const std::int64_t limit =
        space.is_pinned ? std::max(target_ii_, space.fastest) : target_ii_;
    std::vector<int> allowed;
    std::vector<int> inputs;
    std::vector<int> outputs;
    for (std::size_t c = 0; c < space.choices.size(); ++c) {
        if (space.choices[c].cycles > limit) continue;
        allowed.push_back(static_cast<int>(c));
        inputs.push_back(space.choices[c].input_key);
        outputs.push_back(space.choices[c].output_key);
    }
    QLOOM_ASSERT(!allowed.empty(), "a layer that cannot reach the target was refused before");
    LayerVariables layer;
    layer.input_keys = distinct(inputs);
    layer.output_keys = distinct(outputs);
    std::map<int, int> output_of;
    bool is_one = layer.input_keys.size() == layer.output_keys.size();
    for (std::size_t i = 0; i < allowed.size() && is_one; ++i)
        is_one = output_of.try_emplace(inputs[i], outputs[i]).first->second == outputs[i];
    if (is_one) {
        for (std::size_t i = 0; i < layer.input_keys.size(); ++i)
            layer.output_keys[i] = output_of.at(layer.input_keys[i]);
        layer.input = problem_.add_variable(static_cast<int>(layer.input_keys.size()));
        layer.output = layer.input;
    } else {
        layer.input = problem_.add_variable(static_cast<int>(layer.input_keys.size()));
        layer.output = problem_.add_variable(static_cast<int>(layer.output_keys.size()));
    }

    const std::size_t entries =
        layer.input_keys.size() * (is_one ? 1 : layer.output_keys.size());
    std::vector<std::vector<int>> by_entry(entries);
    for (std::size_t i = 0; i < allowed.size(); ++i) {
        auto entry = static_cast<std::size_t>(place_of(layer.input_keys, inputs[i]));
        if (!is_one) {
            entry = entry * layer.output_keys.size() +
                    static_cast<std::size_t>(place_of(layer.output_keys, outputs[i]));
        }
        by_entry[entry].push_back(allowed[i]);
    }
    Factor factor;
    factor.scope = is_one ? std::vector<int>{layer.input} : std::vector<int>{layer.input, layer.output};
    factor.first.push_back(0);
    for (const std::vector<int>& choices : by_entry) {
        // What another of the same widths uses no more of anything than.
        std::vector<int> kept;
        for (const int choice : choices) {
            const Usage& usage = space.choices[static_cast<std::size_t>(choice)].usage;
            const auto is_worse = [&](int other) {
                return uses_no_more(space.choices[static_cast<std::size_t>(other)].usage, usage);
            };
            if (std::ranges::any_of(kept, is_worse)) continue;
            std::erase_if(kept, [&](int other) {
                return uses_no_more(usage, space.choices[static_cast<std::size_t>(other)].usage);
            });
            kept.push_back(choice);
        }
        for (const int choice : kept) {
            factor.alternatives.push_back(space.choices[static_cast<std::size_t>(choice)].usage);
            layer.choices.push_back(choice);
        }
        factor.first.push_back(static_cast<int>(factor.alternatives.size()));
    }
    layer.factor = problem_.add_factor(std::move(factor));
    layers_.push_back(std::move(layer));
}

void FoldProblem::add_unary(int layer, bool at_output, const std::vector<Usage>& usage) {
    const LayerVariables& it = layers_[static_cast<std::size_t>(layer)];
    Factor factor;
    factor.scope = {at_output ? it.output : it.input};
    for (std::size_t i = 0; i <= usage.size(); ++i) factor.first.push_back(static_cast<int>(i));
    factor.alternatives = usage;
    problem_.add_factor(std::move(factor));
}

void FoldProblem::add_streams() {
    const std::vector<StreamId> wires = wire_streams(network_);
    const auto wire_of = [&](StreamId id) { return index_of(wires[index_of(id)]); };
    std::vector<Maker> makers(network_.streams.size());
    for (std::size_t i = 0; i < network_.inputs.size(); ++i) {
        makers[wire_of(network_.inputs[i])].elements =
            input_port_elements(network_, i, target_ii_, options_);
    }
    std::vector<int> readers(network_.streams.size(), 0);
    for (std::size_t s = 0; s < space_.layers.size(); ++s) {
        const LayerSpace& space = space_.layers[s];
        for (std::size_t port = 0; port < space.output_wires.size(); ++port)
            makers[space.output_wires[port]] = {static_cast<int>(s), port, 0};
        for (const std::size_t wire : space.input_wires) ++readers[wire];
    }
    for (const StreamId output : network_.outputs) ++readers[wire_of(output)];

    // Elements a beat of a stream's maker, one a value of its variable.
    const auto widths_at = [&](const Maker& maker) {
        if (maker.space < 0) return std::vector<std::int64_t>{maker.elements};
        std::vector<std::int64_t> widths;
        for (const int key : layers_[static_cast<std::size_t>(maker.space)].output_keys) {
            widths.push_back(space_.layers[static_cast<std::size_t>(maker.space)]
                                 .output_keys[static_cast<std::size_t>(key)][maker.port]);
        }
        return widths;
    };
    const auto at_maker = [&](const Maker& maker, const std::vector<Usage>& usage) {
        if (maker.space < 0) {
            add(constant_, usage.front());
        } else {
            add_unary(maker.space, true, usage);
        }
    };
    for (std::size_t wire = 0; wire < network_.streams.size(); ++wire) {
        if (readers[wire] < 2) continue;
        std::vector<Usage> usage;
        for (const std::int64_t width : widths_at(makers[wire])) {
            usage.push_back(
                usage_of(cost::fork(width * network_.streams[wire].type.bits, readers[wire])));
        }
        at_maker(makers[wire], usage);
    }
    for (std::size_t s = 0; s < space_.layers.size(); ++s) {
        const LayerSpace& space = space_.layers[s];
        for (std::size_t port = 0; port < space.input_wires.size(); ++port) {
            const Stream& stream = network_.streams[space.input_wires[port]];
            const Maker& maker = makers[space.input_wires[port]];
            const std::vector<std::int64_t> from = widths_at(maker);
            std::vector<std::int64_t> to;
            for (const int key : layers_[s].input_keys)
                to.push_back(space.input_keys[static_cast<std::size_t>(key)][port]);
            std::vector<Usage> usage;
            for (const std::int64_t a : from) {
                for (const std::int64_t b : to) usage.push_back(converter(stream, a, b));
            }
            if (maker.space < 0) {
                add_unary(static_cast<int>(s), false, usage);
                continue;
            }
            const int variable = layers_[static_cast<std::size_t>(maker.space)].output;
            QLOOM_ASSERT(variable != layers_[s].input, "no layer reads what it makes");
            Factor factor;
            factor.scope = {variable, layers_[s].input};
            for (std::size_t i = 0; i <= usage.size(); ++i)
                factor.first.push_back(static_cast<int>(i));
            factor.alternatives = std::move(usage);
            problem_.add_factor(std::move(factor));
        }
    }
    for (std::size_t i = 0; i < network_.outputs.size(); ++i) {
        const Maker& maker = makers[wire_of(network_.outputs[i])];
        const Stream& stream = network_.stream(network_.outputs[i]);
        std::vector<Usage> usage;
        for (const std::int64_t width : widths_at(maker)) {
            const std::int64_t elements =
                output_port_elements(network_, i, target_ii_, options_, width);
            Usage sum = converter(stream, width, elements);
            add(sum, usage_of(cost::output_stage(elements * output_element_bits(stream.type))));
            usage.push_back(sum);
        }
        at_maker(maker, usage);
    }
}

int FoldProblem::alternative_count(int layer) const {
    return static_cast<int>(layers_[static_cast<std::size_t>(layer)].choices.size());
}

const Usage& FoldProblem::alternative(int layer, int index) const {
    return problem_.factor(layers_[static_cast<std::size_t>(layer)].factor)
        .alternatives[static_cast<std::size_t>(index)];
}

double FoldProblem::alternative_price(int layer, const Assignment& assignment,
                                      const Usage& weights) const {
    const int factor = layers_[static_cast<std::size_t>(layer)].factor;
    return dot(weights, alternative(layer, assignment.picks[static_cast<std::size_t>(factor)]));
}

Assignment FoldProblem::with_alternative(const Assignment& assignment, int layer, int index) const {
    return problem_.with_pick(assignment, layers_[static_cast<std::size_t>(layer)].factor, index);
}

Plan FoldProblem::plan(const Assignment& assignment) const {
    Plan plan;
    plan.prices = space_.prices.front();
    plan.foldings.assign(network_.layers.size(), Folding{});
    plan.layer_prices.assign(network_.layers.size(), plan.prices);
    for (std::size_t s = 0; s < layers_.size(); ++s) {
        const LayerVariables& layer = layers_[s];
        const int pick = assignment.picks[static_cast<std::size_t>(layer.factor)];
        const LayerSpace& space = space_.layers[s];
        const Choice& choice = space.choices[static_cast<std::size_t>(
            layer.choices[static_cast<std::size_t>(pick)])];
        plan.foldings[space.layer] = choice.folding;
        plan.layer_prices[space.layer] = space_.prices[static_cast<std::size_t>(choice.prices)];
    }
    choose_ports(network_, target_ii_, options_, plan);
    return plan;
}

}  // namespace qloom::hw
