#pragma once

#include <vector>

#include "base/tensor.h"
#include "ptq/levels.h"

// Weights to levels. Matrices are row-major; w is (rows, columns), one scale a row.
namespace qloom::ptq {

// What is known of the inputs of a product, from calibration: second moments over samples of the
// inputs that the quantised network sees (x) and of those that the float network sees (z).
struct Moments {
    Tensor<double> second;  // (columns, columns): mean of x x^T, or their covariance
    Tensor<double> cross;   // (columns, columns): mean of z x^T, or their covariance; empty: z = x
};

// In place: a symmetric positive definite matrix becomes the upper triangular R with a = R^T R,
// zeros below. False where it is not positive definite.
bool cholesky(Tensor<double>& a);

// `second` with `share` of its mean diagonal added to the diagonal, so that it is positive
// definite.
Tensor<double> damped(const Tensor<double>& second, double share);

// The real weights v that serve best on the inputs x where the float layer has w on its inputs z:
//   v = argmin mean |w z - v x|^2 + lambda |v - w|^2 = w + w (cross - second) (second + lambda
//   I)^-1
// Ensures: v = w where z = x.
Tensor<double> fitted_weights(const Tensor<double>& w, const Moments& moments, double damping);

// Every weight to its nearest level.
Tensor<double> round_to_nearest(const Tensor<double>& w, const std::vector<Levels>& levels);

// GPTQ (arXiv 2210.17323): weights are rounded one column after the other, and each rounding error
// is made good, as far as the inputs are correlated, by the columns still to come. Worked here as
// Babai's nearest plane on second = R^T R, which gives the same levels from one Cholesky factor:
// column j, from the last to the first, goes to the level nearest to
//   w_j + sum_{k>j} R_jk / R_jj (w_k - q_k).
// Columns are taken in the order of their variance, the largest first.
//   second = [[1, 0.9], [0.9, 1]], w = [0.4, 0.4], scale 1: nearest gives [0, 0] with error 0.608;
//   this gives [1, 0] or [0, 1] with error 0.088.
Tensor<double> round_gptq(const Tensor<double>& w, const Tensor<double>& second,
                          const std::vector<Levels>& levels);

// Moves single weights to the level beside theirs while that lowers the row's error, at most
// `sweeps` times over each row.
void descend(Tensor<double>& q, const Tensor<double>& w, const Tensor<double>& second,
             const std::vector<Levels>& levels, int sweeps);

// (w - q) second (w - q)^T for every row: the mean squared error of the product.
std::vector<double> row_errors(const Tensor<double>& w, const Tensor<double>& q,
                               const Tensor<double>& second);

}  // namespace qloom::ptq
