#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

// The quantisers that a recipe can name, and networks that have many of them.
namespace qloom::train {

inline const std::vector<std::string>& scale_sources() {
    static const std::vector<std::string> sources{"learned",    "max", "percentile",
                                                  "mean-sigma", "mse", "constant"};
    return sources;
}

inline std::string quantiser_text(int bits, const std::string& kind, const std::string& scale,
                                  bool per_channel, bool power_of_two) {
    return fmt::format(
        "{{ bits = {}, {}, scale = \"{}\", constant = 0.125, percentile = 99, sigmas = 2{}{} }}",
        bits, kind, scale, per_channel ? ", per = \"channel\"" : "",
        power_of_two ? ", power_of_two = true" : "");
}

// Which levels: the kinds that a number of bits can have.
inline std::vector<std::string> level_kinds(int bits) {
    if (bits == 1) {
        return {"signed = true, narrow = false", "signed = false, narrow = false",
                "signed = false, narrow = false, asymmetric = true"};
    }
    return {"signed = true, narrow = true", "signed = true, narrow = false",
            "signed = false, narrow = false", "signed = false, narrow = false, asymmetric = true",
            "signed = true, narrow = false, asymmetric = true"};
}

// 1 (bipolar) to 8 bits, ternary as 2 bits and narrow, unsigned and symmetric left out: such
// weights could not be negative.
inline std::vector<std::string> weight_quantisers() {
    std::vector<std::string> result;
    for (int bits = 1; bits <= 8; ++bits) {
        for (const std::string& kind : level_kinds(bits)) {
            if (kind == "signed = false, narrow = false") {
                continue;
            }
            for (const std::string& scale : scale_sources()) {
                for (const bool per_channel : {false, true}) {
                    result.push_back(quantiser_text(bits, kind, scale, per_channel, bits % 2 == 0));
                    if (bits == 4) {
                        result.push_back(quantiser_text(bits, kind, scale, per_channel, false));
                    }
                }
            }
        }
    }
    return result;
}

inline std::vector<std::string> activation_quantisers(bool per_channel = false) {
    std::vector<std::string> result;
    for (int bits = 1; bits <= 8; ++bits) {
        for (const std::string& kind : level_kinds(bits)) {
            for (const std::string& scale : scale_sources()) {
                result.push_back(quantiser_text(bits, kind, scale, per_channel, bits % 3 == 0));
            }
        }
    }
    return result;
}

// Linear layers of 6 outputs with BatchNorm and a quantised identity, one behind the other, as many
// as the longer list has entries; the shorter one starts again. A head of 3 outputs.
inline std::string chain_recipe(const std::vector<std::string>& weights,
                                const std::vector<std::string>& activations) {
    std::string text = "[input]\nfeatures = 6\nscale = 0.0078125\n";
    for (std::size_t i = 0; i < std::max(weights.size(), activations.size()); ++i) {
        text += fmt::format(
            "[[layers]]\ntype = \"linear\"\noutputs = 6\nbias = false\nweights = {}\n"
            "[[layers]]\ntype = \"batch_norm\"\n[[layers]]\ntype = \"identity\"\nquantiser = {}\n",
            weights[i % weights.size()], activations[i % activations.size()]);
    }
    return text + "[[layers]]\ntype = \"linear\"\noutputs = 3\n";
}

}  // namespace qloom::train
