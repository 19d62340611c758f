#include "soc/load_store.h"

namespace qloom::soc {
namespace {

constexpr std::uint32_t bits(std::uint32_t word, int high, int low) {
    return word >> low & ((1U << (high - low + 1)) - 1U);
}

// cond 01 I P U B W L base data offset
std::optional<LoadStore> decode_a32(std::uint32_t word) {
    const bool is_register = bits(word, 25, 25) != 0;
    const bool is_pre = bits(word, 24, 24) != 0;
    const bool is_up = bits(word, 23, 23) != 0;
    const bool is_byte = bits(word, 22, 22) != 0;
    const bool has_write_back = !is_pre || bits(word, 21, 21) != 0;
    if (bits(word, 27, 26) != 1 || bits(word, 31, 28) == 0xf || is_byte) return std::nullopt;
    if (is_register && (bits(word, 4, 4) != 0 || has_write_back)) return std::nullopt;
    LoadStore it{.is_load = bits(word, 20, 20) != 0, .data = bits(word, 15, 12)};
    if (it.data == 15) return std::nullopt;
    if (has_write_back) {
        const auto offset = static_cast<std::int64_t>(bits(word, 11, 0));
        it.writes_base = true;
        it.base = bits(word, 19, 16);
        it.base_change = is_pre ? 0 : is_up ? offset : -offset;
    }
    return it;
}

std::optional<LoadStore> decode_a64(std::uint32_t word) {
    const std::uint32_t operation = word & 0xffc00000U;
    LoadStore it{.data = bits(word, 4, 0)};
    if (operation == 0xb9400000U || operation == 0xb9000000U) {  // unsigned offset
        it.is_load = operation == 0xb9400000U;
        return it;
    }
    if (operation != 0xb8400000U && operation != 0xb8000000U) return std::nullopt;
    it.is_load = operation == 0xb8400000U;
    const std::uint32_t form = bits(word, 11, 10);
    if (bits(word, 21, 21) != 0)
        return form == 2 ? std::optional(it) : std::nullopt;  // register offset
    if (form == 2) return std::nullopt;
    if (form != 0) {
        const auto field = static_cast<std::int64_t>(bits(word, 20, 12));
        const std::int64_t offset = field >= 256 ? field - 512 : field;
        it.writes_base = true;
        it.base = bits(word, 9, 5);
        it.base_change = form == 3 ? 0 : offset;  // before the access, or after it
    }
    return it;
}

}  // namespace

std::optional<LoadStore> decode_load_store(Machine machine, std::uint32_t instruction) {
    return machine == Machine::kArm ? decode_a32(instruction) : decode_a64(instruction);
}

}  // namespace qloom::soc
