#include <algorithm>
#include <limits>

#include "hw/fold_choice.h"
#include "hw/stream_model.h"

namespace qloom::hw {
namespace {

using network::Network;

// A folding this much dearer than the cheapest of its layer may still be taken for a lower latency.
constexpr double kNearFactor = 1.25;
constexpr double kNearLuts = 200.0;
constexpr std::size_t kMostCandidates = 10;
// What latency is worth: doubling it is like this share of the whole price.
constexpr double kLatencyShare = 0.2;
// Machine steps of the stream model that may be spent: the search ends there whatever the network.
constexpr std::int64_t kMostSteps = 6'000'000;

class LatencySearch {
public:
    LatencySearch(const Network& network, const std::vector<std::vector<Candidate>>& candidates,
                  std::int64_t target_ii, const FoldOptions& options, Plan& plan)
        : network_(network), target_ii_(target_ii), options_(options), plan_(plan) {
        for (std::size_t i = 0; i < candidates.size(); ++i) {
            std::vector<Folding> near;
            for (const Candidate& candidate : candidates[i]) {
                if (candidate.price > candidates[i].front().price * kNearFactor + kNearLuts) break;
                if (near.size() == kMostCandidates) break;
                near.push_back(candidate.folding);
            }
            if (near.empty()) continue;
            layers_.push_back(i);
            near_.push_back(std::move(near));
        }
    }

    void run() {
        best_ = score();
        bool improved = true;
        while (improved && affordable()) {
            improved = false;
            // Two neighbours at a time: a layer that eats faster is of use only when the one before
            // feeds faster.
            for (std::size_t k = 0; k < layers_.size() && affordable(); ++k) {
                improved = try_pair(k, std::min(k + 1, layers_.size() - 1)) || improved;
            }
        }
    }

private:
    [[nodiscard]] bool affordable() const { return steps_ < kMostSteps; }

    bool try_pair(std::size_t a, std::size_t b) {
        Folding& first = plan_.foldings[layers_[a]];
        Folding& second = plan_.foldings[layers_[b]];
        Folding best_first = first;
        Folding best_second = second;
        bool improved = false;
        for (const Folding x : near_[a]) {
            for (const Folding y : near_[b]) {
                if (!affordable()) break;
                first = x;
                second = y;
                const double value = score();
                if (value >= best_ - 1e-9) continue;
                best_ = value;
                best_first = x;
                best_second = y;
                improved = true;
            }
        }
        first = best_first;
        second = best_second;
        return improved;
    }

    double score() {
        choose_ports(network_, target_ii_, options_, plan_);
        const Accelerator accelerator = assemble(network_, plan_);
        const double price = plan_.prices.of(accelerator.total());
        // A frame that alone takes longer than everything we may spend: price decides.
        std::int64_t longest = 1;
        for (const Unit& unit : accelerator.units) longest = std::max(longest, unit.cycles);
        const auto units = static_cast<std::int64_t>(accelerator.units.size());
        if (longest * units * 20 > kMostSteps) {
            steps_ += kMostSteps / 200;
            return price;
        }
        const StreamRun run = run_streams(accelerator, {.frames = 1, .unbounded_fifos = false});
        if (run.deadlocked) {
            steps_ += longest * units;
            return price * 4.0;
        }
        steps_ += run.frame_ends.front() * units + 100 * units;
        const auto latency = static_cast<double>(run.frame_ends.front() - run.first_accept);
        if (reference_latency_ == 0.0) {
            reference_latency_ = std::max(latency, 1.0);
            reference_price_ = price;
        }
        return price + kLatencyShare * reference_price_ * latency / reference_latency_;
    }

    const Network& network_;
    std::int64_t target_ii_;
    const FoldOptions& options_;
    Plan& plan_;
    std::vector<std::size_t> layers_;
    std::vector<std::vector<Folding>> near_;
    std::int64_t steps_ = 0;
    double best_ = std::numeric_limits<double>::max();
    double reference_latency_ = 0.0;
    double reference_price_ = 0.0;
};

}  // namespace

void choose_foldings(const Network& network, const std::vector<std::vector<Candidate>>& candidates,
                     std::int64_t target_ii, const FoldOptions& options, Plan& plan) {
    plan.foldings.assign(network.layers.size(), Folding{});
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        if (!candidates[i].empty()) plan.foldings[i] = candidates[i].front().folding;
    }
    if (network.layers.empty()) {
        choose_ports(network, target_ii, options, plan);
        return;
    }
    LatencySearch(network, candidates, target_ii, options, plan).run();
    choose_ports(network, target_ii, options, plan);
}

}  // namespace qloom::hw
