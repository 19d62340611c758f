#pragma once

#include <optional>
#include <string_view>

#include "train/quantiser_spec.h"
#include "train/toml_section.h"

// Quantisers as recipes write them: { bits = 4, narrow = true, scale = "learned" }.
namespace qloom::train {

// What a recipe gets that says nothing about its quantisers.
inline constexpr QuantiserSpec kWeightBase{.type = {.bits = 4, .is_signed = true, .narrow = true}};
inline constexpr QuantiserSpec kActivationBase{
    .type = {.bits = 4, .is_signed = false, .narrow = false}};

// The quantiser below `key` of `owner`; `key = false` switches it off, an absent key gives the
// fallback. Keys not given are those of the fallback, or of `base` where there is none. Throws
// kRecipeBits, kRecipeType, kRecipeValue.
std::optional<QuantiserSpec> read_quantiser(TomlSection& owner, std::string_view key,
                                            const std::optional<QuantiserSpec>& fallback,
                                            const QuantiserSpec& base);

// `bias = true`, `bias = false` or `bias = { bits = 16, scale = "accumulator" }`.
struct BiasChoice {
    bool bias = true;
    std::optional<BiasQuantiser> quantiser = {};
};
BiasChoice read_bias(TomlSection& owner, const BiasChoice& fallback);

}  // namespace qloom::train
