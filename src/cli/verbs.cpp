#include "cli/verb.h"

namespace qloom::cli {

std::vector<std::unique_ptr<Verb>> make_verbs() {
    std::vector<std::unique_ptr<Verb>> verbs;
    verbs.push_back(make_train_verb());
    verbs.push_back(make_quantize_verb());
    verbs.push_back(make_check_verb());
    verbs.push_back(make_run_verb());
    verbs.push_back(make_eval_verb());
    verbs.push_back(make_compile_verb());
    verbs.push_back(make_simulate_verb());
    verbs.push_back(make_synth_verb());
    verbs.push_back(make_package_verb());
    verbs.push_back(make_soc_verb());
    verbs.push_back(make_view_verb());
    verbs.push_back(make_boards_verb());
    verbs.push_back(make_explain_verb());
    verbs.push_back(make_completion_verb());
    return verbs;
}

}  // namespace qloom::cli
