#pragma once

#include <cstdint>
#include <vector>

#include "ptq/batches.h"
#include "ptq/layer.h"
#include "ptq/rounding.h"

namespace qloom::ptq {

// Second moments of a layer's inputs, from the float network (z) and the quantised one (x).
struct Gathered {
    Moments moments;
    std::vector<double> mean_z;
    std::vector<double> mean_x;
};

// Gathers them over frames; of large layers over some of the rows only.
class Gatherer {
public:
    Gatherer(const ir::Graph& graph, const Layer& layer) : layer_(layer), unfold_(graph, layer) {}

    // Of one group; `centred`: covariances, `differ`: z is other than x.
    Gathered run(const Chunks& z, const Chunks& x, std::int64_t group, bool centred, bool differ);

private:
    void accumulate(const std::vector<double>& x, const std::vector<double>& z, std::int64_t rows,
                    Gathered& into) const;
    void finish(Gathered& result, std::int64_t rows, bool centred, bool differ) const;

    const Layer& layer_;
    Unfold unfold_;
};

}  // namespace qloom::ptq
