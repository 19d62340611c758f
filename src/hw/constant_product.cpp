#include "hw/constant_product.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "base/diagnostic.h"
#include "hw/adder_count.h"
#include "hw/adder_sharing.h"

namespace qloom::hw {
namespace {

// Sources that the search for shared digits looks at together, and digits that it may hold.
constexpr std::size_t kSharedSources = 64;
constexpr std::int64_t kMostShared = 20'000;
constexpr std::int64_t kMostColumnKinds = 512;

// A column of the group's rows, its first nonzero entry positive; where it stands, with its sign.
struct Column {
    std::int64_t index = 0;
    bool negative = false;
};
using Kinds = std::map<std::vector<std::int64_t>, std::vector<Column>>;

// A sum of inputs: term + offset.
struct Part {
    AdderTerm term;
    std::int64_t offset = 0;
};

class Builder {
public:
    explicit Builder(const ConstantProduct& product)
        : product_(product),
          height_(product.weights.dim(0)),
          width_(product.weights.dim(1)),
          graph_(width_, product.input_type, product.input_range) {
        graph_.results.resize(static_cast<std::size_t>(height_));
    }

    AdderGraph build(std::int64_t rows) {
        for (std::int64_t first = 0; first < height_; first += rows) {
            std::vector<std::int64_t> group;
            for (std::int64_t r = first; r < std::min(first + rows, height_); ++r)
                group.push_back(r);
            add_group(group);
        }
        graph_.remove_unused();
        return std::move(graph_);
    }

private:
    [[nodiscard]] std::int64_t weight(std::int64_t row, std::int64_t column) const {
        const std::int64_t w = product_.weights[row * width_ + column];
        // x == w: x for 1, 1 - x for 0.
        return product_.is_xnor ? 2 * w - 1 : w;
    }
    [[nodiscard]] std::int64_t row_offset(std::int64_t row) const {
        std::int64_t zeros = 0;
        if (product_.is_xnor) {
            for (std::int64_t k = 0; k < width_; ++k)
                zeros += product_.weights[row * width_ + k] == 0;
        }
        return zeros;
    }

    [[nodiscard]] Kinds kinds_of(const std::vector<std::int64_t>& group) const {
        Kinds kinds;
        std::vector<std::int64_t> column(group.size());
        for (std::int64_t k = 0; k < width_; ++k) {
            for (std::size_t i = 0; i < group.size(); ++i) column[i] = weight(group[i], k);
            const auto first = std::ranges::find_if(column, [](auto w) { return w != 0; });
            if (first == column.end()) continue;
            const bool negative = *first < 0;
            if (negative) std::ranges::transform(column, column.begin(), std::negate<>());
            kinds[column].push_back({k, negative});
        }
        return kinds;
    }

    void add_group(const std::vector<std::int64_t>& group) {
        const Kinds kinds = kinds_of(group);
        std::vector<AdderTerm> sources;
        std::vector<std::vector<std::int64_t>> matrix(group.size());
        std::vector<std::int64_t> offsets(group.size(), 0);
        std::vector<AdderTerm> sums(group.size());
        // Blocks of sources are searched for shared digits each by itself.
        const auto flush = [&] {
            const std::vector<AdderTerm> rows = shared_sums(graph_, sources, matrix);
            for (std::size_t i = 0; i < group.size(); ++i) parts_of_row(i).push_back(rows[i]);
            sources.clear();
            for (auto& row : matrix) row.clear();
        };
        parts_.assign(group.size(), {});
        for (const auto& [column, places] : kinds) {
            const Part part = added_up(places);
            for (std::size_t i = 0; i < group.size(); ++i) {
                offsets[i] += column[i] * part.offset;
                matrix[i].push_back(column[i]);
            }
            sources.push_back(part.term);
            if (sources.size() == kSharedSources) flush();
        }
        if (!sources.empty()) flush();
        for (std::size_t i = 0; i < group.size(); ++i) {
            AdderResult& result = graph_.results[static_cast<std::size_t>(group[i])];
            result.term = tree(parts_[i]);
            result.offset = offsets[i] + row_offset(group[i]);
        }
    }

    std::vector<AdderTerm>& parts_of_row(std::size_t row) { return parts_[row]; }

