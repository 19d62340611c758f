#include "data/npz.h"

#include <zlib.h>

#include "base/diagnostic.h"
#include "data/read_bytes.h"

// The archive is read by its central directory, from the end of the file (APPNOTE.TXT 6.3,
// sections 4.3.12 and 4.3.16): local headers may leave sizes to a descriptor behind the data.
namespace qloom::data {
namespace {

constexpr std::uint32_t kEndMark = 0x06054b50;
constexpr std::uint32_t kEntryMark = 0x02014b50;
constexpr std::uint32_t kLocalMark = 0x04034b50;
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kEntrySize = 46;
constexpr std::size_t kLocalSize = 30;
constexpr std::uint32_t kMaximalExpansion = 1032;  // of deflate

class Archive {
public:
    Archive(std::span<const std::uint8_t> bytes, const std::string& where)
        : bytes_(bytes), where_(where) {}

    std::map<std::string, NpyArray> read() const {
        const std::size_t end = find_end();
        const std::uint32_t entries = number(end + 10, 2);
        std::size_t at = number(end + 16, 4);
        std::map<std::string, NpyArray> result;
        for (std::uint32_t i = 0; i < entries; ++i) {
            need(at, kEntrySize);
            if (number(at, 4) != kEntryMark) {
                corrupt_file(where_, "the directory of the archive is damaged");
            }
            const std::size_t name_length = number(at + 28, 2);
            need(at + kEntrySize, name_length);
            std::string name(reinterpret_cast<const char*>(bytes_.data()) + at + kEntrySize,
                             name_length);
            const std::string content = contents(at, name);
            if (name.ends_with(".npy")) {
                name.resize(name.size() - 4);
            }
            result.emplace(name, parse_npy(content, fmt::format("{}: {}", where_, name)));
            at += kEntrySize + name_length + number(at + 30, 2) + number(at + 32, 2);
        }
        return result;
    }

private:
    void need(std::size_t at, std::size_t count) const {
        if (at > bytes_.size() || count > bytes_.size() - at) {
            corrupt_file(where_, "the archive ends too early");
        }
    }

    std::uint32_t number(std::size_t at, std::size_t count) const {
        need(at, count);
        std::uint32_t value = 0;
        for (std::size_t i = count; i > 0; --i) {
            value = value << 8U | bytes_[at + i - 1];
        }
        return value;
    }

    // The end record is the last thing but a comment.
    std::size_t find_end() const {
        for (std::size_t back = kEndSize; back <= bytes_.size() && back < kEndSize + 65536;
             ++back) {
            if (number(bytes_.size() - back, 4) == kEndMark) {
                return bytes_.size() - back;
            }
        }
        corrupt_file(where_, "this is not a .npz file (a zip archive)");
    }

    std::string contents(std::size_t entry, const std::string& name) const {
        const std::uint32_t method = number(entry + 10, 2);
        const std::uint32_t checksum = number(entry + 16, 4);
        const std::uint32_t packed = number(entry + 20, 4);
        const std::uint32_t size = number(entry + 24, 4);
        const std::size_t local = number(entry + 42, 4);
        if (size == UINT32_MAX || (number(entry + 8, 2) & 1U) != 0 ||
            (method != 0 && method != 8)) {
            corrupt_file(where_,
                         fmt::format("{} is encrypted, larger than 4 GiB or packed by method {}",
                                     name, method));
        }
        if (number(local, 4) != kLocalMark) {
            corrupt_file(where_, fmt::format("{} is not where the directory says", name));
        }
        const std::size_t begin =
            local + kLocalSize + number(local + 26, 2) + number(local + 28, 2);
        need(begin, packed);
        if ((method == 0 && size != packed) || size / kMaximalExpansion > packed) {
            corrupt_file(where_, fmt::format("{} announces more data than it holds", name));
        }
        std::string result(size, '\0');
        if (method == 0) {
            std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(begin), size, result.begin());
        } else {
            inflate_raw(bytes_.subspan(begin, packed), result, name);
        }
        if (crc32_z(0, reinterpret_cast<const Bytef*>(result.data()), result.size()) != checksum) {
            corrupt_file(where_, fmt::format("the checksum of {} is wrong", name));
        }
        return result;
    }

    void inflate_raw(std::span<const std::uint8_t> packed, std::string& target,
                     const std::string& name) const {
        z_stream stream{};
        const int started = inflateInit2(&stream, -MAX_WBITS);
        QLOOM_ASSERT(started == Z_OK, "zlib starts");
        stream.next_in = const_cast<Bytef*>(packed.data());  // zlib's interface is older than const
        stream.avail_in = static_cast<uInt>(packed.size());
        stream.next_out = reinterpret_cast<Bytef*>(target.data());
        stream.avail_out = static_cast<uInt>(target.size());
        const int status = inflate(&stream, Z_FINISH);
        const bool whole = status == Z_STREAM_END && stream.total_out == target.size();
        inflateEnd(&stream);
        if (!whole) {
            corrupt_file(where_, fmt::format("the data of {} are damaged", name));
        }
    }

    std::span<const std::uint8_t> bytes_;
    const std::string& where_;
};

}  // namespace

std::map<std::string, NpyArray> parse_npz(std::span<const std::uint8_t> bytes,
                                          const std::string& where) {
    return Archive(bytes, where).read();
}

std::map<std::string, NpyArray> read_npz(const std::string& file) {
    return parse_npz(read_bytes(file), file);
}

}  // namespace qloom::data
