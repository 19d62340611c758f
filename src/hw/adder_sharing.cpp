#include "hw/adder_sharing.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <queue>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "base/diagnostic.h"

namespace qloom::hw {
namespace {

struct Digit {
    int id = 0;  // of a Value
    int shift = 0;
    bool negative = false;
};

// Two digits, whatever their common shift and sign: the one with the smaller shift (then id) first.
struct Pair {
    int first = 0;
    int second = 0;
    int shift = 0;  // of the second over the first
    bool subtracts = false;

    [[nodiscard]] std::uint64_t key() const {
        return (static_cast<std::uint64_t>(first) << 36U) |
               (static_cast<std::uint64_t>(second) << 12U) |
               (static_cast<std::uint64_t>(shift) << 1U) | (subtracts ? 1U : 0U);
    }
    static Pair of_key(std::uint64_t key) {
        return {static_cast<int>(key >> 36U), static_cast<int>((key >> 12U) & 0xFFFFFFU),
                static_cast<int>((key >> 1U) & 0x7FFU), (key & 1U) != 0};
    }
};

bool comes_first(Digit a, Digit b) {
    return a.shift != b.shift ? a.shift < b.shift : a.id < b.id;
}

Pair pair_of(Digit a, Digit b) {
    if (!comes_first(a, b)) std::swap(a, b);
    return {a.id, b.id, b.shift - a.shift, a.negative != b.negative};
}

class Sharing {
public:
    Sharing(AdderGraph& graph, const std::vector<AdderTerm>& sources,
            const std::vector<std::vector<std::int64_t>>& matrix, const SharingOptions& options)
        : graph_(graph), rows_(matrix.size()), limits_(matrix.size()) {
        for (std::size_t j = 0; j < sources.size(); ++j) {
            Value value{.term = sources[j], .factors = {{static_cast<int>(j), 1}}};
            values_.push_back(std::move(value));
            ranges_.push_back(graph.range_of(sources[j]));
        }
        for (std::size_t r = 0; r < matrix.size(); ++r) {
            double leaves = 0.0;
            for (std::size_t j = 0; j < sources.size(); ++j) {
                for (const SignedDigit digit : signed_digits(matrix[r][j])) {
                    rows_[r].push_back({static_cast<int>(j), digit.shift, digit.negative});
                    leaves += leaf(static_cast<int>(j));
                }
            }
            limits_[r] = std::ldexp(1.0, std::ilogb(std::max(leaves, 1.0)) + 1 + options.slack);
        }
    }

    std::vector<AdderTerm> run() {
        for (const std::vector<Digit>& row : rows_) {
            for (std::size_t i = 0; i < row.size(); ++i) {
                for (std::size_t k = 0; k < i; ++k) change(pair_of(row[i], row[k]), 1);
            }
        }
        for (auto& [key, tally] : pairs_) enqueue(key, tally);
        is_counted_ = true;
        while (const auto pair = best()) substitute(*pair);
        std::vector<AdderTerm> result;
        for (const std::vector<Digit>& row : rows_) result.push_back(added_up(row));
        return result;
    }

private:
    struct Value {
        AdderTerm term;
        std::vector<std::pair<int, std::int64_t>> factors;  // of the sources, ascending
    };
    // How often a pair stands in the rows; the count of its one valid entry in the queue, 0: none.
    struct Tally {
        int count = 0;
        int queued = 0;
    };
    struct Entry {
        double saved = 0.0;
        std::uint64_t key = 0;
        int count = 0;
        bool operator<(const Entry& other) const {
            return std::tie(saved, other.key) < std::tie(other.saved, key);
        }
    };

    [[nodiscard]] const Value& value(int id) const {
        return values_[static_cast<std::size_t>(id)];
    }
    [[nodiscard]] AdderTerm term_of(Digit digit) const {
        const AdderTerm term = value(digit.id).term.shifted(digit.shift);
        return digit.negative ? term.negated() : term;
    }
    // Leaves of a full tree that has this value at its depth: a row of depth d holds 2^d of them.
    [[nodiscard]] double leaf(int id) const {
        return std::ldexp(1.0, graph_.depth(value(id).term));
    }
    [[nodiscard]] double leaf_of(Pair pair) const {
        return 2.0 * std::max(leaf(pair.first), leaf(pair.second));
    }

