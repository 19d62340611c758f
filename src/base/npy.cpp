#include "base/npy.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>

#include "base/codes/base.h"
#include "base/diagnostic.h"

namespace qloom {
namespace {

static_assert(std::endian::native == std::endian::little, "arrays are copied as little endian");

constexpr std::string_view kMagic = "\x93NUMPY";

[[noreturn]] void bad_format(const std::string& name, const std::string& what) {
    throw Error(code::kNpyFormat, name, what, "save it again with numpy.save");
}

struct Header {
    char kind = 'f';  // f, i, u or b
    std::size_t size = 4;
    bool big_endian = false;
    bool fortran_order = false;
    Shape shape;
};

// The value of `key` in the header's Python dictionary, up to the comma or bracket that ends it.
std::string_view dictionary_value(std::string_view text, std::string_view key, const std::string& name) {
    for (const char quote : {'\'', '"'}) {
        const std::string quoted = fmt::format("{0}{1}{0}", quote, key);
        const std::size_t at = text.find(quoted);
        if (at == std::string_view::npos) {
            continue;
        }
        std::size_t begin = text.find(':', at + quoted.size());
        if (begin == std::string_view::npos) {
            break;
        }
        begin = text.find_first_not_of(' ', begin + 1);
        if (begin == std::string_view::npos) {
            break;
        }
        const std::size_t end = text[begin] == '(' ? text.find(')', begin) : text.find_first_of(",}", begin);
        if (end == std::string_view::npos) {
            break;
        }
        return text.substr(begin, end - begin);
    }
    bad_format(name, fmt::format("its header does not name '{}'", key));
}

Header parse_header(std::string_view text, const std::string& name) {
    Header header;
    const std::string_view descr = dictionary_value(text, "descr", name);
    if (descr.size() < 5 || (descr.front() != '\'' && descr.front() != '"') || descr.back() != descr.front()) {
        throw Error(code::kNpyType, name, fmt::format("its element type is {}", descr),
                    "save plain numbers: float32, float64, bool or integers");
    }
    const std::string_view type = descr.substr(1, descr.size() - 2);
    header.big_endian = type[0] == '>';
    header.kind = type[1];
    header.size = type.size() == 3 ? static_cast<std::size_t>(type[2] - '0') : 0;
    const bool known = header.kind == 'f' ? header.size == 2 || header.size == 4 || header.size == 8
                       : header.kind == 'b'
                           ? header.size == 1
                           : (header.kind == 'i' || header.kind == 'u') &&
                                 (header.size == 1 || header.size == 2 || header.size == 4 || header.size == 8);
    if (!known || std::string_view("<>|=").find(type[0]) == std::string_view::npos) {
        throw Error(code::kNpyType, name, fmt::format("its element type is {}", descr),
                    "save plain numbers: float32, float64, bool or integers");
    }
    const std::string_view order = dictionary_value(text, "fortran_order", name);
    if (order != "True" && order != "False") {
        bad_format(name, "its header's fortran_order is neither True nor False");
    }
    header.fortran_order = order == "True";
    std::string_view shape = dictionary_value(text, "shape", name);
    if (shape.empty() || shape.front() != '(') {
        bad_format(name, "its header's shape is not a tuple");
    }
    shape.remove_prefix(1);
    while (true) {
        const std::size_t begin = shape.find_first_not_of(" ,");
        if (begin == std::string_view::npos) {
            break;
        }
        shape.remove_prefix(begin);
        std::int64_t size = 0;
        const auto [end, problem] = std::from_chars(shape.data(), shape.data() + shape.size(), size);
        if (problem != std::errc() || size < 0) {
            bad_format(name, "its header's shape is not a tuple of sizes");
        }
        shape.remove_prefix(static_cast<std::size_t>(end - shape.data()));
        header.shape.push_back(size);
        if (header.shape.size() > 32) {
            bad_format(name, "its header names more than 32 axes");
        }
    }
    return header;
}

// The number of elements, or nothing when it does not fit.
std::optional<std::int64_t> count_of(const Shape& shape) {
    std::int64_t count = 1;
    for (const std::int64_t size : shape) {
        if (size != 0 && count > std::numeric_limits<std::int64_t>::max() / 16 / size) {
            return std::nullopt;
        }
        count *= size;
    }
    return count;
}

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

// Reads elements of type T in file order and hands them on.
template <class T, class Convert>
auto load(std::string_view data, std::size_t count, bool big_endian, Convert convert) {
    std::vector<decltype(convert(T{}))> result(count);
    for (std::size_t i = 0; i < count; ++i) {
        char bytes[sizeof(T)];
        std::memcpy(bytes, data.data() + i * sizeof(T), sizeof(T));
        if (big_endian) {
            std::reverse(bytes, bytes + sizeof(T));
        }
        T value;
        std::memcpy(&value, bytes, sizeof(T));
        result[i] = convert(value);
    }
    return result;
}

template <class T>
Tensor<T> ordered(Shape shape, std::vector<T> values, bool fortran_order) {
    if (!fortran_order || shape.size() < 2 || values.empty()) {
        return Tensor<T>(std::move(shape), std::move(values));
    }
    // Element (i, j, ...) lies at i + j * shape[0] + ...: step through in C order.
    Tensor<T> result(shape);
    std::vector<std::int64_t> position(shape.size(), 0);
    std::vector<std::int64_t> strides(shape.size(), 1);
    for (std::size_t axis = 1; axis < shape.size(); ++axis) {
        strides[axis] = strides[axis - 1] * shape[axis - 1];
    }
    std::int64_t from = 0;
    for (std::int64_t to = 0; to < result.size(); ++to) {
        result[to] = values[static_cast<std::size_t>(from)];
        for (std::size_t axis = shape.size(); axis-- > 0;) {
            from += strides[axis];
            if (++position[axis] < shape[axis]) {
                break;
            }
            from -= strides[axis] * shape[axis];
            position[axis] = 0;
        }
    }
    return result;
}

template <class T>
NpyArray load_integers(std::string_view data, std::size_t count, const Header& header, const std::string& name) {
    auto values = load<T>(data, count, header.big_endian, [&name](T value) {
        if constexpr (std::is_same_v<T, std::uint64_t>) {
            if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
                throw Error(code::kNpyType, name, fmt::format("it holds {}, beyond the range of int64", value),
                            "save smaller integers");
            }
        }
        return static_cast<std::int64_t>(value);
    });
    return ordered(header.shape, std::move(values), header.fortran_order);
}

template <class T, class Convert>
NpyArray load_floats(std::string_view data, std::size_t count, const Header& header, Convert convert) {
    return ordered(header.shape, load<T>(data, count, header.big_endian, convert), header.fortran_order);
}

std::string_view type_name(NpyType type) {
    switch (type) {
        case NpyType::kFloat32: return "<f4";
        case NpyType::kInt64: return "<i8";
        case NpyType::kInt32: return "<i4";
        case NpyType::kInt16: return "<i2";
        case NpyType::kInt8: return "|i1";
        case NpyType::kUint8: return "|u1";
        case NpyType::kBool: return "|b1";
    }
    return "";
}

template <class T, class Source>
void append_as(std::string& bytes, const std::vector<Source>& values) {
    for (const Source value : values) {
        const auto narrow = static_cast<T>(value);
        if constexpr (std::is_integral_v<T>) {
            QLOOM_ASSERT(static_cast<Source>(narrow) == value, "the value fits the type of the file");
        }
        const std::size_t at = bytes.size();
        bytes.resize(at + sizeof(T));
        std::memcpy(bytes.data() + at, &narrow, sizeof(T));
    }
}

}  // namespace

