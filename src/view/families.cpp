#include "view/families.h"

#include <type_traits>

namespace qloom::view {
namespace {

template <class T, class... Group>
constexpr bool kOneOf = (std::is_same_v<T, Group> || ...);

template <class T>
constexpr std::string_view operator_family() {
    using namespace ir;  // NOLINT: the list is of nothing else
    if constexpr (kOneOf<T, Quant, BipolarQuant, Trunc, MultiThreshold, QuantizeLinear,
                         DequantizeLinear>) {
        return "quantiser";
    } else if constexpr (kOneOf<T, MatMul, Gemm, XnorPopcountMatMul, Conv, ConvTranspose>) {
        return "linear";
    } else if constexpr (kOneOf<T, BatchNormalization>) {
        return "normalisation";
    } else if constexpr (kOneOf<T, Unary, Parametric, Clip, PRelu>) {
        return "activation";
    } else if constexpr (kOneOf<T, Binary>) {
        return "elementwise";
    } else if constexpr (kOneOf<T, MaxPool, AveragePool, GlobalAveragePool, GlobalMaxPool,
                                QuantAvgPool2d, Reduce>) {
        return "pooling";
    } else if constexpr (kOneOf<T, Softmax, TopK, ArgMax>) {
        return "head";
    } else {
        return "movement";
    }
}

template <class T>
constexpr std::string_view layer_family() {
    using namespace network;  // NOLINT: the list is of nothing else
    if constexpr (kOneOf<T, Threshold, Lookup, Requantize>) {
        return "quantiser";
    } else if constexpr (kOneOf<T, MatrixVector, VectorVector>) {
        return "linear";
    } else if constexpr (kOneOf<T, ChannelAffine>) {
        return "normalisation";
    } else if constexpr (kOneOf<T, Add, Multiply>) {
        return "elementwise";
    } else if constexpr (kOneOf<T, WindowReduce, GlobalReduce>) {
        return "pooling";
    } else if constexpr (kOneOf<T, Argmax>) {
        return "head";
    } else {
        return "movement";
    }
}

}  // namespace

std::string_view family_of(const ir::Op& op) {
    return std::visit([]<class T>(const T&) { return operator_family<T>(); }, op);
}

std::string_view family_of(const network::LayerKind& kind) {
    return std::visit([]<class T>(const T&) { return layer_family<T>(); }, kind);
}

}  // namespace qloom::view
