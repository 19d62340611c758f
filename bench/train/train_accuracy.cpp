// Test accuracy of one recipe over seeds 1 .. SEEDS, after its own number of epochs or another one.
//
//   bench_train_accuracy [RECIPE] [SEEDS] [EPOCHS] [--float]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/diagnostic.h"
#include "train/recipe.h"
#include "train/train.h"

int main(int argc, char** argv) try {
    using namespace qloom;
    train::TrainOptions options{.evaluate_every_epoch = false};
    if (argc > 1 && std::strcmp(argv[argc - 1], "--float") == 0) {
        options.float_only = true;
        --argc;
    }
    const train::Recipe recipe = train::load_recipe(argc > 1 ? argv[1] : "fashion-mnist-mlp");
    const int seeds = argc > 2 ? std::max(1, std::atoi(argv[2])) : 3;
    if (argc > 3) {
        options.epochs = std::atoi(argv[3]);
    }
    std::vector<double> accuracies;
    for (int seed = 1; seed <= seeds; ++seed) {
        options.seed = static_cast<std::uint64_t>(seed);
        const train::TrainResult result = train::train(recipe, options);
        std::printf(
            "%s%s, seed %d, %zu epochs: %.2f %% of the test set, loss %.4f, %.3f s an epoch\n",
            recipe.name.c_str(), options.float_only ? " in float" : "", seed, result.epochs.size(),
            100.0 * result.accuracy, result.loss, result.seconds_per_epoch);
        std::fflush(stdout);
        accuracies.push_back(result.accuracy);
    }
    std::sort(accuracies.begin(), accuracies.end());
    std::printf("median %.2f %%, lowest %.2f %%, highest %.2f %%\n",
                100.0 * accuracies[accuracies.size() / 2], 100.0 * accuracies.front(),
                100.0 * accuracies.back());
    return 0;
} catch (const qloom::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
