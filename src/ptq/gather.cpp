#include "ptq/gather.h"

#include <cblas.h>

#include <algorithm>
#include <numeric>

namespace qloom::ptq {
namespace {

// Input rows looked at for a layer: enough for a matrix of K x K numbers.
constexpr std::int64_t kLeastRows = 8192;
constexpr std::int64_t kRowsPerColumn = 4;
constexpr std::int64_t kBlockRows = 256;

}  // namespace

Gathered Gatherer::run(const Chunks& z, const Chunks& x, std::int64_t group, bool centred,
                       bool differ) {
    const std::int64_t n = layer_.columns;
    std::int64_t frames = 0;
    const std::int64_t frame_rows = as_floats(x[0]).dim(0);
    for (const ir::Value& chunk : x) {
        frames += as_floats(chunk).dim(0);
    }
    const std::int64_t total = frames * unfold_.pixels();
    std::int64_t stride =
        std::max<std::int64_t>(1, total / std::max(kLeastRows, kRowsPerColumn * n));
    while (stride > 1 && std::gcd(stride, unfold_.pixels()) != 1) {  // else always the same pixels
        ++stride;
    }
    Gathered result;
    result.moments.second = Tensor<double>({n, n});
    result.moments.cross = differ ? Tensor<double>({n, n}) : Tensor<double>();
    result.mean_x.assign(static_cast<std::size_t>(n), 0.0);
    result.mean_z.assign(static_cast<std::size_t>(n), 0.0);
    std::vector<double> block_x(static_cast<std::size_t>(kBlockRows * n));
    std::vector<double> block_z(static_cast<std::size_t>(differ ? kBlockRows * n : 0));
    std::int64_t rows = 0;
    std::int64_t held = 0;
    const auto flush = [&] {
        accumulate(block_x, block_z, held, result);
        rows += held;
        held = 0;
    };
    for (std::int64_t at = 0; at < total; at += stride) {
        const std::int64_t frame = at / unfold_.pixels();
        const auto chunk = static_cast<std::size_t>(frame / frame_rows);
        const std::int64_t pixel = at % unfold_.pixels();
        unfold_.row(as_floats(x[chunk]), frame % frame_rows, pixel, group,
                    block_x.data() + held * n);
        if (differ) {
            unfold_.row(as_floats(z[chunk]), frame % frame_rows, pixel, group,
                        block_z.data() + held * n);
        }
        if (++held == kBlockRows) {
            flush();
        }
    }
    flush();
    finish(result, rows, centred, differ);
    return result;
}

void Gatherer::accumulate(const std::vector<double>& x, const std::vector<double>& z,
                          std::int64_t rows, Gathered& into) const {
    if (rows == 0) {
        return;
    }
    const auto n = static_cast<int>(layer_.columns);
    const auto m = static_cast<int>(rows);
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, n, m, 1.0, x.data(), n, 1.0,
                into.moments.second.data(), n);
    if (!z.empty()) {
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, n, n, m, 1.0, z.data(), n, x.data(), n,
                    1.0, into.moments.cross.data(), n);
    }
    for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t k = 0; k < layer_.columns; ++k) {
            const auto at = static_cast<std::size_t>(row * layer_.columns + k);
            into.mean_x[static_cast<std::size_t>(k)] += x[at];
            into.mean_z[static_cast<std::size_t>(k)] += z.empty() ? x[at] : z[at];
        }
    }
}

void Gatherer::finish(Gathered& result, std::int64_t rows, bool centred, bool differ) const {
    const std::int64_t n = layer_.columns;
    const auto count = static_cast<double>(rows);
    for (auto* means : {&result.mean_x, &result.mean_z}) {
        for (double& mean : *means) {
            mean /= count;
        }
    }
    for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = i; j < n; ++j) {
            double value = result.moments.second[i * n + j] / count;
            value -= centred ? result.mean_x[static_cast<std::size_t>(i)] *
                                   result.mean_x[static_cast<std::size_t>(j)]
                             : 0.0;
            result.moments.second[i * n + j] = value;
            result.moments.second[j * n + i] = value;
        }
    }
    for (std::int64_t i = 0; differ && i < n; ++i) {
        for (std::int64_t j = 0; j < n; ++j) {
            double& value = result.moments.cross[i * n + j];
            value /= count;
            value -= centred ? result.mean_z[static_cast<std::size_t>(i)] *
                                   result.mean_x[static_cast<std::size_t>(j)]
                             : 0.0;
        }
    }
}

}  // namespace qloom::ptq
