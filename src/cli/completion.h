#pragma once

#include <string>
#include <vector>

// Completion of commands on the shell's Tab key. The scripts are made from the verbs' own declarations, and hold everything: pressing
// Tab does not run the program.
namespace qloom::cli {

// What an argument or the value of an option can be.
struct CompletionValue {
    enum class Paths { kNone, kFolders, kFiles };

    std::string name;                // for people: "BOARD"
    std::vector<std::string> words;  // known ones: {"pynq-z1", ...}
    Paths paths = Paths::kNone;      // files include folders, on the way to files
};

struct CompletionOption {
    std::vector<std::string> names;  // {"-o", "--output"}
    std::string about;
    bool takes_value = false;
    bool takes_many = false;  // values follow until the next option
    CompletionValue value;
};

struct CompletionVerb {
    std::string name;
    std::string about;
    std::vector<CompletionOption> options;
    std::vector<CompletionValue> positionals;
};

// Of all verbs. Built-in recipes are missing where the training room cannot be loaded.
std::vector<CompletionVerb> completion_verbs();

// The script for a shell.
std::string bash_completion(const std::vector<CompletionVerb>& verbs);
std::string zsh_completion(const std::vector<CompletionVerb>& verbs);
std::string fish_completion(const std::vector<CompletionVerb>& verbs);

}  // namespace qloom::cli
