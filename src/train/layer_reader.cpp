#include "train/layer_reader.h"

#include <algorithm>

#include "base/codes/train.h"
#include "base/diagnostic.h"

namespace qloom::train {
namespace {

const std::vector<std::string> kTypes{"linear",
                                      "conv1d",
                                      "conv2d",
                                      "conv_transpose1d",
                                      "conv_transpose2d",
                                      "batch_norm",
                                      "max_pool",
                                      "avg_pool",
                                      "trunc_avg_pool",
                                      "global_max_pool",
                                      "global_avg_pool",
                                      "relu",
                                      "hardtanh",
                                      "identity",
                                      "sigmoid",
                                      "tanh",
                                      "add",
                                      "concat",
                                      "dropout",
                                      "upsample",
                                      "flatten"};

}  // namespace

LayerReader::LayerReader(const LayerDefaults& defaults, Flow input)
    : defaults_(defaults), last_(kInputName) {
    flows_[kInputName] = std::move(input);
}

std::vector<LayerReader::Source> LayerReader::read_sources(TomlSection& section, bool many) {
    std::vector<std::string> names = section.texts("from", {last_});
    if (many ? names.size() < 2 : names.size() != 1) {
        section.wrong_value(
            "from",
            fmt::format("[{}] names {} layer{}", fmt::join(names, ", "), names.size(),
                        names.size() == 1 ? "" : "s"),
            many ? "name the two or more layers to join: from = [\"a\", \"b\"]" : "name one layer");
    }
    std::vector<Source> result;
    for (const std::string& name : names) {
        const auto found = flows_.find(name);
        if (found == flows_.end()) {
            std::vector<std::string> known;
            for (const auto& [other, flow] : flows_) {
                known.push_back(other);
            }
            const std::string near = nearest_word(name, known);
            throw Error(code::kRecipeTap, section.where("from"),
                        fmt::format("no earlier layer is called {}", name),
                        near.empty() ? fmt::format("name one of {}", fmt::join(known, ", "))
                                     : fmt::format("did you mean {}?", near));
        }
        result.push_back({name, &found->second});
    }
    return result;
}

LayerSpec LayerReader::read(TomlSection section) {
    const std::string type = section.needed_text("type");
    LayerSpec layer;
    layer.name = section.text("name", fmt::format("{}{}", type, ++counts_[type]));
    if (layer.name.empty() || flows_.contains(layer.name)) {
        section.wrong_value("name", fmt::format("\"{}\" is empty or taken", layer.name),
                            "give every layer a name of its own");
    }
    section = section.named(fmt::format("layer {}", layer.name));
    if (std::ranges::find(kTypes, type) == kTypes.end()) {
        const std::string near = nearest_word(type, kTypes);
        section.wrong_value("type", fmt::format("\"{}\" is not known", type),
                            fmt::format("{}choose one of {}",
                                        near.empty() ? "" : fmt::format("did you mean {}? ", near),
                                        fmt::join(kTypes, ", ")));
    }
    const Draft draft{section, type, layer.name,
                      read_sources(section, type == "add" || type == "concat")};
    for (const Source& source : draft.from) {
        layer.from.push_back(source.name);
        if (const auto folded = folded_by_.find(source.name); folded != folded_by_.end()) {
            throw Error(code::kRecipeTap, section.named("").where("from"),
                        fmt::format("{} reads {}, into which {} is folded", layer.name, source.name,
                                    folded->second),
                        fmt::format("read {} instead, or set fold = false there", folded->second));
        }
    }
    Flow flow = draft.flow();
    read_kind(draft, layer, flow);
    section.finish();
    for (const std::string& name : layer.from) {
        first_reader_.try_emplace(name, layer.name);
    }
    layer.shape = flow.shape;
    flows_[layer.name] = std::move(flow);
    read_[layer.name] = layer;
    last_ = layer.name;
    return layer;
}

void LayerReader::finish(const std::string& file) const {
    for (const auto& [name, layer] : read_) {
        if (name != last_ && !first_reader_.contains(name)) {
            throw Error(code::kRecipeTap, file, fmt::format("nothing reads what {} gives", name),
                        fmt::format("name it in the from of a later layer, or remove {}", name));
        }
    }
}

void LayerReader::read_kind(const Draft& draft, LayerSpec& layer, Flow& flow) {
    const std::string& type = draft.type;
    if (type == "linear") {
        layer.kind = read_linear(draft, flow);
    } else if (type.starts_with("conv")) {
        layer.kind = read_conv(draft, flow, type.starts_with("conv_transpose"));
    } else if (type == "batch_norm") {
        layer.kind = read_norm(draft, flow);
    } else if (type == "max_pool") {
        layer.kind = read_pool(draft, flow, PoolKind::kMax);
    } else if (type == "avg_pool") {
        layer.kind = read_pool(draft, flow, PoolKind::kAverage);
    } else if (type == "trunc_avg_pool") {
        layer.kind = read_pool(draft, flow, PoolKind::kTruncAverage);
    } else if (type == "global_max_pool") {
        layer.kind = read_pool(draft, flow, PoolKind::kGlobalMax);
    } else if (type == "global_avg_pool") {
        layer.kind = read_pool(draft, flow, PoolKind::kGlobalAverage);
    } else if (type == "relu") {
        layer.kind = read_activation(draft, flow, Activation::kRelu);
    } else if (type == "hardtanh") {
        layer.kind = read_activation(draft, flow, Activation::kHardTanh);
    } else if (type == "identity") {
        layer.kind = read_activation(draft, flow, Activation::kIdentity);
    } else if (type == "sigmoid") {
        layer.kind = read_activation(draft, flow, Activation::kSigmoid);
    } else if (type == "tanh") {
        layer.kind = read_activation(draft, flow, Activation::kTanh);
    } else if (type == "add") {
        layer.kind = read_join(draft, flow, JoinKind::kAdd);
    } else if (type == "concat") {
        layer.kind = read_join(draft, flow, JoinKind::kConcat);
    } else if (type == "dropout") {
        layer.kind = DropoutSpec{.rate = draft.section.number("rate", 0.5, 0.0, 0.99)};
    } else if (type == "upsample") {
        layer.kind = read_upsample(draft, flow);
    } else {
        layer.kind = FlattenSpec{};
        flow.shape = {element_count(flow.shape)};
    }
}

}  // namespace qloom::train