NpyArray parse_npy(std::string_view bytes, const std::string& name) {
    if (bytes.empty()) {
        bad_format(name, "the file is empty");
    }
    if (!bytes.starts_with(kMagic)) {
        bad_format(name, bytes.starts_with("PK") ? "this is a zip archive (.npz), not a .npy file"
                                                 : "this is not a .npy file (it does not begin with \\x93NUMPY)");
    }
    if (bytes.size() < 10) {
        bad_format(name, "the file ends inside its header");
    }
    const int major = static_cast<unsigned char>(bytes[6]);
    if (major < 1 || major > 3) {
        bad_format(name, fmt::format("its format version is {}, known are 1 to 3", major));
    }
    const std::size_t length_bytes = major == 1 ? 2 : 4;
    std::size_t header_length = 0;
    const std::size_t header_begin = 8 + length_bytes;
    if (bytes.size() >= header_begin) {
        for (std::size_t i = 0; i < length_bytes; ++i) {
            header_length |= static_cast<std::size_t>(static_cast<unsigned char>(bytes[8 + i])) << (8 * i);
        }
    }
    if (bytes.size() < header_begin || bytes.size() - header_begin < header_length) {
        bad_format(name, "the file ends inside its header");
    }
    const Header header = parse_header(bytes.substr(header_begin, header_length), name);
    const std::string_view data = bytes.substr(header_begin + header_length);
    const std::optional<std::int64_t> count = count_of(header.shape);
    if (!count || static_cast<std::size_t>(*count) > data.size() / header.size ||
        static_cast<std::size_t>(*count) * header.size != data.size()) {
        throw Error(code::kNpySize, name,
                    fmt::format("its shape {} of {}-byte values does not match the {} bytes of data",
                                shape_text(header.shape), header.size, data.size()),
                    "the file is cut off or damaged: save it again with numpy.save");
    }
    const auto n = static_cast<std::size_t>(*count);
    switch (header.kind) {
        case 'f':
            if (header.size == 2) {
                return load_floats<std::uint16_t>(data, n, header, half_to_float);
            }
            if (header.size == 4) {
                return load_floats<float>(data, n, header, [](float x) { return x; });
            }
            return load_floats<double>(data, n, header, [](double x) { return static_cast<float>(x); });
        case 'u':
            switch (header.size) {
                case 1: return load_integers<std::uint8_t>(data, n, header, name);
                case 2: return load_integers<std::uint16_t>(data, n, header, name);
                case 4: return load_integers<std::uint32_t>(data, n, header, name);
                default: return load_integers<std::uint64_t>(data, n, header, name);
            }
        case 'b':
            return ordered(header.shape,
                           load<std::uint8_t>(data, n, false,
                                              [](std::uint8_t x) { return std::int64_t{x != 0 ? 1 : 0}; }),
                           header.fortran_order);
        default:
            switch (header.size) {
                case 1: return load_integers<std::int8_t>(data, n, header, name);
                case 2: return load_integers<std::int16_t>(data, n, header, name);
                case 4: return load_integers<std::int32_t>(data, n, header, name);
                default: return load_integers<std::int64_t>(data, n, header, name);
            }
    }
}

