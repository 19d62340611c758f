#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace qloom::hw {

// The contents of one memory, as a `$readmemh` file has them: one word a line, exactly as many
// lines as words.
class MemoryImage {
public:
    MemoryImage(std::string name, std::int64_t word_bits, std::int64_t words);

    // Puts the low `bits` (1..64) of `value` (two's complement) at bit `offset` of a word. Each bit
    // is set at most once.
    void set(std::int64_t word, std::int64_t offset, int bits, std::int64_t value);

    [[nodiscard]] const std::string& name() const { return name_; }  // file name without ".mem"
    [[nodiscard]] std::int64_t word_bits() const { return word_bits_; }
    [[nodiscard]] std::int64_t words() const { return words_; }
    [[nodiscard]] std::string text() const;

private:
    std::string name_;
    std::int64_t word_bits_;
    std::int64_t words_;
    std::int64_t limbs_;  // 64-bit limbs a word
    std::vector<std::uint64_t> data_;
};

}  // namespace qloom::hw
