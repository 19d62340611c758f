#include "hw/units/windows.h"

#include <algorithm>

#include "hw/units/window_ring.h"

namespace qloom::hw {
namespace {

using network::Layer;
using network::SlidingWindow;
using network::VectorVector;
using network::WindowReduce;

// Positions of the windows that this layer reduces; 0 for other layers.
std::int64_t reduced_positions(const Layer& layer) {
    if (const auto* product = std::get_if<VectorVector>(&layer.kind))
        return product->weights.dim(1);
    if (const auto* reduce = std::get_if<WindowReduce>(&layer.kind)) return reduce->positions;
    return 0;
}

}  // namespace

const Layer* group_reader(const LayerView& windows) {
    const network::StreamId stream = windows.layer.outputs[0];
    const Layer* reader = nullptr;
    for (const Layer& layer : windows.network.layers) {
        for (const network::StreamId input : layer.inputs) {
            if (input != stream) continue;
            if (reader != nullptr) return nullptr;
            reader = &layer;
        }
    }
    if (reader == nullptr || std::ranges::count(windows.network.outputs, stream) > 0)
        return nullptr;
    const auto& window = std::get<SlidingWindow>(windows.layer.kind);
    return reduced_positions(*reader) == window.positions() ? reader : nullptr;
}

const Layer* group_source(const LayerView& reader) {
    for (const Layer& layer : reader.network.layers) {
        if (!std::holds_alternative<SlidingWindow>(layer.kind)) continue;
        if (layer.outputs[0] == reader.layer.inputs[0] &&
            group_reader({reader.network, layer}) == &reader.layer)
            return &layer;
    }
    return nullptr;
}

bool can_be_parallel(const LayerView& windows) {
    return std::get<SlidingWindow>(windows.layer.kind).positions() > 1 &&
           WindowGeometry(windows).starts_inside();
}

std::vector<std::int64_t> positions_a_beat(const LayerView& windows) {
    if (!can_be_parallel(windows)) return {1};
    return {1, std::get<SlidingWindow>(windows.layer.kind).positions()};
}

}  // namespace qloom::hw
