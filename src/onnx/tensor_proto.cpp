#include "onnx/tensor_proto.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/codes/onnx.h"
#include "base/diagnostic.h"

namespace qloom::onnx {
namespace {

using ::onnx::TensorProto;

static_assert(std::endian::native == std::endian::little, "raw tensor data are little endian");

float half_to_float(std::uint16_t half) {
    const int exponent = (half >> 10) & 31;
    const auto mantissa = static_cast<float>(half & 1023);
    float value = 0.0F;
    if (exponent == 31) {
        value = mantissa == 0.0F ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
    } else if (exponent == 0) {
        value = std::ldexp(mantissa, -24);
    } else {
        value = std::ldexp(mantissa + 1024.0F, exponent - 25);
    }
    return (half & 0x8000) != 0 ? -value : value;
}

float bfloat_to_float(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

struct Source {
    const TensorProto& proto;
    const Shape& shape;
    std::size_t count;
    const std::string& where;
};

[[noreturn]] void size_error(const Source& source, const std::string& found) {
    throw Error(code::kInitializerSize, source.where,
                fmt::format("it announces the shape {} but holds {}", shape_text(source.shape), found),
                "the file is damaged or was cut off: export or download it again");
}

// Elements stored as raw bytes of type Raw, or one by one in a typed field; both are converted by `convert`.
template <class Raw, class Field, class Convert>
auto load(const Source& source, const Field& field, Convert convert) {
    using T = decltype(convert(Raw{}));
    const std::string& raw = source.proto.raw_data();
    if (source.proto.has_raw_data() && (!raw.empty() || field.empty())) {
        if (raw.size() / sizeof(Raw) < source.count || raw.size() != source.count * sizeof(Raw)) {
            size_error(source, fmt::format("{} bytes", raw.size()));
        }
        std::vector<T> values(source.count);
        if constexpr (std::is_same_v<T, Raw>) {
            if (source.count != 0) {
                std::memcpy(values.data(), raw.data(), raw.size());
            }
        } else {
            for (std::size_t i = 0; i < source.count; ++i) {
                Raw value;
                std::memcpy(&value, raw.data() + i * sizeof(Raw), sizeof(Raw));
                values[i] = convert(value);
            }
        }
        return Tensor<T>(source.shape, std::move(values));
    }
    if (static_cast<std::size_t>(field.size()) != source.count) {
        size_error(source, fmt::format("{} values", field.size()));
    }
    std::vector<T> values;
    values.reserve(source.count);
    for (const auto value : field) {
        values.push_back(convert(static_cast<Raw>(value)));
    }
    return Tensor<T>(source.shape, std::move(values));
}

std::int64_t widen(auto value) { return static_cast<std::int64_t>(value); }

}  // namespace

std::string data_type_name(std::int32_t data_type) {
    if (TensorProto::DataType_IsValid(data_type)) {
        return TensorProto::DataType_Name(static_cast<TensorProto::DataType>(data_type));
    }
    return fmt::format("number {}", data_type);
}

ir::ElementType element_type_of(std::int32_t data_type, const std::string& where) {
    switch (data_type) {
        case TensorProto::FLOAT:
        case TensorProto::DOUBLE:
        case TensorProto::FLOAT16:
        case TensorProto::BFLOAT16:
            return ir::ElementType::kFloat32;
        case TensorProto::INT8:
        case TensorProto::INT16:
        case TensorProto::INT32:
        case TensorProto::INT64:
        case TensorProto::UINT8:
        case TensorProto::UINT16:
        case TensorProto::UINT32:
        case TensorProto::UINT64:
            return ir::ElementType::kInt64;
        case TensorProto::BOOL:
            return ir::ElementType::kBool;
        default:
            throw Error(code::kElementType, where,
                        fmt::format("its element type is {}", data_type_name(data_type)),
                        "use floats, integers or bools");
    }
}

std::optional<IntType> integer_type_of(std::int32_t data_type) {
    switch (data_type) {
        case TensorProto::INT8: return IntType{8, true};
        case TensorProto::INT16: return IntType{16, true};
        case TensorProto::INT32: return IntType{32, true};
        case TensorProto::UINT8: return IntType{8, false};
        case TensorProto::UINT16: return IntType{16, false};
        case TensorProto::UINT32: return IntType{32, false};
        default: return std::nullopt;
    }
}

std::int32_t data_type_of(IntType type) {
    if (type.is_signed) {
        return type.bits <= 8    ? TensorProto::INT8
               : type.bits <= 16 ? TensorProto::INT16
               : type.bits <= 32 ? TensorProto::INT32
                                 : TensorProto::INT64;
    }
    return type.bits <= 8    ? TensorProto::UINT8
           : type.bits <= 16 ? TensorProto::UINT16
           : type.bits <= 32 ? TensorProto::UINT32
                             : TensorProto::UINT64;
}

ir::Value read_tensor(const TensorProto& proto, const std::string& where) {
    if (proto.data_location() == TensorProto::EXTERNAL || proto.external_data_size() > 0) {
        throw Error(code::kExternalData, where, "its data lie in another file",
                    "save the model with all its weights in one file");
    }
    const Shape shape(proto.dims().begin(), proto.dims().end());
    element_type_of(proto.data_type(), where);  // refuses types that cannot be carried
    constexpr std::int64_t kMost = std::int64_t{1} << 40;
    std::int64_t count = 1;
    for (const std::int64_t size : shape) {
        if (size < 0 || (size > 0 && count > kMost / size)) {
            throw Error(code::kInitializerSize, where, fmt::format("it announces the shape {}", shape_text(shape)),
                        "the file is damaged or was cut off: export or download it again");
        }
        count *= size;
    }
    const Source source{proto, shape, static_cast<std::size_t>(count), where};
    switch (proto.data_type()) {
        case TensorProto::FLOAT:
            return load<float>(source, proto.float_data(), [](float x) { return x; });
        case TensorProto::DOUBLE:
            return load<double>(source, proto.double_data(), [](double x) { return static_cast<float>(x); });
        case TensorProto::FLOAT16: return load<std::uint16_t>(source, proto.int32_data(), half_to_float);
        case TensorProto::BFLOAT16: return load<std::uint16_t>(source, proto.int32_data(), bfloat_to_float);
        case TensorProto::INT8: return load<std::int8_t>(source, proto.int32_data(), widen<std::int8_t>);
        case TensorProto::INT16: return load<std::int16_t>(source, proto.int32_data(), widen<std::int16_t>);
        case TensorProto::INT32: return load<std::int32_t>(source, proto.int32_data(), widen<std::int32_t>);
        case TensorProto::UINT8: return load<std::uint8_t>(source, proto.int32_data(), widen<std::uint8_t>);
        case TensorProto::UINT16: return load<std::uint16_t>(source, proto.int32_data(), widen<std::uint16_t>);
        case TensorProto::UINT32: return load<std::uint32_t>(source, proto.uint64_data(), widen<std::uint32_t>);
        case TensorProto::UINT64: return load<std::uint64_t>(source, proto.uint64_data(), widen<std::uint64_t>);
        case TensorProto::BOOL:
            return load<std::uint8_t>(source, proto.int32_data(),
                                      [](std::uint8_t x) { return std::int64_t{x != 0 ? 1 : 0}; });
        default:
            return load<std::int64_t>(source, proto.int64_data(), [](std::int64_t x) { return x; });
    }
}

namespace {

template <class T>
void append_raw(const ir::Value& value, std::string& raw) {
    std::visit([&](const auto& tensor) {
        raw.resize(tensor.values().size() * sizeof(T));
        for (std::size_t i = 0; i < tensor.values().size(); ++i) {
            const auto element = static_cast<T>(tensor.values()[i]);
            std::memcpy(raw.data() + i * sizeof(T), &element, sizeof(T));
        }
    }, value);
}

}  // namespace

void write_tensor(const ir::Value& value, const std::string& name, std::int32_t data_type, TensorProto& proto) {
    proto.set_name(name);
    proto.set_data_type(data_type);
    for (const std::int64_t size : ir::shape_of(value)) {
        proto.add_dims(size);
    }
    std::string& raw = *proto.mutable_raw_data();
    switch (data_type) {
        case TensorProto::FLOAT: append_raw<float>(value, raw); break;
        case TensorProto::INT8: append_raw<std::int8_t>(value, raw); break;
        case TensorProto::INT16: append_raw<std::int16_t>(value, raw); break;
        case TensorProto::INT32: append_raw<std::int32_t>(value, raw); break;
        case TensorProto::INT64: append_raw<std::int64_t>(value, raw); break;
        case TensorProto::UINT8: append_raw<std::uint8_t>(value, raw); break;
        case TensorProto::UINT16: append_raw<std::uint16_t>(value, raw); break;
        case TensorProto::UINT32: append_raw<std::uint32_t>(value, raw); break;
        case TensorProto::UINT64: append_raw<std::uint64_t>(value, raw); break;
        case TensorProto::BOOL: append_raw<std::uint8_t>(value, raw); break;
        default: QLOOM_ASSERT(false, "the writer uses only standard types");
    }
}

}  // namespace qloom::onnx
