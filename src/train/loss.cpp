#include "train/loss.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/diagnostic.h"

namespace qloom::train {

LossSums cross_entropy(std::span<const float> logits, std::span<const std::int32_t> labels,
                       std::int64_t classes, double smoothing, std::span<float> gradient) {
    const std::size_t width = static_cast<std::size_t>(classes);
    QLOOM_ASSERT(logits.size() == labels.size() * width, "a row of logits for every label");
    const float background = static_cast<float>(smoothing) / static_cast<float>(classes);
    const float share = 1.0F / static_cast<float>(labels.size());
    std::vector<float> exponentials(width);
    LossSums sums;
    for (std::size_t row = 0; row < labels.size(); ++row) {
        const std::span<const float> z = logits.subspan(row * width, width);
        const auto label = static_cast<std::size_t>(labels[row]);
        const auto largest = std::max_element(z.begin(), z.end());
        sums.correct += static_cast<std::size_t>(largest - z.begin()) == label ? 1 : 0;
        float total = 0.0F;
        float mean = 0.0F;  // of the logits above the largest
        for (std::size_t c = 0; c < width; ++c) {
            const float above = z[c] - *largest;
            exponentials[c] = std::exp(above);
            total += exponentials[c];
            mean += above / static_cast<float>(classes);
        }
        const double log_total = std::log(static_cast<double>(total));
        sums.loss += log_total - (1.0 - smoothing) * static_cast<double>(z[label] - *largest) -
                     smoothing * static_cast<double>(mean);
        if (!gradient.empty()) {
            for (std::size_t c = 0; c < width; ++c) {
                const float target =
                    background + (c == label ? 1.0F - static_cast<float>(smoothing) : 0.0F);
                gradient[row * width + c] = (exponentials[c] / total - target) * share;
            }
        }
    }
    sums.loss /= static_cast<double>(labels.size());
    return sums;
}

}  // namespace qloom::train