    // Independent terms, the shallowest two first.
    AdderTerm tree(std::vector<AdderTerm> terms) {
        std::erase_if(terms, [](AdderTerm term) { return term.is_zero(); });
        if (terms.empty()) return {};
        const auto rank = [&](AdderTerm term) {
            return std::tuple(graph_.depth(term), graph_.node(term.node).type.bits + term.shift,
                              term.node);
        };
        while (terms.size() > 1) {
            std::ranges::partial_sort(terms, terms.begin() + 2, {}, rank);
            const AdderTerm sum = graph_.sum(terms[0], terms[1]);
            terms.erase(terms.begin(), terms.begin() + 2);
            terms.push_back(sum);
        }
        return terms.front();
    }

    // The inputs at these columns, added up with their signs.
    Part added_up(const std::vector<Column>& columns) {
        const int bits = product_.input_type.bits;
        const auto n = static_cast<double>(columns.size());
        if (columns.size() == 1)
            return {{static_cast<int>(columns[0].index), 0, columns[0].negative}, 0};
        const double grown = 0.5 * std::log2(n) + 1.0;
        const double words = (n - 1.0) * (bits + grown);
        const double planes =
            bits * count_luts(columns.size()) +
            (bits - 1) * static_cast<double>(std::bit_width(columns.size()) + 1);
        return bits > 1 && words < planes ? added_words(columns) : added_planes(columns);
    }

    Part added_words(const std::vector<Column>& columns) {
        std::vector<AdderTerm> terms;
        for (const Column& column : columns)
            terms.push_back({static_cast<int>(column.index), 0, column.negative});
        // Equal signs meet first, so that bounds stay small.
        std::ranges::stable_sort(terms, {}, &AdderTerm::negative);
        return {tree(terms), 0};
    }

    // -x is ~x + 1: all bits of a negative input are inverted and counted like the others.
    Part added_planes(const std::vector<Column>& columns) {
        const IntType type = product_.input_type;
        std::int64_t offset = 0;
        for (const Column& column : columns) {
            if (!column.negative) continue;
            offset += type.is_signed ? 1 : 1 - (std::int64_t{1} << type.bits);
        }
        AdderTerm total;
        for (int plane = 0; plane < type.bits; ++plane) {
            std::vector<AdderBit> bits;
            for (const Column& column : columns)
                bits.push_back({static_cast<int>(column.index), plane, column.negative});
            AdderTerm counted = count_bits(graph_, bits).shifted(plane);
            if (type.is_signed && plane == type.bits - 1) counted = counted.negated();
            total = graph_.sum_of(total, counted);
        }
        return {total, offset};
    }

    const ConstantProduct& product_;
    std::int64_t height_;
    std::int64_t width_;
    AdderGraph graph_;
    std::vector<std::vector<AdderTerm>> parts_;
};

// Results with an offset end in an addition unless thresholds follow; it counts a little.
double price_of(const AdderGraph& graph) {
    double price = graph.luts();
    for (const AdderNode& node : graph.nodes()) price += 0.01 * node.depth;
    return price;
}

}  // namespace

AdderGraph constant_product(const ConstantProduct& product, std::int64_t& group) {
    if (group > 0) return Builder(product).build(group);
    const std::int64_t height = product.weights.dim(0);
    std::set<std::int32_t> magnitudes;
    for (const std::int32_t w : product.weights)
        magnitudes.insert(product.is_xnor ? 1 : std::abs(w));
    // Kinds of entries; up to the sign of the whole column.
    const double values = 2.0 * static_cast<double>(magnitudes.size()) -
                          (magnitudes.contains(0) ? 1.0 : 0.0);
    std::vector<std::int64_t> choices;
    for (std::int64_t rows = 1; rows < height; ++rows) {
        const double kinds = std::pow(std::max(values, 2.0), static_cast<double>(rows)) / 2.0;
        if (rows > 1 && (kinds > 2.0 * static_cast<double>(product.weights.dim(1)) ||
                         kinds > static_cast<double>(kMostColumnKinds)))
            break;
        choices.push_back(rows);
    }
    // Shared digits of a large matrix of small weights would be looked for long, and in vain.
    if (product.weights.size() <= kMostShared || choices.empty()) choices.push_back(height);
    std::optional<AdderGraph> best;
    double best_price = 0.0;
    for (const std::int64_t rows : choices) {
        AdderGraph graph = Builder(product).build(rows);
        const double price = price_of(graph);
        if (best && price >= best_price) continue;
        best = std::move(graph);
        best_price = price;
        group = rows;
    }
    return std::move(*best);
}

}  // namespace qloom::hw
