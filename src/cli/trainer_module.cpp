// The only symbol of libqloom_trainer.so that anyone looks for.
#include "cli/trainer.h"

extern "C" __attribute__((visibility("default"))) const qloom::cli::Trainer& qloom_trainer() {
    static constexpr qloom::cli::Trainer kTrainer{.load_recipe = &qloom::train::load_recipe,
                                                  .recipe_names = &qloom::train::builtin_recipe_names,
                                                  .train = &qloom::train::train,
                                                  .fit_budget = &qloom::train::fit_budget};
    return kTrainer;
}
