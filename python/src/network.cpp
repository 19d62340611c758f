#include "network.h"

#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "arrays.h"

namespace py = pybind11;

namespace qloom::python {
namespace {

template <class T>
py::array integers(const Tensor<T>& tensor) {
    return array_of(Tensor<std::int64_t>(tensor.shape(), {tensor.begin(), tensor.end()}));
}

// What a layer computes with, by the names of network/network.h.
struct Parameters {
    py::dict operator()(const network::MatrixVector& layer) const {
        py::dict result;
        result["weights"] = integers(layer.weights);
        result["arithmetic"] =
            layer.arithmetic == network::MatrixVector::Arithmetic::kXnorPopcount ? "xnor_popcount" : "integer";
        result["weight_type"] = layer.weight_type.text();
        return result;
    }
    py::dict operator()(const network::VectorVector& layer) const {
        py::dict result;
        result["weights"] = integers(layer.weights);
        result["weight_type"] = layer.weight_type.text();
        result["multiplier"] = layer.multiplier;
        return result;
    }
    py::dict operator()(const network::Threshold& layer) const {
        py::dict result;
        result["thresholds"] = integers(layer.thresholds);
        result["decreasing"] = layer.decreasing;
        result["out_bias"] = layer.out_bias;
        return result;
    }
    py::dict operator()(const network::Lookup& layer) const {
        py::dict result;
        result["table"] = integers(layer.table);
        result["input_lo"] = layer.input_lo;
        return result;
    }
    py::dict operator()(const network::Requantize& layer) const {
        py::dict result;
        result["mul"] = layer.mul;
        result["add"] = layer.add;
        result["shift"] = layer.shift;
        result["lo"] = layer.lo;
        result["hi"] = layer.hi;
        return result;
    }
    py::dict operator()(const network::ChannelAffine& layer) const {
        py::dict result;
        result["mul"] = layer.mul;
        result["add"] = layer.add;
        return result;
    }
    py::dict operator()(const network::Add& layer) const {
        py::dict result;
        result["multipliers"] = layer.multipliers;
        return result;
    }
    py::dict operator()(const network::SlidingWindow& layer) const {
        py::list axes;
        for (const network::WindowAxis& axis : layer.axes) {
            py::dict facts;
            facts["kernel"] = axis.kernel;
            facts["stride"] = axis.stride;
            facts["dilation"] = axis.dilation;
            facts["pad_begin"] = axis.pad_begin;
            facts["pad_end"] = axis.pad_end;
            axes.append(facts);
        }
        py::dict result;
        result["axes"] = axes;
        result["pad_value"] = layer.pad_value;
        return result;
    }
    py::dict operator()(const network::WindowReduce& layer) const {
        py::dict result = reduction(layer.reduction);
        result["positions"] = layer.positions;
        return result;
    }
    py::dict operator()(const network::GlobalReduce& layer) const { return reduction(layer.reduction); }
    py::dict operator()(const network::Upsample& layer) const {
        py::dict result;
        result["factors"] = layer.factors;
        return result;
    }
    py::dict operator()(const network::InsertPixels& layer) const {
        py::dict result;
        result["factors"] = layer.factors;
        result["value"] = layer.value;
        return result;
    }
    py::dict operator()(const network::PermuteChannels& layer) const {
        py::dict result;
        result["order"] = layer.order;
        return result;
    }
    py::dict operator()(const network::DepthToSpace& layer) const {
        py::dict result;
        result["block"] = layer.block;
        return result;
    }
    py::dict operator()(const network::Multiply&) const { return {}; }
    py::dict operator()(const network::Concat&) const { return {}; }
    py::dict operator()(const network::Split&) const { return {}; }
    py::dict operator()(const network::Argmax&) const { return {}; }
    py::dict operator()(const network::Reshape&) const { return {}; }

private:
    static py::dict reduction(network::Reduction kind) {
        py::dict result;
        result["reduction"] = kind == network::Reduction::kMax ? "max" : "sum";
        return result;
    }
};

std::vector<std::size_t> indices(const std::vector<network::StreamId>& ids) {
    std::vector<std::size_t> result;
    for (const network::StreamId id : ids) {
        result.push_back(network::index_of(id));
    }
    return result;
}

}  // namespace

py::dict network_facts(const lower::Lowered& lowered) {
    const network::Network& network = lowered.network;
    py::list streams;
    for (const network::Stream& stream : network.streams) {
        py::dict facts;
        facts["name"] = stream.name;
        facts["shape"] = stream.shape;
        facts["type"] = stream.type.text();
        facts["lo"] = stream.range.lo;
        facts["hi"] = stream.range.hi;
        streams.append(facts);
    }
    py::list layers;
    for (const network::Layer& layer : network.layers) {
        py::dict facts;
        facts["name"] = layer.name;
        facts["kind"] = network::kind_name(layer.kind);
        facts["inputs"] = indices(layer.inputs);
        facts["outputs"] = indices(layer.outputs);
        facts["parameters"] = std::visit(Parameters{}, layer.kind);
        layers.append(facts);
    }
    py::dict result;
    result["streams"] = streams;
    result["layers"] = layers;
    result["inputs"] = indices(network.inputs);
    result["outputs"] = indices(network.outputs);
    result["notes"] = lowered.notes;
    return result;
}

}  // namespace qloom::python
