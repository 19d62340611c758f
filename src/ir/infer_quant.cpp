// Shapes and parameter checks of the quantisers and the elementwise operators.
#include <cmath>

#include "base/codes/ir.h"
#include "ir/broadcast.h"
#include "ir/infer_rules.h"

namespace qloom::ir::rules {
namespace {

void check_parameter_shape(const Inputs& in, std::size_t i, const char* name) {
    if (!broadcasts_into(in.shape(i), in.shape(0))) {
        in.mismatch(fmt::format("its {} has shape {}, the data {}", name, shape_text(in.shape(i)),
                                shape_text(in.shape(0))),
                    "give one value in all, or one a channel shaped to broadcast");
    }
}

}  // namespace

void check_scale(const Inputs& in, std::size_t i, const char* name) {
    if (in[i].value == nullptr) {
        return;
    }
    for (const float value : in.floats(i, name)) {
        if (!(value > 0.0F) || !std::isfinite(value)) {
            throw Error(code::kQuantParameter, in.where(), fmt::format("its {} is {}", name, value),
                        "a scale must be a positive finite number; check the quantiser's statistics in training");
        }
    }
}

void check_zero_point(const Inputs& in, std::size_t i) {
    if (in[i].value == nullptr) {
        return;
    }
    for (const float value : in.floats(i, "zero point")) {
        if (!std::isfinite(value) || std::abs(value) > 4294967296.0F) {
            throw Error(code::kQuantParameter, in.where(), fmt::format("its zero point is {}", value),
                        "a zero point must be an integer that the bit width can hold");
        }
    }
}

void check_bits(const Inputs& in, std::size_t i, const char* name) {
    if (element_count(in.shape(i)) != 1) {
        throw Error(code::kQuantParameter, in.where(),
                    fmt::format("its {} has shape {}", name, shape_text(in.shape(i))),
                    "give one bit width for the whole tensor");
    }
    if (in[i].value == nullptr) {
        return;
    }
    const float bits = in.floats(i, name).front();
    if (!(bits >= 1.0F && bits <= 32.0F) || bits != std::floor(bits)) {
        throw Error(code::kQuantParameter, in.where(), fmt::format("its {} is {}", name, bits),
                    "a bit width must be a whole number from 1 to 32");
    }
}

Results quant(const Quant& op, const Inputs& in) {
    check_parameter_shape(in, 1, "scale");
    check_parameter_shape(in, 2, "zero point");
    check_scale(in, 1, "scale");
    check_zero_point(in, 2);
    check_bits(in, 3, "bit width");
    if (op.narrow && !op.is_signed && in[3].value != nullptr && in.floats(3, "bit width").front() == 1.0F) {
        throw Error(code::kQuantParameter, in.where(), "it is unsigned, narrow and has 1 bit: its only value is 0",
                    "export it without narrow range, or with more bits");
    }
    return float_result(in.shape(0));
}

Results bipolar_quant(const Inputs& in) {
    check_parameter_shape(in, 1, "scale");
    check_scale(in, 1, "scale");
    return float_result(in.shape(0));
}

Results trunc(const Trunc& op, const Inputs& in) {
    check_parameter_shape(in, 1, "scale");
    check_parameter_shape(in, 2, "zero point");
    check_scale(in, 1, "scale");
    check_zero_point(in, 2);
    check_bits(in, 3, "input bit width");
    if (op.version != 1) {
        check_parameter_shape(in, 4, "output scale");
        check_scale(in, 4, "output scale");
    }
    check_bits(in, op.version == 1 ? 4 : 5, "output bit width");
    return float_result(in.shape(0));
}

Results multi_threshold(const MultiThreshold& op, const Inputs& in) {
    in.require_rank(0, 1);
    in.require_rank(1, 2, 2);
    // QONNX reads only two and four axes as (N, C, ...); anything else has its channels last.
    const bool last = op.channels_last || (in.rank(0) != 2 && in.rank(0) != 4);
    const std::int64_t channels = last ? in.shape(0).back() : in.shape(0)[1];
    if (in.shape(1)[0] != 1 && in.shape(1)[0] != channels) {
        in.mismatch(fmt::format("it has thresholds {} for data {} with {} channels", shape_text(in.shape(1)),
                                shape_text(in.shape(0)), channels),
                    "give one row of thresholds, or one a channel");
    }
    return float_result(in.shape(0));
}

Results quantize_linear(std::int64_t axis, const Inputs& in) {
    const Shape& scale = in.shape(1);
    if (element_count(scale) != 1) {
        const std::int64_t a = in.axis(axis, in.rank(0));
        if (scale.size() != 1 || scale[0] != in.shape(0)[static_cast<std::size_t>(a)]) {
            in.mismatch(fmt::format("its scale has shape {}, axis {} of the data {}", shape_text(scale), a,
                                    shape_text(in.shape(0))),
                        "give one scale in all, or one a slice along the axis");
        }
    }
    if (in.has(2) && element_count(in.shape(2)) != element_count(scale)) {
        in.mismatch(fmt::format("its zero point has shape {}, its scale {}", shape_text(in.shape(2)),
                                shape_text(scale)));
    }
    check_scale(in, 1, "scale");
    if (in.has(2)) {
        check_zero_point(in, 2);
    }
    return float_result(in.shape(0));
}

Results unary(const Unary& op, const Inputs& in) {
    ElementType type = in[0].type;
    switch (op.kind) {
        case UnaryKind::kIdentity:
        case UnaryKind::kRelu:
        case UnaryKind::kAbs:
        case UnaryKind::kNeg:
        case UnaryKind::kFloor:
        case UnaryKind::kCeil:
        case UnaryKind::kRound:
        case UnaryKind::kSign:
            break;
        case UnaryKind::kNot:
            type = ElementType::kBool;
            break;
        case UnaryKind::kSigmoid:
        case UnaryKind::kTanh:
        case UnaryKind::kSqrt:
        case UnaryKind::kExp:
        case UnaryKind::kLog:
        case UnaryKind::kReciprocal:
        case UnaryKind::kErf:
        case UnaryKind::kSoftplus:
        case UnaryKind::kSoftsign:
        case UnaryKind::kHardSwish:
            type = ElementType::kFloat32;
            break;
    }
    return {{type, in.shape(0), nullptr}};
}

Results binary(const Inputs& in) {
    std::optional<Shape> shape = broadcast_shapes(in.shape(0), in.shape(1));
    if (!shape) {
        in.mismatch(fmt::format("its operands have shapes {} and {}, which do not broadcast", shape_text(in.shape(0)),
                                shape_text(in.shape(1))));
    }
    const bool real = in[0].type == ElementType::kFloat32 || in[1].type == ElementType::kFloat32;
    return {{real ? ElementType::kFloat32 : ElementType::kInt64, std::move(*shape), nullptr}};
}

Results clip(const Inputs& in) {
    for (std::size_t i = 1; i < 3; ++i) {
        if (in.has(i) && element_count(in.shape(i)) != 1) {
            in.mismatch(fmt::format("a limit has shape {}", shape_text(in.shape(i))), "a limit is one number");
        }
    }
    return {{in[0].type, in.shape(0), nullptr}};
}

Results prelu(const Inputs& in) {
    if (!broadcasts_into(in.shape(1), in.shape(0))) {
        in.mismatch(fmt::format("its slope has shape {}, the data {}", shape_text(in.shape(1)),
                                shape_text(in.shape(0))));
    }
    return float_result(in.shape(0));
}

}  // namespace qloom::ir::rules
