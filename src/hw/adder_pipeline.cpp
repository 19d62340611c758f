#include "hw/adder_pipeline.h"

#include <algorithm>

namespace qloom::hw {

double AdderPipeline::ffs(const AdderGraph& graph) const {
    double total = 0.0;
    for (std::size_t i = 0; i < stage.size(); ++i) {
        const int delay = last[i] - stage[i];
        if (delay > 0 && delay < 3)
            total += delay * static_cast<double>(graph.nodes()[i].type.bits);
    }
    return total;
}

double AdderPipeline::shift_luts(const AdderGraph& graph) const {
    double total = 0.0;
    for (std::size_t i = 0; i < stage.size(); ++i) {
        if (last[i] - stage[i] >= 3) total += graph.nodes()[i].type.bits;
    }
    return total;
}

AdderPipeline pipelined(const AdderGraph& graph, int levels, int tail) {
    const std::span<const AdderNode> nodes = graph.nodes();
    const std::vector<bool> merged = graph.merged_counts();
    AdderPipeline result;
    result.stage.assign(nodes.size(), 0);
    std::vector<int> level(nodes.size(), 0);
    const auto operands = [&](const AdderNode& node) {
        std::vector<int> ids;
        for (const AdderBit bit : node.bits) ids.push_back(bit.node);
        if (node.kind == AdderNode::Kind::kSum) {
            ids.push_back(node.left);
            if (node.carry.node >= 0) ids.push_back(node.carry.node);
            if (merged[static_cast<std::size_t>(node.right)]) {
                for (const AdderBit bit : graph.node(node.right).bits) ids.push_back(bit.node);
            } else {
                ids.push_back(node.right);
            }
        }
        return ids;
    };
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const AdderNode& node = nodes[i];
        if (node.kind == AdderNode::Kind::kInput || merged[i]) continue;
        const int own = node.kind == AdderNode::Kind::kCount && node.bits.size() == 1 ? 0 : 1;
        const std::vector<int> ids = operands(node);
        for (const int id : ids)
            result.stage[i] = std::max(result.stage[i], result.stage[static_cast<std::size_t>(id)]);
        for (const int id : ids) {
            const auto k = static_cast<std::size_t>(id);
            if (result.stage[k] == result.stage[i]) level[i] = std::max(level[i], level[k]);
        }
        level[i] += own;
        if (level[i] > levels) {
            ++result.stage[i];
            level[i] = own;
        }
        if (node.kind == AdderNode::Kind::kSum && merged[static_cast<std::size_t>(node.right)])
            result.stage[static_cast<std::size_t>(node.right)] = result.stage[i];
    }
    int last = 0;
    for (const AdderResult& out : graph.results) {
        if (!out.term.is_zero())
            last = std::max(last, result.stage[static_cast<std::size_t>(out.term.node)]);
    }
    for (const AdderResult& out : graph.results) {
        if (out.term.is_zero()) continue;
        const auto k = static_cast<std::size_t>(out.term.node);
        if (result.stage[k] == last) result.result_level = std::max(result.result_level, level[k]);
    }
    if (result.result_level > 0 && result.result_level + tail > levels) {
        ++last;
        result.result_level = 0;
    }
    result.stages = last + 1;
    result.last = result.stage;
    const auto read = [&](int id, int stage) {
        int& at = result.last[static_cast<std::size_t>(id)];
        at = std::max(at, stage);
    };
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const AdderNode& node = nodes[i];
        for (const AdderBit bit : node.bits) read(bit.node, result.stage[i]);
        if (node.kind != AdderNode::Kind::kSum) continue;
        read(node.left, result.stage[i]);
        read(node.right, result.stage[i]);
        if (node.carry.node >= 0) read(node.carry.node, result.stage[i]);
    }
    for (const AdderResult& out : graph.results) {
        if (!out.term.is_zero()) read(out.term.node, last);
    }
    return result;
}

}  // namespace qloom::hw
