#include "network/xnor.h"

#include <algorithm>

#include "base/diagnostic.h"

namespace qloom::network {
namespace {

constexpr std::int64_t kWordBits = 64;

// different[m] = bits in which the window differs from row m; weights are (words, rows).
using CountDifferences = void (*)(const std::uint64_t* window, std::int64_t words, const std::uint64_t* weights,
                                  std::int64_t rows, std::uint64_t* different);

template <class BitCount>
inline __attribute__((always_inline)) void count_loop(const std::uint64_t* window, std::int64_t words,
                                                      const std::uint64_t* weights, std::int64_t rows,
                                                      std::uint64_t* different, BitCount bit_count) {
    for (std::int64_t m = 0; m < rows; ++m) {
        different[m] = 0;
    }
    for (std::int64_t k = 0; k < words; ++k, weights += rows) {
        const std::uint64_t x = window[k];
        for (std::int64_t m = 0; m < rows; ++m) {
            different[m] += bit_count(x ^ weights[m]);
        }
    }
}

// Sums of neighbouring bits, pairs, nibbles and bytes: for processors without an instruction.
std::uint64_t count_by_sums(std::uint64_t word) {
    word -= (word >> 1) & 0x5555555555555555U;
    word = (word & 0x3333333333333333U) + ((word >> 2) & 0x3333333333333333U);
    word = (word + (word >> 4)) & 0x0F0F0F0F0F0F0F0FU;
    return (word * 0x0101010101010101U) >> 56;
}
void count_plain(const std::uint64_t* window, std::int64_t words, const std::uint64_t* weights, std::int64_t rows,
                 std::uint64_t* different) {
    count_loop(window, words, weights, rows, different, count_by_sums);
}

#if defined(__x86_64__)
struct BuiltinCount {
    __attribute__((always_inline)) std::uint64_t operator()(std::uint64_t word) const {
        return static_cast<std::uint64_t>(__builtin_popcountll(word));
    }
};
// A word at a time, and eight.
__attribute__((target("popcnt"))) void count_popcnt(const std::uint64_t* window, std::int64_t words,
                                                    const std::uint64_t* weights, std::int64_t rows,
                                                    std::uint64_t* different) {
    count_loop(window, words, weights, rows, different, BuiltinCount{});
}
__attribute__((target("popcnt,avx512vpopcntdq,prefer-vector-width=512"))) void count_avx512(
    const std::uint64_t* window, std::int64_t words, const std::uint64_t* weights, std::int64_t rows,
    std::uint64_t* different) {
    count_loop(window, words, weights, rows, different, BuiltinCount{});
}
#endif

// The fastest that this processor has.
CountDifferences choose_count() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512vpopcntdq")) return count_avx512;
    if (__builtin_cpu_supports("popcnt")) return count_popcnt;
#endif
    return count_plain;
}

// `count` numbers, 0 or not, to bits.
template <class T>
void pack_bits(const T* values, std::int64_t count, std::uint64_t* words) {
    for (std::int64_t begin = 0; begin < count; begin += kWordBits) {
        std::uint64_t word = 0;
        const std::int64_t bits = std::min(kWordBits, count - begin);
        for (std::int64_t b = 0; b < bits; ++b) {
            word |= static_cast<std::uint64_t>(values[begin + b] != T(0) ? 1 : 0) << b;
        }
        *words++ = word;
    }
}

}  // namespace

XnorProduct::XnorProduct(const MatrixVector& unit, const SlidingWindow* window, const Shape& source)
    : in_(geometry_of(source)),
      pixel_words_((source.back() + kWordBits - 1) / kWordBits),
      rows_(unit.matrix_height()),
      width_(unit.matrix_width()) {
    if (window != nullptr) {
        window_ = *window;
    } else {
        window_.axes.assign(1, WindowAxis{});
        in_ = {.height = 1, .width = element_count(source) / source.back(), .channels = source.back()};
    }
    out_ = {.height = window_.axes.size() > 1 ? window_.axes[0].outputs(in_.height) : 1,
            .width = window_.axes.back().outputs(in_.width),
            .channels = window_.positions() * pixel_words_};
    QLOOM_ASSERT(window_.positions() * in_.channels == width_, "a row has a weight for every bit of a window");
    weights_.resize(static_cast<std::size_t>(out_.channels * rows_));
    std::vector<std::uint64_t> words(static_cast<std::size_t>(pixel_words_));
    for (std::int64_t m = 0; m < rows_; ++m) {
        for (std::int64_t position = 0; position < window_.positions(); ++position) {
            pack_bits(unit.weights.data() + m * width_ + position * in_.channels, in_.channels, words.data());
            for (std::int64_t word = 0; word < pixel_words_; ++word) {
                weights_[static_cast<std::size_t>((position * pixel_words_ + word) * rows_ + m)] =
                    words[static_cast<std::size_t>(word)];
            }
        }
    }
}

void XnorProduct::run(const float* x, std::int64_t frames, float* y) const {
    const std::int64_t pixels = in_.height * in_.width;
    const Geometry packed{.height = in_.height, .width = in_.width, .channels = pixel_words_};
    std::vector<std::uint64_t> image(static_cast<std::size_t>(pixels * pixel_words_));
    std::vector<std::uint64_t> windows(static_cast<std::size_t>(out_.height * out_.width * out_.channels));
    std::vector<std::uint64_t> different(static_cast<std::size_t>(rows_));
    // The bits of a padding pixel; those above its channels stay 0, as in the weights.
    std::vector<std::uint64_t> padding(static_cast<std::size_t>(pixel_words_));
    pack_bits(std::vector<std::int64_t>(static_cast<std::size_t>(in_.channels), window_.pad_value).data(), in_.channels,
              padding.data());
    const CountDifferences count_differences = choose_count();
    for (std::int64_t frame = 0; frame < frames; ++frame) {
        for (std::int64_t pixel = 0; pixel < pixels; ++pixel, x += in_.channels) {
            pack_bits(x, in_.channels, image.data() + pixel * pixel_words_);
        }
        gather_windows(window_, packed, out_, padding.data(), image.data(), windows.data());
        const std::uint64_t* window = windows.data();
        for (std::int64_t i = 0; i < out_.height * out_.width; ++i, window += out_.channels, y += rows_) {
            count_differences(window, out_.channels, weights_.data(), rows_, different.data());
            for (std::int64_t m = 0; m < rows_; ++m) {
                y[m] = static_cast<float>(width_ - static_cast<std::int64_t>(different[static_cast<std::size_t>(m)]));
            }
        }
    }
}

}  // namespace qloom::network
