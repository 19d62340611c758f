#include "hw/fold_latency.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "hw/stream_model.h"

namespace qloom::hw {
namespace {

using network::Network;

// What latency is worth: doubling it is like this share of the whole price.
constexpr double kLatencyShare = 0.2;
// A latency that must be reached counts so many times what is missing.
constexpr double kMissingShare = 100.0;
constexpr std::size_t kMostCandidates = 10;

class LatencySearch {
public:
    LatencySearch(const Network& network, const FoldProblem& problem, const Assignment& start,
                  const LatencyOptions& options)
        : network_(network), problem_(problem), options_(options), best_(start) {
        start_price_ = std::max(dot(options.weights, start.usage), 1.0);
    }

    LatencyResult run() {
        if (const std::optional<double> first = score(best_)) {
            best_score_ = *first;
            best_cycles_ = cycles_;
            bool improved = true;
            while (improved && affordable() && !is_reached()) {
                improved = false;
                // A layer that eats faster is of use only when the one before feeds faster.
                for (int k = 0; k < problem_.layer_count() && affordable(); ++k)
                    improved = try_pair(k, std::min(k + 1, problem_.layer_count() - 1)) || improved;
            }
        }
        return {std::move(best_), best_cycles_};
    }

private:
    [[nodiscard]] bool affordable() const { return steps_ < options_.most_steps; }
    [[nodiscard]] bool is_reached() const {
        return options_.most_cycles != 0 && best_cycles_ && *best_cycles_ <= options_.most_cycles;
    }

    [[nodiscard]] bool is_allowed(const Assignment& assignment) const {
        for (std::size_t i = 0; i < kUsageKinds; ++i) {
            if (assignment.usage[i] > options_.budgets[i] + 1e-7) return false;
        }
        return dot(options_.weights, assignment.usage) <= options_.most_price + 1e-7;
    }

    // The layer's alternatives that are near enough in price to be of use, the cheapest first.
    [[nodiscard]] std::vector<int> near(int layer) const {
        const double room = options_.most_price - dot(options_.weights, best_.usage);
        const double own = problem_.alternative_price(layer, best_, options_.weights);
        std::vector<std::pair<double, int>> found;
        for (int a = 0; a < problem_.alternative_count(layer); ++a) {
            const double price = dot(options_.weights, problem_.alternative(layer, a));
            // Converters that go may pay for some of it.
            if (price <= own + room + 0.25 * own + 60.0) found.emplace_back(price, a);
        }
        std::ranges::stable_sort(found, {}, &std::pair<double, int>::first);
        std::vector<int> result;
        for (const auto& [price, alternative] : found) {
            if (result.size() == kMostCandidates) break;
            result.push_back(alternative);
        }
        return result;
    }

    bool try_pair(int a, int b) {
        const Assignment start = best_;
        bool improved = false;
        const std::vector<int> firsts = near(a);
        const std::vector<int> seconds = near(b);
        for (const int first : firsts) {
            const Assignment one = problem_.with_alternative(start, a, first);
            for (const int second : seconds) {
                if (!affordable()) return improved;
                const Assignment both = a == b ? one : problem_.with_alternative(one, b, second);
                if (!is_allowed(both)) continue;
                const std::optional<double> value = score(both);
                if (!value || *value >= best_score_ - 1e-9) continue;
                best_score_ = *value;
                best_ = both;
                best_cycles_ = cycles_;
                improved = true;
            }
        }
        return improved;
    }

    // Nothing where running a frame would take longer than everything that may be spent.
    std::optional<double> score(const Assignment& assignment) {
        const auto [known, is_new] = cycles_of_.try_emplace(assignment.picks);
        if (is_new) known->second = run_frame(assignment);
        if (!known->second) return std::nullopt;
        cycles_ = *known->second;
        if (reference_ == 0.0) reference_ = std::max(static_cast<double>(cycles_), 1.0);
        double value = dot(options_.weights, assignment.usage) +
                       kLatencyShare * start_price_ * static_cast<double>(cycles_) / reference_;
        if (options_.most_cycles != 0 && cycles_ > options_.most_cycles) {
            value += kMissingShare * start_price_ *
                     static_cast<double>(cycles_ - options_.most_cycles) / reference_;
        }
        return value;
    }

    std::optional<std::int64_t> run_frame(const Assignment& assignment) {
        const Accelerator accelerator = assemble(network_, problem_.plan(assignment));
        std::int64_t longest = 1;
        for (const Unit& unit : accelerator.units) longest = std::max(longest, unit.cycles);
        const auto units = static_cast<std::int64_t>(accelerator.units.size());
        if (longest * units * 4 > options_.most_steps) {
            steps_ = options_.most_steps;
            return std::nullopt;
        }
        const StreamRun run = run_streams(accelerator, {.frames = 1, .unbounded_fifos = false});
        steps_ += run.steps + 100 * units;
        if (run.deadlocked) return std::nullopt;
        return run.frame_ends.front() - run.first_accept;
    }

    const Network& network_;
    const FoldProblem& problem_;
    const LatencyOptions& options_;
    Assignment best_;
    double start_price_ = 1.0;
    double best_score_ = 0.0;
    std::optional<std::int64_t> best_cycles_;
    std::map<std::vector<int>, std::optional<std::int64_t>> cycles_of_;  // by picks
    std::int64_t cycles_ = 0;  // of the last assignment with a score
    double reference_ = 0.0;
    std::int64_t steps_ = 0;
};

}  // namespace

LatencyResult shorten_latency(const Network& network, const FoldProblem& problem,
                              const Assignment& start, const LatencyOptions& options) {
    return LatencySearch(network, problem, start, options).run();
}

}  // namespace qloom::hw
