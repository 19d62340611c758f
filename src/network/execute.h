#pragma once

#include <memory>
#include <variant>
#include <vector>

#include "network/network.h"

namespace qloom::network {

// Integers of one stream for F frames, shape (F, stream shape...), held exactly in floats: float while the stream's
// values stay below 2^24, double below 2^53.
using Frames = std::variant<Tensor<float>, Tensor<double>>;

// From and to plain integers.
Frames frames_from(const Tensor<std::int64_t>& values, Range range);
Tensor<std::int64_t> integers_of(const Frames& frames);

// The integer executor: the meaning of a Network. Matrix products run on BLAS in float or double, which is exact
// because range analysis bounds every partial sum below 2^24 or 2^53; everything else is plain integer arithmetic
// carried in floats.
class Executor {
public:
    explicit Executor(const Network& network);
    ~Executor();
    Executor(Executor&&) noexcept;
    Executor& operator=(Executor&&) noexcept;

    // One entry a network input, (F, shape...) with integers inside the stream's range; returns one entry a network
    // output. Frames are independent.
    [[nodiscard]] std::vector<Frames> run(const std::vector<Frames>& inputs) const;
    // As run, and returns every stream's values, in the order of Network::streams (for finding the first difference).
    [[nodiscard]] std::vector<Frames> trace(const std::vector<Frames>& inputs) const;

private:
    struct Plan;
    std::unique_ptr<Plan> plan_;
};

}  // namespace qloom::network
