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

namespace {

struct Element {
    double loss = 0.0;
    double gradient = 0.0;
};

Element element_loss(LossKind kind, double z, bool is_label, double smoothing) {
    switch (kind) {
        case LossKind::kSquaredHinge: {
            const double t = is_label ? 1.0 : -1.0;
            const double gap = std::max(0.0, 1.0 - t * z);
            return {gap * gap, -2.0 * t * gap};
        }
        case LossKind::kMse: {
            const double difference = z - (is_label ? 1.0 : 0.0);
            return {difference * difference, 2.0 * difference};
        }
        case LossKind::kBce: {
            const double t = (is_label ? 1.0 : 0.0) * (1.0 - smoothing) + 0.5 * smoothing;
            // ln(1 + exp(z)) - t z, without overflow.
            const double softplus = std::max(z, 0.0) + std::log1p(std::exp(-std::fabs(z)));
            return {softplus - t * z, 1.0 / (1.0 + std::exp(-z)) - t};
        }
        case LossKind::kCrossEntropy:
            break;
    }
    QLOOM_ASSERT(false, "cross-entropy is no loss of single logits");
}

bool row_is_correct(LossKind kind, std::span<const float> z, std::int32_t label) {
    if (z.size() == 1) {
        return (z[0] > (kind == LossKind::kMse ? 0.5F : 0.0F)) == (label == 1);
    }
    return std::max_element(z.begin(), z.end()) - z.begin() == label;
}

}  // namespace

LossSums loss_of(LossKind kind, std::span<const float> logits, std::span<const std::int32_t> labels,
                 std::int64_t classes, double smoothing, std::span<float> gradient) {
    if (kind == LossKind::kCrossEntropy) {
        return cross_entropy(logits, labels, classes, smoothing, gradient);
    }
    const auto width = static_cast<std::size_t>(classes);
    QLOOM_ASSERT(logits.size() == labels.size() * width, "a row of logits for every label");
    const double share = 1.0 / static_cast<double>(logits.size());
    LossSums sums;
    for (std::size_t row = 0; row < labels.size(); ++row) {
        const std::span<const float> z = logits.subspan(row * width, width);
        sums.correct += row_is_correct(kind, z, labels[row]) ? 1 : 0;
        for (std::size_t c = 0; c < width; ++c) {
            const bool is_label =
                width == 1 ? labels[row] == 1 : static_cast<std::int32_t>(c) == labels[row];
            const Element element =
                element_loss(kind, static_cast<double>(z[c]), is_label, smoothing);
            sums.loss += element.loss * share;
            if (!gradient.empty()) {
                gradient[row * width + c] = static_cast<float>(element.gradient * share);
            }
        }
    }
    return sums;
}

void distil(std::span<const float> logits, std::span<const float> teacher, std::int64_t classes,
            const DistillationSpec& spec, LossSums& sums, std::span<float> gradient) {
    QLOOM_ASSERT(logits.size() == teacher.size() && gradient.size() == logits.size(),
                 "as many logits as the teacher has");
    const auto width = static_cast<std::size_t>(classes);
    const std::size_t rows = logits.size() / width;
    const auto softened = [&](std::span<const float> z) {
        std::vector<double> p(width);
        const double largest = static_cast<double>(*std::max_element(z.begin(), z.end()));
        double total = 0.0;
        for (std::size_t c = 0; c < width; ++c) {
            p[c] = std::exp((static_cast<double>(z[c]) - largest) / spec.temperature);
            total += p[c];
        }
        for (double& value : p) {
            value /= total;
        }
        return p;
    };
    constexpr double kTiny = 1e-300;  // its logarithm is a number
    double divergence = 0.0;
    for (std::size_t row = 0; row < rows; ++row) {
        const std::vector<double> p = softened(teacher.subspan(row * width, width));
        const std::vector<double> q = softened(logits.subspan(row * width, width));
        for (std::size_t c = 0; c < width; ++c) {
            divergence += p[c] * (std::log(p[c] + kTiny) - std::log(q[c] + kTiny));
            float& g = gradient[row * width + c];
            g = static_cast<float>((1.0 - spec.weight) * static_cast<double>(g) +
                                   spec.weight * spec.temperature * (q[c] - p[c]) /
                                       static_cast<double>(rows));
        }
    }
    sums.loss = (1.0 - spec.weight) * sums.loss + spec.weight * spec.temperature *
                                                      spec.temperature * divergence /
                                                      static_cast<double>(rows);
}

}  // namespace qloom::train
