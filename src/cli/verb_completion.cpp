#include "cli/completion.h"
#include "cli/options.h"
#include "cli/verb.h"

namespace qloom::cli {
namespace {

enum class Shell { kBash, kZsh, kFish };

class CompletionVerbItself final : public Verb {
public:
    [[nodiscard]] std::string name() const override { return "completion"; }

    [[nodiscard]] Manual manual() const override {
        return {.summary = "print what lets a shell complete commands on the Tab key",
                .synopsis = {"qloom completion bash|zsh|fish"},
                .description = {"Prints a script for the shell that completes verbs, options, their values, boards, recipes, datasets and "
                                "files. `cmake --install` puts the scripts where the shells look; without that, load it from "
                                "your shell's own start file."},
                .json_keys = {{"shell", "bash, zsh or fish"}, {"script", "the script"}},
                .examples = {{"source <(qloom completion bash)", "for this shell; or as a line of ~/.bashrc"},
                             {"qloom completion zsh > ~/.zfunc/_qloom", "where fpath holds ~/.zfunc"},
                             {"qloom completion fish > ~/.config/fish/completions/qloom.fish", "for every new shell"}}};
    }

    void add_options(CLI::App& app) override {
        add_choice<Shell>(app, "SHELL", shell_, {{"bash", Shell::kBash}, {"zsh", Shell::kZsh}, {"fish", Shell::kFish}},
                          "bash|zsh|fish", "The shell: bash, zsh or fish.", "")
            ->required();
    }

    void run(Session& session) override {
        const std::vector<CompletionVerb> verbs = completion_verbs();
        std::string name = "bash";
        std::string script;
        switch (shell_) {
            case Shell::kBash:
                script = bash_completion(verbs);
                break;
            case Shell::kZsh:
                name = "zsh";
                script = zsh_completion(verbs);
                break;
            case Shell::kFish:
                name = "fish";
                script = fish_completion(verbs);
                break;
        }
        session.result()["shell"] = name;
        session.result()["script"] = script;
        session.print(script);
    }

private:
    Shell shell_ = Shell::kBash;
};

}  // namespace

std::unique_ptr<Verb> make_completion_verb() { return std::make_unique<CompletionVerbItself>(); }

}  // namespace qloom::cli
