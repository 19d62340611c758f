// Matrix products: float32 operands, accumulated in double, rounded once.
#include <cblas.h>

#include <algorithm>

#include "ir/broadcast.h"
#include "ir/kernels.h"

namespace qloom::ir::kernels {
namespace {

// c (rows, columns) = a (rows, inner) * b (inner, columns); b is stored transposed when `trans_b`.
void product(const double* a, bool trans_a, const double* b, bool trans_b, double* c, std::int64_t rows,
             std::int64_t inner, std::int64_t columns) {
    if (rows == 0 || columns == 0) {
        return;
    }
    if (inner == 0) {
        std::fill(c, c + rows * columns, 0.0);
        return;
    }
    const auto m = static_cast<int>(rows);
    const auto k = static_cast<int>(inner);
    const auto n = static_cast<int>(columns);
    cblas_dgemm(CblasRowMajor, trans_a ? CblasTrans : CblasNoTrans, trans_b ? CblasTrans : CblasNoTrans, m, n, k, 1.0,
                a, trans_a ? m : k, b, trans_b ? k : n, 0.0, c, n);
}

void round_into(const std::vector<double>& from, float* to) {
    std::ranges::transform(from, to, [](double x) { return static_cast<float>(x); });
}

}  // namespace

Value matmul(const Inputs& in, const Shape& shape, const Wide* weights) {
    Shape a_shape = shape_of(*in[0]);
    Shape b_shape = shape_of(*in[1]);
    if (a_shape.size() == 1) {
        a_shape.insert(a_shape.begin(), 1);
    }
    if (b_shape.size() == 1) {
        b_shape.push_back(1);
    }
    const Wide a = widen(*in[0]);
    const Wide own = weights == nullptr ? widen(*in[1]) : Wide{};
    const Wide& b = weights == nullptr ? own : *weights;
    const std::int64_t rows = a_shape[a_shape.size() - 2];
    const std::int64_t inner = a_shape.back();
    const std::int64_t columns = b_shape.back();
    Tensor<float> result(shape);
    if (b_shape.size() == 2) {  // all leading axes of A are rows of one product
        const std::int64_t all_rows = inner == 0 ? result.size() / std::max<std::int64_t>(1, columns)
                                                 : static_cast<std::int64_t>(a.size()) / inner;
        std::vector<double> c(static_cast<std::size_t>(all_rows * columns));
        product(a.data(), false, b.data(), false, c.data(), all_rows, inner, columns);
        round_into(c, result.data());
        return result;
    }
    const Shape batch_a(a_shape.begin(), a_shape.end() - 2);
    const Shape batch_b(b_shape.begin(), b_shape.end() - 2);
    const Shape batch = *broadcast_shapes(batch_a, batch_b);
    const BroadcastPlan plan(batch, {&batch_a, &batch_b});
    std::vector<double> c(static_cast<std::size_t>(rows * columns));
    plan.for_each_row([&](std::int64_t offset, const std::vector<std::int64_t>& from) {
        for (std::int64_t i = 0; i < plan.row_length(); ++i) {
            product(a.data() + (from[0] + i * plan.row_step(0)) * rows * inner, false,
                    b.data() + (from[1] + i * plan.row_step(1)) * inner * columns, false, c.data(), rows, inner,
                    columns);
            round_into(c, result.data() + (offset + i) * rows * columns);
        }
    });
    return result;
}

Value gemm(const Gemm& op, const Inputs& in, const Shape& shape, const Wide* weights) {
    const Wide a = widen(*in[0]);
    const Wide own = weights == nullptr ? widen(*in[1]) : Wide{};
    const std::int64_t inner = shape_of(*in[0])[op.trans_a ? 0 : 1];
    std::vector<double> c(static_cast<std::size_t>(element_count(shape)));
    product(a.data(), op.trans_a, weights == nullptr ? own.data() : weights->data(), op.trans_b, c.data(), shape[0],
            inner, shape[1]);
    Tensor<float> result(shape);
    round_into(c, result.data());
    // The product is rounded before the addend joins it, so that Gemm equals MatMul followed by Mul and Add.
    if (op.alpha != 1.0F) {
        for (float& x : result) {
            x *= op.alpha;
        }
    }
    if (has(in, 2)) {
        Tensor<float> scratch;
        Tensor<float> addend = as_float(*in[2], scratch);
        if (op.beta != 1.0F) {
            for (float& x : addend) {
                x *= op.beta;
            }
        }
        const BroadcastPlan plan(shape, {&addend.shape()});
        plan.for_each_row([&](std::int64_t offset, const std::vector<std::int64_t>& from) {
            for (std::int64_t i = 0; i < plan.row_length(); ++i) {
                result[offset + i] += addend[from[0] + i * plan.row_step(0)];
            }
        });
    }
    return result;
}

Value xnor_popcount_matmul(const Inputs& in, const Shape& shape) {
    // Bits stand for -1 and +1; of K products, (sum + K) / 2 are +1.
    auto bipolar = [](const Value& value) {
        Tensor<float> scratch;
        Tensor<float> result = as_float(value, scratch);
        for (float& x : result) {
            x = 2.0F * x - 1.0F;
        }
        return Value(std::move(result));
    };
    const Value a = bipolar(*in[0]);
    const Value b = bipolar(*in[1]);
    Value result = matmul({&a, &b}, shape, nullptr);
    const auto inner = static_cast<float>(shape_of(*in[0]).back());
    for (float& x : std::get<Tensor<float>>(result)) {
        x = (x + inner) * 0.5F;
    }
    return result;
}

}  // namespace qloom::ir::kernels
