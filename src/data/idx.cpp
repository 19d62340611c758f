#include "data/idx.h"

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <limits>

#include "base/diagnostic.h"
#include "data/read_bytes.h"

namespace qloom::data {
namespace {

constexpr std::size_t kMaximalRank = 8;
// Deflate cannot make more than 1032 bytes of one; a header that asks for more than that is
// damaged.
constexpr std::size_t kMaximalExpansion = 1032;

// A byte stream out of plain or gzipped memory; the checksum of a gzip member is checked when its
// end is reached.
class Source {
public:
    Source(std::span<const std::uint8_t> bytes, const std::string& where)
        : bytes_(bytes), where_(where) {
        gzipped_ = bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
        if (gzipped_) {
            // 16 + 15: a gzip wrapper and the largest window.
            const int status = inflateInit2(&stream_, 16 + MAX_WBITS);
            QLOOM_ASSERT(status == Z_OK, "zlib starts");
            // zlib's interface is older than const; it does not write to its input.
            stream_.next_in = const_cast<Bytef*>(bytes.data());
            stream_.avail_in = static_cast<uInt>(bytes.size());
        }
    }
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    ~Source() {
        if (gzipped_) {
            inflateEnd(&stream_);
        }
    }

    // Fills as much of `target` as there is; returns the number of bytes.
    std::size_t read(std::span<std::uint8_t> target) {
        if (!gzipped_) {
            const std::size_t count = std::min(target.size(), bytes_.size() - position_);
            std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(position_), count,
                        target.begin());
            position_ += count;
            return count;
        }
        std::size_t done = 0;
        while (done < target.size() && !ended_) {
            const std::size_t chunk =
                std::min<std::size_t>(target.size() - done, std::size_t{1} << 30U);
            stream_.next_out = target.data() + done;
            stream_.avail_out = static_cast<uInt>(chunk);
            const int status = inflate(&stream_, Z_NO_FLUSH);
            done += chunk - stream_.avail_out;
            if (status == Z_STREAM_END) {
                ended_ = true;
            } else if (status == Z_BUF_ERROR ||
                       (status == Z_OK && stream_.avail_in == 0 && stream_.avail_out > 0)) {
                corrupt_file(where_, "the gzip stream ends too early");
            } else if (status != Z_OK) {
                corrupt_file(where_, "the gzip stream is damaged");
            }
        }
        return done;
    }

    // The most bytes that can follow.
    [[nodiscard]] std::size_t most_left() const {
        return gzipped_ ? (bytes_.size() + 1) * kMaximalExpansion : bytes_.size() - position_;
    }

private:
    std::span<const std::uint8_t> bytes_;
    const std::string& where_;
    bool gzipped_ = false;
    bool ended_ = false;
    std::size_t position_ = 0;
    z_stream stream_{};
};

std::size_t big_endian(std::span<const std::uint8_t> bytes) {
    std::size_t value = 0;
    for (const std::uint8_t byte : bytes) {
        value = value << 8U | byte;
    }
    return value;
}

}  // namespace

Tensor<std::uint8_t> parse_idx(std::span<const std::uint8_t> bytes, const std::string& where) {
    if (bytes.size() > std::numeric_limits<uInt>::max()) {
        corrupt_file(where, "the file is larger than 4 GiB");
    }
    Source source(bytes, where);
    std::uint8_t magic[4] = {};
    if (source.read(magic) != 4 || magic[0] != 0 || magic[1] != 0) {
        corrupt_file(where, "this is not an idx file");
    }
    if (magic[2] != 0x08) {
        corrupt_file(
            where, fmt::format("element type 0x{:02x} of the idx file is not unsigned byte (0x08)",
                               magic[2]));
    }
    const std::size_t rank = magic[3];
    if (rank < 1 || rank > kMaximalRank) {
        corrupt_file(where, fmt::format("the idx file has {} dimensions, 1 to {} are possible",
                                        rank, kMaximalRank));
    }
    Shape shape;
    std::size_t count = 1;
    for (std::size_t axis = 0; axis < rank; ++axis) {
        std::uint8_t size[4] = {};
        if (source.read(size) != 4) {
            corrupt_file(where, "the file ends within its header");
        }
        const std::size_t dimension = big_endian(size);
        shape.push_back(static_cast<std::int64_t>(dimension));
        if (dimension == 0) {
            corrupt_file(where, "a dimension of the idx file is 0");
        }
        if (count > source.most_left() / dimension) {
            corrupt_file(
                where,
                fmt::format("the header announces more data than the file of {} bytes can hold",
                            bytes.size()));
        }
        count *= dimension;
    }
    Tensor<std::uint8_t> result(shape);
    const std::size_t found = source.read(result.values());
    if (found != count) {
        corrupt_file(where,
                     fmt::format("the header announces {} bytes of data, {} follow", count, found));
    }
    // Reading on past the data also makes zlib check the gzip checksum.
    std::uint8_t surplus[1] = {};
    if (source.read(surplus) != 0) {
        corrupt_file(
            where, fmt::format("more data follows than the {} bytes the header announces", count));
    }
    return result;
}

Tensor<std::uint8_t> read_idx(const std::filesystem::path& path) {
    return parse_idx(read_bytes(path), path.string());
}

}  // namespace qloom::data
