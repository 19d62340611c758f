#include "train/quantiser_reader.h"

#include "base/codes/train.h"
#include "base/diagnostic.h"

namespace qloom::train {
namespace {

constexpr std::int64_t kMostBits = 8;
constexpr std::int64_t kMostBiasBits = 32;

const TomlSection::Choices<ScaleSource> kScaleSources{{"learned", ScaleSource::kLearned},
                                                      {"max", ScaleSource::kMax},
                                                      {"percentile", ScaleSource::kPercentile},
                                                      {"mean-sigma", ScaleSource::kMeanSigma},
                                                      {"mse", ScaleSource::kMse},
                                                      {"constant", ScaleSource::kConstant}};
const TomlSection::Choices<Granularity> kGranularities{{"tensor", Granularity::kTensor},
                                                       {"channel", Granularity::kChannel}};
const TomlSection::Choices<bool> kBiasScales{{"accumulator", true}, {"max", false}};

std::string place_of(const TomlSection& owner, std::string_view key) {
    return owner.place().empty() ? std::string(key) : fmt::format("{}: {}", owner.place(), key);
}

// Overrides a quantiser key by key.
QuantiserSpec read_keys(TomlSection section, QuantiserSpec spec) {
    const std::int64_t bits = section.integer("bits", spec.type.bits, INT32_MIN, INT32_MAX);
    if (bits < 1 || bits > kMostBits) {
        throw Error(code::kRecipeBits, section.where("bits"),
                    fmt::format("{} bits are not possible", bits),
                    fmt::format("choose 1 to {}; 1 and signed is bipolar, 2 and narrow is ternary",
                                kMostBits));
    }
    spec.type.bits = static_cast<int>(bits);
    spec.type.is_signed = section.boolean("signed", spec.type.is_signed);
    spec.type.narrow = section.boolean("narrow", spec.type.narrow);
    spec.source = section.choice("scale", spec.source, kScaleSources);
    spec.granularity = section.choice("per", spec.granularity, kGranularities);
    spec.asymmetric = section.boolean("asymmetric", spec.asymmetric);
    spec.power_of_two = section.boolean("power_of_two", spec.power_of_two);
    spec.percentile = section.number("percentile", spec.percentile, 50.0, 100.0);
    spec.sigmas = section.number("sigmas", spec.sigmas, 0.0, 100.0);
    spec.constant = section.number("constant", spec.constant, 1e-12, 1e12);
    spec.delay = section.integer("delay", spec.delay, 0, INT32_MAX);
    if (spec.is_bipolar()) {
        spec.type.narrow = false;  // -1 and +1 is all there is
    }
    if (spec.type.narrow && spec.type.bits == 1) {
        throw Error(code::kRecipeBits, section.where("narrow"),
                    "1 bit, unsigned and narrow leaves the level 0 alone", "leave narrow out");
    }
    if (spec.asymmetric && spec.is_bipolar()) {
        throw Error(code::kRecipeBits, section.where("asymmetric"),
                    "bipolar levels -1 and +1 have no zero point",
                    "leave asymmetric out, or choose signed = false");
    }
    const Range range = spec.type.range();
    spec.zero_point = section.integer("zero_point", spec.zero_point, range.lo, range.hi);
    if (spec.zero_point != 0 && !(spec.asymmetric && spec.source == ScaleSource::kConstant)) {
        section.wrong_value(
            "zero_point", fmt::format("{} is taken with a constant scale only", spec.zero_point),
            "give asymmetric = true and scale = \"constant\", or leave zero_point out");
    }
    section.finish();
    return spec;
}

}  // namespace

std::optional<QuantiserSpec> read_quantiser(TomlSection& owner, std::string_view key,
                                            const std::optional<QuantiserSpec>& fallback,
                                            const QuantiserSpec& base) {
    if (owner.is_boolean(key, false)) {
        return std::nullopt;
    }
    if (auto section = owner.section(key, place_of(owner, key))) {
        return read_keys(*section, fallback.value_or(base));
    }
    return fallback;
}

BiasChoice read_bias(TomlSection& owner, const BiasChoice& fallback) {
    constexpr std::string_view kKey = "bias";
    for (const bool value : {false, true}) {
        if (owner.is_boolean(kKey, value)) {
            return {.bias = value, .quantiser = value ? fallback.quantiser : std::nullopt};
        }
    }
    auto section = owner.section(kKey, place_of(owner, kKey));
    if (!section) {
        return fallback;
    }
    BiasQuantiser quantiser = fallback.quantiser.value_or(BiasQuantiser{});
    const std::int64_t bits = section->integer("bits", quantiser.bits, INT32_MIN, INT32_MAX);
    if (bits < 2 || bits > kMostBiasBits) {
        throw Error(code::kRecipeBits, section->where("bits"),
                    fmt::format("{} bits are not possible", bits),
                    fmt::format("a bias has 2 to {}", kMostBiasBits));
    }
    quantiser.bits = static_cast<int>(bits);
    quantiser.accumulator_scale =
        section->choice("scale", quantiser.accumulator_scale, kBiasScales);
    section->finish();
    return {.bias = true, .quantiser = quantiser};
}

}  // namespace qloom::train