    double saved(std::uint64_t key, int count) const {
        if (count < 2) return 0.0;
        const Pair pair = Pair::of_key(key);
        const AdderTerm a = value(pair.first).term;
        AdderTerm b = value(pair.second).term.shifted(pair.shift);
        if (pair.subtracts) b = b.negated();
        return (count - 1) * (graph_.sum_luts(a, b) + 0.5);
    }

    void change(Pair pair, int by) {
        const std::uint64_t key = pair.key();
        Tally& tally = pairs_[key];
        tally.count += by;
        if (by > 0 && is_counted_) enqueue(key, tally);
    }

    void enqueue(std::uint64_t key, Tally& tally) {
        if (tally.count < 2 || tally.count <= tally.queued) return;
        tally.queued = tally.count;
        queue_.push({saved(key, tally.count), key, tally.count});
    }

    std::optional<Pair> best() {
        while (!queue_.empty()) {
            const Entry entry = queue_.top();
            queue_.pop();
            Tally& tally = pairs_[entry.key];
            if (entry.count != tally.queued) continue;
            tally.queued = 0;
            if (refused_.contains(entry.key)) continue;
            if (tally.count == entry.count) return Pair::of_key(entry.key);
            enqueue(entry.key, tally);
        }
        return std::nullopt;
    }

    struct Place {
        std::size_t row = 0;
        Digit first;
        Digit second;
    };

    // Where the pair stands, no digit used twice, no row made too deep.
    [[nodiscard]] std::vector<Place> places(Pair pair) const {
        std::vector<Place> result;
        const double more = leaf_of(pair) - leaf(pair.first) - leaf(pair.second);
        std::vector<const Digit*> firsts;
        for (std::size_t r = 0; r < rows_.size(); ++r) {
            firsts.clear();
            bool has_second = false;
            double leaves = 0.0;
            for (const Digit& digit : rows_[r]) {
                if (digit.id == pair.first) firsts.push_back(&digit);
                has_second = has_second || digit.id == pair.second;
                leaves += leaf(digit.id);
            }
            if (firsts.empty() || !has_second) continue;
            std::vector<std::pair<int, int>> taken;  // (id, shift)
            const auto is_taken = [&](Digit digit) {
                return std::ranges::find(taken, std::pair{digit.id, digit.shift}) != taken.end();
            };
            for (const Digit* first : firsts) {
                for (const Digit& second : rows_[r]) {
                    if (second.id != pair.second || second.shift - first->shift != pair.shift ||
                        (second.negative != first->negative) != pair.subtracts ||
                        &second == first || is_taken(*first) || is_taken(second))
                        continue;
                    if (leaves + more > limits_[r]) continue;
                    leaves += more;
                    taken.emplace_back(first->id, first->shift);
                    taken.emplace_back(second.id, second.shift);
                    result.push_back({r, *first, second});
                }
            }
        }
        return result;
    }

    int add_value(Pair pair) {
        const Digit a{pair.first, 0, false};
        const Digit b{pair.second, pair.shift, pair.subtracts};
        Value made;
        made.factors = combined({a, b});
        const Range range = range_of(made.factors);
        made.term = graph_.sum(term_of(a), term_of(b), {}, &range);
        values_.push_back(std::move(made));
        return static_cast<int>(values_.size()) - 1;
    }

    [[nodiscard]] std::vector<std::pair<int, std::int64_t>> combined(
        std::initializer_list<Digit> digits) const {
        std::vector<std::pair<int, std::int64_t>> all;
        for (const Digit digit : digits) {
            for (const auto& [source, factor] : value(digit.id).factors) {
                const std::int64_t shifted = factor * (std::int64_t{1} << digit.shift);
                all.emplace_back(source, digit.negative ? -shifted : shifted);
            }
        }
        std::ranges::sort(all);
        std::vector<std::pair<int, std::int64_t>> merged;
        for (const auto& [source, factor] : all) {
            if (!merged.empty() && merged.back().first == source) {
                merged.back().second += factor;
            } else {
                merged.emplace_back(source, factor);
            }
        }
        return merged;
    }

