#include "train/schedule.h"

#include <cmath>
#include <numbers>

#include "base/diagnostic.h"

namespace qloom::train {
namespace {

// From `from` at share 0 to `to` at share 1 along half a cosine.
double half_cosine(double from, double to, double share) {
    return to + (from - to) * 0.5 * (1.0 + std::cos(std::numbers::pi * share));
}

}  // namespace

double learning_rate(const TrainingSpec& spec, std::int64_t step, std::int64_t steps_per_epoch) {
    const double rate = spec.learning_rate;
    const auto total = static_cast<double>(steps_per_epoch * spec.epochs);
    const auto done = static_cast<double>(step);
    const double rising = total * spec.warmup;
    switch (spec.schedule) {
        case Schedule::kConstant:
            return rate;
        case Schedule::kStep:
            return rate * std::pow(spec.step_factor,
                                   static_cast<double>(step / steps_per_epoch / spec.step_epochs));
        case Schedule::kCosine:
            return done < rising ? rate * (done + 1.0) / rising
                                 : half_cosine(rate, 0.0, (done - rising) / (total - rising));
        case Schedule::kOneCycle:
            return done < rising
                       ? half_cosine(rate / 25.0, rate, done / rising)
                       : half_cosine(rate, rate / 25e4, (done - rising) / (total - rising));
    }
    QLOOM_ASSERT(false, "every schedule is handled");
}

}  // namespace qloom::train
