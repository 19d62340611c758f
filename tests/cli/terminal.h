#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

// A program on a terminal of its own, as a person has it before them.
namespace qloom::cli {

class Terminal {
public:
    // Starts argv[0] in the folder.
    Terminal(const std::vector<std::string>& argv, const std::filesystem::path& folder);
    ~Terminal();
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    void type(const std::string& keys) const;
    // Reads until the text appears, at most twenty seconds; what has been read since the last call, or up to its end.
    [[nodiscard]] std::string until(const std::string& text) const;

private:
    int terminal_ = -1;
    pid_t child_ = -1;
};

}  // namespace qloom::cli
