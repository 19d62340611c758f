#include "train/checkpoint.h"

#include <zlib.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/codes/base.h"
#include "base/codes/train.h"
#include "base/diagnostic.h"

// The file: 8 bytes of magic, the fields in order (numbers in the machine's byte order, arrays as
// count and elements), and the CRC-32 of everything before it. It lives as long as one training on
// one machine, so nothing more is needed.
namespace qloom::train {
namespace {

constexpr std::string_view kMagic = "qloomck2";
constexpr const char* kStartAnew = "start anew with --restart, or remove this file";

class Writer {
public:
    template <class T>
    void value(const T& item) {
        static_assert(std::is_trivially_copyable_v<T>);
        bytes_.append(reinterpret_cast<const char*>(&item), sizeof item);
    }
    void text(std::string_view string) {
        value(string.size());
        bytes_.append(string);
    }
    template <class T>
    void array(const std::vector<T>& items) {
        static_assert(std::is_trivially_copyable_v<T>);
        value(items.size());
        bytes_.append(reinterpret_cast<const char*>(items.data()), items.size() * sizeof(T));
    }
    std::string& bytes() { return bytes_; }

private:
    std::string bytes_;
};

// Reads what Writer wrote; every read checks that enough is left.
class Reader {
public:
    Reader(std::string_view bytes, std::string where) : bytes_(bytes), where_(std::move(where)) {}

    [[noreturn]] void corrupt() const {
        throw Error(code::kCheckpointCorrupt, where_, "the checkpoint is damaged", kStartAnew);
    }
    std::string_view take(std::size_t count) {
        if (count > bytes_.size()) {
            corrupt();
        }
        const std::string_view result = bytes_.substr(0, count);
        bytes_.remove_prefix(count);
        return result;
    }
    template <class T>
    T value() {
        T item{};
        std::memcpy(&item, take(sizeof item).data(), sizeof item);
        return item;
    }
    std::string text() { return std::string(take(value<std::size_t>())); }
    template <class T>
    std::vector<T> array() {
        const auto count = value<std::size_t>();
        if (count > bytes_.size() / sizeof(T)) {
            corrupt();
        }
        std::vector<T> items(count);
        if (count > 0) {
            std::memcpy(items.data(), take(count * sizeof(T)).data(), count * sizeof(T));
        }
        return items;
    }
    [[nodiscard]] bool at_end() const { return bytes_.empty(); }

private:
    std::string_view bytes_;
    std::string where_;
};

void write_state(Writer& writer, const State& state) {
    writer.value(state.size());
    for (const NamedArray& array : state) {
        writer.text(array.name);
        writer.array(array.value.shape());
        writer.array(array.value.values());
    }
}

State read_state(Reader& reader) {
    State state;
    const auto arrays = reader.value<std::size_t>();
    for (std::size_t i = 0; i < arrays; ++i) {
        NamedArray array;
        array.name = reader.text();
        Shape shape = reader.array<std::int64_t>();
        std::vector<float> values = reader.array<float>();
        if (element_count(shape) != static_cast<std::int64_t>(values.size())) {
            reader.corrupt();
        }
        array.value = Tensor<float>(std::move(shape), std::move(values));
        state.push_back(std::move(array));
    }
    return state;
}

std::uint32_t checksum(std::string_view bytes) {
    return static_cast<std::uint32_t>(
        crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

[[noreturn]] void throw_unwritable(const std::filesystem::path& path) {
    throw Error(code::kOutputUnwritable, path.string(),
                fmt::format("cannot be written ({})", std::strerror(errno)),
                "choose an output folder you may write to, on a disk with room");
}

// Writes and waits until the bytes are on the disk, so that the rename after it never overtakes
// them. Messages name `shown`.
void write_durably(const std::filesystem::path& path, std::string_view bytes,
                   const std::filesystem::path& shown) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0) {
        throw_unwritable(shown);
    }
    bool good = true;
    while (good && !bytes.empty()) {
        const ssize_t count = ::write(file, bytes.data(), bytes.size());
        if (count > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(count));
        } else {
            good = count < 0 && errno == EINTR;
        }
    }
    good = good && ::fsync(file) == 0;
    const int error = errno;
    ::close(file);
    if (!good) {
        ::unlink(path.c_str());
        errno = error;
        throw_unwritable(shown);
    }
}

}  // namespace

void throw_foreign(const std::filesystem::path& path) {
    throw Error(code::kCheckpointForeign, path.string(),
                "the checkpoint a stopped run left here belongs to another training (other "
                "recipe, epochs or seed)",
                kStartAnew);
}

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
    Writer writer;
    writer.bytes() += kMagic;
    writer.text(checkpoint.fingerprint);
    writer.value(checkpoint.optimiser_steps);
    writer.array(checkpoint.first_moment);
    writer.array(checkpoint.second_moment);
    writer.array(checkpoint.epochs);
    write_state(writer, checkpoint.state);
    write_state(writer, checkpoint.best);
    writer.value(checksum(writer.bytes()));
    const std::filesystem::path fresh = path.string() + ".new";
    write_durably(fresh, writer.bytes(), path);
    std::error_code error;
    std::filesystem::rename(fresh, path, error);
    if (error) {
        errno = error.value();
        throw_unwritable(path);
    }
}

std::string checkpoint_bytes(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::optional<Checkpoint> read_checkpoint(const std::filesystem::path& path,
                                          const std::string& fingerprint) {
    std::error_code error;
    if (!std::filesystem::exists(path, error)) {
        return std::nullopt;
    }
    return parse_checkpoint(checkpoint_bytes(path), path, fingerprint);
}

Checkpoint parse_checkpoint(std::string_view bytes, const std::filesystem::path& path,
                            const std::string& fingerprint) {
    Reader reader(bytes, path.string());
    if (bytes.size() < kMagic.size() + sizeof(std::uint32_t) ||
        reader.take(kMagic.size()) != kMagic) {
        reader.corrupt();
    }
    const std::string_view covered = bytes.substr(0, bytes.size() - sizeof(std::uint32_t));
    std::uint32_t expected = 0;
    std::memcpy(&expected, bytes.data() + covered.size(), sizeof expected);
    if (checksum(covered) != expected) {
        reader.corrupt();
    }
    Checkpoint result;
    result.fingerprint = reader.text();
    if (result.fingerprint != fingerprint) {
        throw_foreign(path);
    }
    result.optimiser_steps = reader.value<std::int64_t>();
    result.first_moment = reader.array<float>();
    result.second_moment = reader.array<float>();
    result.epochs = reader.array<EpochMetrics>();
    result.state = read_state(reader);
    result.best = read_state(reader);
    return result;
}

}  // namespace qloom::train
