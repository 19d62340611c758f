#include "sim/beats.h"

#include <variant>

namespace qloom::sim {
namespace {

std::int64_t words_per_beat(const hw::Port& port) { return (port.data_bits + 31) / 32; }

std::uint64_t mask_of(int bits) {
    return bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
}

void put(std::uint32_t* beat, std::int64_t offset, int bits, std::uint64_t value) {
    value &= mask_of(bits);
    for (int done = 0; done < bits;) {
        const int shift = static_cast<int>((offset + done) % 32);
        beat[(offset + done) / 32] |= static_cast<std::uint32_t>((value >> done) << shift);
        done += 32 - shift;
    }
}

std::uint64_t take(const std::uint32_t* beat, std::int64_t offset, int bits) {
    std::uint64_t value = 0;
    for (int done = 0; done < bits;) {
        const int shift = static_cast<int>((offset + done) % 32);
        value |= static_cast<std::uint64_t>(beat[(offset + done) / 32] >> shift) << done;
        done += 32 - shift;
    }
    return value & mask_of(bits);
}

template <class T>
Tensor<T> unpack(const hw::Port& port, const std::vector<std::uint32_t>& words,
                 std::int64_t frames) {
    Tensor<T> result(Shape{frames, port.elements});
    const std::int64_t beat_words = words_per_beat(port);
    const std::uint64_t sign =
        port.type.is_signed ? std::uint64_t{1} << (port.element_bits - 1) : 0;
    for (std::int64_t index = 0; index < frames * port.elements; ++index) {
        const std::uint32_t* beat = words.data() + index / port.elements_per_beat * beat_words;
        const std::uint64_t bits =
            take(beat, index % port.elements_per_beat * port.element_bits, port.element_bits);
        // Sign extension: flip the sign bit and subtract its weight.
        result[index] = static_cast<T>(static_cast<std::int64_t>((bits ^ sign) - sign));
    }
    return result;
}

}  // namespace

std::vector<std::uint32_t> pack_beats(const hw::Port& port, const network::Frames& frames) {
    return std::visit(
        [&](const auto& tensor) {
            const std::int64_t beat_words = words_per_beat(port);
            std::vector<std::uint32_t> words(
                static_cast<std::size_t>(tensor.size() / port.elements_per_beat * beat_words));
            for (std::int64_t index = 0; index < tensor.size(); ++index) {
                put(words.data() + index / port.elements_per_beat * beat_words,
                    index % port.elements_per_beat * port.element_bits, port.element_bits,
                    static_cast<std::uint64_t>(static_cast<std::int64_t>(tensor[index])));
            }
            return words;
        },
        frames);
}

network::Frames unpack_beats(const hw::Port& port, const std::vector<std::uint32_t>& words,
                             std::int64_t frames) {
    // Floats hold integers below 2^24 exactly.
    if (port.type.bits <= 24) return unpack<float>(port, words, frames);
    return unpack<double>(port, words, frames);
}

}  // namespace qloom::sim