    [[nodiscard]] Range range_of(const std::vector<std::pair<int, std::int64_t>>& factors) const {
        Range total;
        for (const auto& [source, factor] : factors) {
            const Range range = ranges_[static_cast<std::size_t>(source)];
            total.lo += factor * (factor > 0 ? range.lo : range.hi);
            total.hi += factor * (factor > 0 ? range.hi : range.lo);
        }
        return total;
    }

    void substitute(Pair pair) {
        const std::vector<Place> found = places(pair);
        if (found.size() < 2) {
            refused_.insert(pair.key());
            return;
        }
        const int made = add_value(pair);
        for (const Place& place : found) {
            std::vector<Digit>& row = rows_[place.row];
            for (const Digit gone : {place.first, place.second}) {
                const auto at = std::ranges::find_if(row, [&](Digit digit) {
                    return digit.id == gone.id && digit.shift == gone.shift;
                });
                row.erase(at);
                for (const Digit other : row) change(pair_of(gone, other), -1);
            }
            const Digit digit{made, place.first.shift, place.first.negative};
            for (const Digit other : row) change(pair_of(digit, other), 1);
            row.push_back(digit);
        }
    }

    // What is left of a row, the shallowest and narrowest two first.
    AdderTerm added_up(const std::vector<Digit>& row) {
        struct Left {
            AdderTerm term;
            std::vector<std::pair<int, std::int64_t>> factors;
        };
        std::vector<Left> left;
        for (const Digit digit : row) left.push_back({term_of(digit), combined({digit})});
        const auto rank = [&](const Left& item) {
            return std::tuple(graph_.depth(item.term),
                              item.term.shift + graph_.node(item.term.node).type.bits,
                              item.term.node, item.term.shift);
        };
        while (left.size() > 1) {
            std::ranges::partial_sort(left, left.begin() + 2, {}, rank);
            std::vector<std::pair<int, std::int64_t>> factors = left[0].factors;
            factors.insert(factors.end(), left[1].factors.begin(), left[1].factors.end());
            std::ranges::sort(factors);
            std::vector<std::pair<int, std::int64_t>> merged;
            for (const auto& [source, factor] : factors) {
                if (!merged.empty() && merged.back().first == source) {
                    merged.back().second += factor;
                } else {
                    merged.emplace_back(source, factor);
                }
            }
            const Range range = range_of(merged);
            const AdderTerm sum = graph_.sum(left[0].term, left[1].term, {}, &range);
            left.erase(left.begin(), left.begin() + 2);
            left.push_back({sum, std::move(merged)});
        }
        return left.empty() ? AdderTerm{} : left.front().term;
    }

    AdderGraph& graph_;
    std::vector<std::vector<Digit>> rows_;
    std::vector<double> limits_;  // leaves a row may have
    std::vector<Value> values_;
    std::vector<Range> ranges_;  // of the sources
    std::unordered_map<std::uint64_t, Tally> pairs_;
    bool is_counted_ = false;  // whether all pairs of the given rows are
    std::unordered_set<std::uint64_t> refused_;
    std::priority_queue<Entry> queue_;
};

}  // namespace

std::vector<SignedDigit> signed_digits(std::int64_t value) {
    std::vector<SignedDigit> digits;
    for (int shift = 0; value != 0; ++shift, value /= 2) {
        if (value % 2 == 0) continue;
        // ..01 -> +1, ..11 -> -1: what is left is then a multiple of four.
        const bool negative = ((value % 4) + 4) % 4 == 3;
        digits.push_back({shift, negative});
        value -= negative ? -1 : 1;
    }
    return digits;
}

std::vector<AdderTerm> shared_sums(AdderGraph& graph, const std::vector<AdderTerm>& sources,
                                   const std::vector<std::vector<std::int64_t>>& matrix,
                                   const SharingOptions& options) {
    return Sharing(graph, sources, matrix, options).run();
}

}  // namespace qloom::hw
