#include "hw/assemble.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "base/diagnostic.h"
#include "hw/cost.h"
#include "hw/prepare.h"
#include "hw/registry.h"
#include "hw/units/buffer.h"

namespace qloom::hw {
namespace {

using network::index_of;
using network::Layer;
using network::Network;
using network::Stream;
using network::StreamId;

// The depth of a FIFO whose fill is being measured.
constexpr std::int64_t kMeasuredDepth = 3;

// The layer whose folding and implementation decide those of a layer: mostly itself.
std::size_t leader_of(const Network& network, std::size_t index) {
    const LayerView view{network, network.layers[index]};
    const Layer* leader = unit_model(view.layer.kind).leader(view);
    return leader == nullptr ? index : static_cast<std::size_t>(leader - network.layers.data());
}

Folding folding_of(const Network& network, const Plan& plan, std::size_t index) {
    const LayerView view{network, network.layers[index]};
    const std::size_t leader = leader_of(network, index);
    const Folding folding = plan.foldings[leader];
    return leader == index ? folding : unit_model(view.layer.kind).follow(view, folding);
}

const Prices& prices_of(const Network& network, const Plan& plan, std::size_t index) {
    return plan.layer_prices.empty() ? plan.prices
                                     : plan.layer_prices[leader_of(network, index)];
}

class Assembler {
public:
    Assembler(const Network& network, const Plan& plan)
        : network_(network),
          plan_(plan),
          wires_(wire_streams(network)),
          names_(instance_names(network)) {
        readers_.resize(network.streams.size());
        sources_.resize(network.streams.size());
        for (const Layer& layer : network.layers) {
            if (std::holds_alternative<network::Reshape>(layer.kind)) continue;
            for (const StreamId input : layer.inputs) ++readers_[wire_of(input)].wanted;
        }
        for (const StreamId output : network.outputs) ++readers_[wire_of(output)].wanted;
    }

    Accelerator build() {
        for (std::size_t i = 0; i < network_.inputs.size(); ++i) add_input(i);
        for (std::size_t i = 0; i < network_.layers.size(); ++i) {
            if (!std::holds_alternative<network::Reshape>(network_.layers[i].kind)) add_layer(i);
        }
        for (std::size_t i = 0; i < network_.outputs.size(); ++i) add_output(i);
        for (std::size_t i = 0; i < network_.streams.size(); ++i) drop_if_unread(i);
        return std::move(result_);
    }

private:
    // Where a stream's beats come from.
    struct Source {
        Endpoint end;
        std::int64_t elements = 0;  // a beat; 0: not made yet
    };
    struct Readers {
        int wanted = 0;
        int served = 0;
    };

    [[nodiscard]] std::size_t wire_of(StreamId id) const { return index_of(wires_[index_of(id)]); }

    int add_unit(Unit unit) {
        result_.units.push_back(std::move(unit));
        return static_cast<int>(result_.units.size()) - 1;
    }

    void connect(const Stream& stream, const Source& from, Endpoint to, int sink_bits) {
        result_.channels.push_back({.name = stream.name,
                                    .type = stream.type,
                                    .sink_bits = sink_bits,
                                    .elements = from.elements,
                                    .beats = stream.elements() / from.elements,
                                    .from = from.end,
                                    .to = to});
    }

    // A unit of plumbing with one input and one output.
    Source through(const Stream& stream, const Source& from, Unit unit, std::int64_t elements) {
        unit.cycles = stream.elements() / std::min(from.elements, elements);
        const int index = add_unit(std::move(unit));
        connect(stream, from, {index, 0}, stream.type.bits);
        return {{index, 0}, elements};
    }

    void add_input(std::size_t index) {
        const Stream& stream = network_.stream(network_.inputs[index]);
        const std::int64_t elements = plan_.input_elements[index];
        const std::int64_t bits = elements * stream.type.bits;
        result_.inputs.push_back({.name = fmt::format("s_axis_{}", index),
                                  .stream = stream.name,
                                  .type = stream.type,
                                  .elements = stream.elements(),
                                  .elements_per_beat = elements,
                                  .beats = stream.elements() / elements,
                                  .element_bits = stream.type.bits,
                                  .data_bits = static_cast<int>((bits + 7) / 8 * 8)});
        produce(network_.inputs[index], {{Endpoint::kTop, static_cast<int>(index)}, elements});
    }

