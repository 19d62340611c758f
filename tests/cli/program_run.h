#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

// The real program, run in a folder of its own.
namespace qloom::cli {

struct Outcome {
    int exit_code = 0;
    std::string out;  // stdout
    std::string err;  // stderr

    // The one JSON document on stdout; fails the test when there is anything else.
    [[nodiscard]] nlohmann::json json() const;
};

// A folder that is empty at the start of a test and removed at its end.
class Workplace {
public:
    Workplace();
    ~Workplace();
    Workplace(const Workplace&) = delete;
    Workplace& operator=(const Workplace&) = delete;

    [[nodiscard]] std::filesystem::path path(const std::string& name) const { return folder_ / name; }
    [[nodiscard]] bool exists(const std::string& name) const { return std::filesystem::exists(path(name)); }
    void write(const std::string& name, const std::string& text) const;
    [[nodiscard]] std::string read(const std::string& name) const;
    // Names of everything in the folder, sorted.
    [[nodiscard]] std::vector<std::string> listing() const;
    // Runs qloom with these arguments in the folder; `before` goes in front of the program (timeout -s INT 1, say).
    [[nodiscard]] Outcome qloom(const std::vector<std::string>& arguments, const std::vector<std::string>& before = {}) const;

private:
    std::filesystem::path folder_;
};

}  // namespace qloom::cli
