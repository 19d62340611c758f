#include "train/schedule.h"

#include <gtest/gtest.h>

namespace qloom::train {
namespace {

TrainingSpec spec_of(Schedule schedule, double warmup) {
    TrainingSpec spec;
    spec.epochs = 10;
    spec.learning_rate = 0.5;
    spec.schedule = schedule;
    spec.warmup = warmup;
    return spec;
}

TEST(Schedule, Constant) {
    const TrainingSpec spec = spec_of(Schedule::kConstant, 0.0);
    EXPECT_EQ(learning_rate(spec, 0, 100), 0.5);
    EXPECT_EQ(learning_rate(spec, 999, 100), 0.5);
}

TEST(Schedule, StepsDownEverySoManyEpochs) {
    TrainingSpec spec = spec_of(Schedule::kStep, 0.0);
    spec.step_epochs = 4;
    spec.step_factor = 0.1;
    EXPECT_DOUBLE_EQ(learning_rate(spec, 399, 100), 0.5);
    EXPECT_DOUBLE_EQ(learning_rate(spec, 400, 100), 0.05);
    EXPECT_DOUBLE_EQ(learning_rate(spec, 999, 100), 0.005);
}

TEST(Schedule, CosineWithAndWithoutWarmup) {
    const TrainingSpec plain = spec_of(Schedule::kCosine, 0.0);
    EXPECT_DOUBLE_EQ(learning_rate(plain, 0, 100), 0.5);
    EXPECT_DOUBLE_EQ(learning_rate(plain, 500, 100), 0.25);
    EXPECT_NEAR(learning_rate(plain, 1000, 100), 0.0, 1e-12);
    const TrainingSpec warm = spec_of(Schedule::kCosine, 0.2);
    EXPECT_DOUBLE_EQ(learning_rate(warm, 0, 100), 0.5 / 200.0);
    EXPECT_DOUBLE_EQ(learning_rate(warm, 199, 100), 0.5);
    EXPECT_DOUBLE_EQ(learning_rate(warm, 600, 100), 0.25);
}

TEST(Schedule, OneCycle) {
    const TrainingSpec spec = spec_of(Schedule::kOneCycle, 0.2);
    EXPECT_NEAR(learning_rate(spec, 0, 100), 0.02, 1e-12);
    EXPECT_DOUBLE_EQ(learning_rate(spec, 100, 100), 0.26);  // half way up from 0.02 to 0.5
    EXPECT_DOUBLE_EQ(learning_rate(spec, 200, 100), 0.5);
    EXPECT_NEAR(learning_rate(spec, 600, 100), 0.250001, 1e-9);
    EXPECT_NEAR(learning_rate(spec, 1000, 100), 2e-6, 1e-12);
}

}  // namespace
}  // namespace qloom::train