    // A stream has been made; where several read it, they read the ways of a fork.
    void produce(StreamId id, Source source) {
        const std::size_t wire = wire_of(id);
        const int ways = readers_[wire].wanted;
        if (ways > 1) {
            const Stream& stream = network_.streams[wire];
            const std::int64_t bits = source.elements * stream.type.bits;
            Unit fork;
            fork.name = unique("fork_", source_name(source.end));
            fork.kind = "Fork";
            fork.shape = fmt::format("1 -> {}", ways);
            fork.cost = cost::fork(bits, ways);
            fork.module = Module::kFork;
            fork.parameters = {{"DataW", bits}, {"Ways", std::int64_t{ways}}};
            source = through(stream, source, std::move(fork), source.elements);
        }
        sources_[wire] = source;
    }

    [[nodiscard]] std::string source_name(Endpoint end) const {
        if (end.unit == Endpoint::kTop) return fmt::format("input_{}", end.port);
        const std::string& name = result_.units[static_cast<std::size_t>(end.unit)].name;
        return end.port == 0 ? name : fmt::format("{}_{}", name, end.port);
    }

    [[nodiscard]] std::string unique(const std::string& prefix, const std::string& base) const {
        const auto taken = [&](const std::string& name) {
            return std::ranges::find(names_, name) != names_.end() ||
                   std::ranges::find(result_.units, name, &Unit::name) != result_.units.end();
        };
        std::string name = prefix + base;
        for (int k = 2; taken(name); ++k) name = fmt::format("{}{}_{}", prefix, base, k);
        return name;
    }

    // One reader of a stream, at `elements` a beat: through a FIFO and a converter where they are
    // needed.
    Source read(StreamId id, std::int64_t elements, const std::string& reader) {
        const std::size_t wire = wire_of(id);
        const Stream& stream = network_.streams[wire];
        Source source = sources_[wire];
        QLOOM_ASSERT(source.elements > 0, "a stream is made before it is read");
        if (readers_[wire].wanted > 1) source.end.port = readers_[wire].served++;
        // The FIFO stands where beats are wider: it then takes, or gives, a burst at its own pace,
        // which a converter in front of it would slow down.
        const bool fifo_first = source.elements >= elements;
        if (fifo_first) source = add_fifo(stream, source, reader);
        source = add_converter(stream, source, elements, reader);
        if (!fifo_first) source = add_fifo(stream, source, reader);
        return source;
    }

    Source add_fifo(const Stream& stream, const Source& source, const std::string& reader) {
        const std::string name = unique("fifo_", reader);
        std::int64_t depth = plan_.every_fifo ? kMeasuredDepth : 0;
        if (const auto found = plan_.fifo_depths.find(name); found != plan_.fifo_depths.end())
            depth = found->second;
        if (depth == 0) return source;
        const std::int64_t bits = source.elements * stream.type.bits;
        Unit fifo;
        fifo.name = name;
        fifo.kind = "Fifo";
        fifo.shape = fmt::format("{} deep", depth);
        std::string ram_style = "auto";
        if (depth > 2) {
            const Buffer memory = choose_buffer(depth - 1, bits, plan_.prices);
            ram_style = memory.ram_style;
            fifo.cost = cost::fifo_control(depth) + memory.cost;
            fifo.cost.ffs += memory.register_ffs(bits);
        } else {
            fifo.cost = cost::skid(bits);
        }
        fifo.module = Module::kFifo;
        fifo.parameters = {{"DataW", bits}, {"Depth", depth}, {"RamStyle", ram_style}};
        return through(stream, source, std::move(fifo), source.elements);
    }

    Source add_converter(const Stream& stream, const Source& source, std::int64_t elements,
                         const std::string& reader) {
        if (source.elements == elements) return source;
        Unit converter;
        converter.name = unique("dwc_", reader);
        converter.kind = "WidthConverter";
        converter.shape = fmt::format("{} -> {}", source.elements, elements);
        converter.cost = cost::width_converter(stream.type.bits, source.elements, elements);
        converter.module = Module::kWidthConverter;
        converter.parameters = {{"ElemW", std::int64_t{stream.type.bits}},
                                {"InElems", source.elements},
                                {"OutElems", elements}};
        return through(stream, source, std::move(converter), elements);
    }

