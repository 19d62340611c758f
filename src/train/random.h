#pragma once

#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace qloom::train {

// A small generator (splitmix64) whose whole state is one number, so that every use can start from
// facts that a resumed run knows too (seed, epoch, step) and no generator state needs saving.
class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    // A stream of its own for every combination of seed, purpose and index.
    Random(std::uint64_t seed, std::uint64_t purpose, std::uint64_t index) : state_(seed) {
        state_ = next() ^ (purpose * 0xd1342543de82ef95ULL);
        state_ = next() ^ (index * 0xaf251af3b0f025b5ULL);
        next();
    }

    std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15ULL;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31U);
    }
    // In [0, bound); bound > 0. The bias of the multiplication, below 2^-32, does not matter here.
    std::uint64_t below(std::uint64_t bound) { return ((next() >> 32U) * bound) >> 32U; }
    // In [0, 1), a multiple of 2^-24.
    float uniform() { return static_cast<float>(next() >> 40U) * 0x1p-24F; }
    float uniform(float lo, float hi) { return lo + (hi - lo) * uniform(); }

private:
    std::uint64_t state_;
};

// The purposes of streams.
enum class RandomPurpose : std::uint64_t {
    kWeights = 1,
    kOrder = 2,
    kAugmentation = 3,
    kDropout = 4
};

inline Random random_stream(std::uint64_t seed, RandomPurpose purpose, std::uint64_t index) {
    return {seed, static_cast<std::uint64_t>(purpose), index};
}

// 0 .. count-1 in random order (Fisher and Yates).
inline std::vector<std::int64_t> shuffled(std::int64_t count, Random& random) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(count));
    std::iota(order.begin(), order.end(), std::int64_t{0});
    for (std::size_t i = order.size(); i > 1; --i) {
        std::swap(order[i - 1], order[random.below(i)]);
    }
    return order;
}

}  // namespace qloom::train
