#include "hw/memory_image.h"

#include <utility>

#include "base/diagnostic.h"

namespace qloom::hw {

MemoryImage::MemoryImage(std::string name, std::int64_t word_bits, std::int64_t words)
    : name_(std::move(name)),
      word_bits_(word_bits),
      words_(words),
      limbs_((word_bits + 63) / 64),
      data_(static_cast<std::size_t>(limbs_ * words)) {}

void MemoryImage::set(std::int64_t word, std::int64_t offset, int bits, std::int64_t value) {
    QLOOM_ASSERT(word >= 0 && word < words_ && offset >= 0 && bits >= 1 && bits <= 64 &&
                     offset + bits <= word_bits_,
                 "a field lies inside its memory word");
    const std::uint64_t mask = bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
    const std::uint64_t field = static_cast<std::uint64_t>(value) & mask;
    const auto limb = static_cast<std::size_t>(word * limbs_ + offset / 64);
    const int shift = static_cast<int>(offset % 64);
    data_[limb] |= field << shift;
    if (shift + bits > 64) data_[limb + 1] |= field >> (64 - shift);
}

std::string MemoryImage::text() const {
    constexpr char kDigits[] = "0123456789abcdef";
    const std::int64_t digits = (word_bits_ + 3) / 4;
    std::string result;
    result.reserve(static_cast<std::size_t>((digits + 1) * words_));
    for (std::int64_t word = 0; word < words_; ++word) {
        for (std::int64_t digit = digits - 1; digit >= 0; --digit) {
            const std::uint64_t limb = data_[static_cast<std::size_t>(word * limbs_ + digit / 16)];
            result.push_back(kDigits[(limb >> (4 * (digit % 16))) & 0xF]);
        }
        result.push_back('\n');
    }
    return result;
}

}  // namespace qloom::hw