    void add_layer(std::size_t index) {
        const Layer& layer = network_.layers[index];
        const LayerView view{network_, layer};
        const UnitModel& model = unit_model(layer.kind);
        const Folding folding = folding_of(network_, plan_, index);
        std::vector<Source> sources;
        for (std::size_t port = 0; port < layer.inputs.size(); ++port) {
            const std::string reader = layer.inputs.size() == 1
                                           ? names_[index]
                                           : fmt::format("{}_{}", names_[index], port);
            sources.push_back(
                read(layer.inputs[port], model.input_elements(view, folding, port), reader));
        }
        const int unit = add_unit(model.instance(view, folding, names_[index], prices_of(network_, plan_, index)));
        for (std::size_t port = 0; port < layer.inputs.size(); ++port) {
            connect(network_.streams[wire_of(layer.inputs[port])], sources[port],
                    {unit, static_cast<int>(port)}, model.input_bits(view, port));
        }
        for (std::size_t port = 0; port < layer.outputs.size(); ++port) {
            produce(layer.outputs[port],
                    {{unit, static_cast<int>(port)}, model.output_elements(view, folding, port)});
        }
    }

    void add_output(std::size_t index) {
        const StreamId id = network_.outputs[index];
        const Stream& stream = network_.stream(id);
        const std::int64_t elements = plan_.output_elements[index];
        const int element_bits = output_element_bits(stream.type);
        const std::int64_t bits = elements * element_bits;
        const std::int64_t beats = stream.elements() / elements;
        const std::string name = fmt::format("output_{}", index);
        const Source source = read(id, elements, name);

        Unit output;
        output.name = unique("", name);
        output.kind = "Output";
        output.shape = fmt::format("{} x {} bits", elements, element_bits);
        output.cycles = beats;
        output.cost = cost::output_stage(bits);
        output.module = Module::kOutput;
        output.parameters = {{"DataW", bits}, {"PaddedW", bits}, {"FrameBeats", beats}};
        const int unit = add_unit(std::move(output));
        connect(network_.streams[wire_of(id)], source, {unit, 0}, element_bits);

        result_.outputs.push_back({.name = fmt::format("m_axis_{}", index),
                                   .stream = stream.name,
                                   .type = stream.type,
                                   .elements = stream.elements(),
                                   .elements_per_beat = elements,
                                   .beats = beats,
                                   .element_bits = element_bits,
                                   .data_bits = static_cast<int>(bits)});
        // The last hop is the port itself: extended elements.
        Stream outside = stream;
        outside.type = {.bits = element_bits, .is_signed = stream.type.is_signed, .narrow = false};
        connect(outside, {{unit, 0}, elements}, {Endpoint::kTop, static_cast<int>(index)},
                element_bits);
    }

    void drop_if_unread(std::size_t stream) {
        if (index_of(wires_[stream]) != stream || readers_[stream].wanted != 0 ||
            sources_[stream].elements == 0)
            return;
        connect(network_.streams[stream], sources_[stream], {Endpoint::kTop, Endpoint::kNowhere},
                network_.streams[stream].type.bits);
    }

    const Network& network_;
    const Plan& plan_;
    std::vector<StreamId> wires_;
    std::vector<std::string> names_;
    std::vector<Readers> readers_;
    std::vector<Source> sources_;
    Accelerator result_;
};

}  // namespace

int output_element_bits(IntType type) {
    return static_cast<int>(std::max(8U, std::bit_ceil(static_cast<unsigned>(type.bits))));
}

std::vector<std::int64_t> made_elements(const Network& network, const Plan& plan) {
    const std::vector<StreamId> wires = wire_streams(network);
    const auto wire_of = [&](StreamId id) { return index_of(wires[index_of(id)]); };
    std::vector<std::int64_t> made(network.streams.size(), 0);
    for (std::size_t i = 0; i < network.inputs.size(); ++i)
        made[wire_of(network.inputs[i])] = plan.input_elements[i];
    for (std::size_t i = 0; i < network.layers.size(); ++i) {
        const Layer& layer = network.layers[i];
        if (std::holds_alternative<network::Reshape>(layer.kind)) continue;
        const LayerView view{network, layer};
        const Folding folding = folding_of(network, plan, i);
        for (std::size_t port = 0; port < layer.outputs.size(); ++port) {
            made[wire_of(layer.outputs[port])] =
                unit_model(layer.kind).output_elements(view, folding, port);
        }
    }
    std::vector<std::int64_t> result;
    for (const StreamId output : network.outputs) result.push_back(made[wire_of(output)]);
    return result;
}

Accelerator assemble(const Network& network, const Plan& plan) {
    return Assembler(network, plan).build();
}

}  // namespace qloom::hw