NpyArray read_npy(const std::filesystem::path& path) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) {
        throw Error(code::kNpyUnreadable, path.string(), "this is a folder", "name a .npy file");
    }
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw Error(code::kNpyUnreadable, path.string(), fmt::format("cannot be opened: {}", std::strerror(errno)),
                    "name an existing .npy file");
    }
    const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    return parse_npy(bytes, path.string());
}

std::string serialise_npy(const NpyArray& array, NpyType type) {
    const Shape& shape = std::visit([](const auto& x) -> const Shape& { return x.shape(); }, array);
    const std::string sizes = shape.size() == 1 ? fmt::format("({},)", shape[0])
                                                : fmt::format("({})", fmt::join(shape, ", "));
    std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", type_name(type), sizes);
    // NumPy pads with spaces and a line feed so that the data start at a multiple of 64 bytes.
    while ((kMagic.size() + 4 + header.size() + 1) % 64 != 0) {
        header += ' ';
    }
    header += '\n';
    std::string bytes(kMagic);
    bytes += '\x01';
    bytes += '\x00';
    bytes += static_cast<char>(header.size() & 0xFF);
    bytes += static_cast<char>(header.size() >> 8);
    bytes += header;
    std::visit([&](const auto& x) {
        switch (type) {
            case NpyType::kFloat32: append_as<float>(bytes, x.values()); break;
            case NpyType::kInt64: append_as<std::int64_t>(bytes, x.values()); break;
            case NpyType::kInt32: append_as<std::int32_t>(bytes, x.values()); break;
            case NpyType::kInt16: append_as<std::int16_t>(bytes, x.values()); break;
            case NpyType::kInt8: append_as<std::int8_t>(bytes, x.values()); break;
            case NpyType::kUint8: append_as<std::uint8_t>(bytes, x.values()); break;
            case NpyType::kBool: append_as<std::uint8_t>(bytes, x.values()); break;
        }
    }, array);
    return bytes;
}

std::string serialise_npy(const NpyArray& array) {
    return serialise_npy(array, std::holds_alternative<Tensor<float>>(array) ? NpyType::kFloat32 : NpyType::kInt64);
}

void write_npy(const std::filesystem::path& path, const NpyArray& array, NpyType type) {
    const std::string bytes = serialise_npy(array, type);
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file) {
        throw Error(code::kNpyUnwritable, path.string(), fmt::format("cannot be written: {}", std::strerror(errno)),
                    "name a file in a folder that exists and that you may write to");
    }
}

void write_npy(const std::filesystem::path& path, const NpyArray& array) {
    write_npy(path, array, std::holds_alternative<Tensor<float>>(array) ? NpyType::kFloat32 : NpyType::kInt64);
}

}  // namespace qloom
