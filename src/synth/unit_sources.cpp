#include "synth/unit_sources.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/codes/emit.h"
#include "base/codes/sim.h"
#include "base/content_hash.h"
#include "base/diagnostic.h"

namespace qloom::synth {
namespace {

namespace fs = std::filesystem;

// Memories of unit number n are named so, whatever the unit is called.
std::string neutral_stem(std::size_t index) { return fmt::format("memory{}", index); }

std::vector<fs::path> listed_files(const fs::path& rtl) {
    std::ifstream list(rtl / "files.f");
    std::vector<fs::path> files;
    for (std::string line; std::getline(list, line);) {
        if (!line.empty()) files.push_back(rtl / line);
    }
    if (files.empty()) {
        throw Error(code::kOutputFolderNotOurs, rtl.parent_path().string(),
                    "does not hold a compiled network (no rtl/files.f)",
                    "name a folder written by qloom compile");
    }
    return files;
}

std::set<std::string> words_of(const std::string& text) {
    std::set<std::string> words;
    std::string word;
    for (const char c : text) {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_') {
            word += c;
        } else if (!word.empty()) {
            words.insert(word);
            word.clear();
        }
    }
    return words;
}

// Library files by module, with the modules each names.
class Library {
public:
    explicit Library(const fs::path& rtl) : files_(listed_files(rtl)) {
        for (const fs::path& file : files_) names_.insert(file.stem().string());
        for (const fs::path& file : files_) {
            std::set<std::string>& uses = uses_[file.stem().string()];
            std::ranges::set_intersection(words_of(read_source(file)), names_,
                                          std::inserter(uses, uses.end()));
        }
    }

    [[nodiscard]] std::vector<fs::path> closure(const std::string& module) const {
        std::set<std::string> needed{module};
        std::vector<std::string> open{module};
        while (!open.empty()) {
            const auto uses = uses_.find(open.back());
            open.pop_back();
            if (uses == uses_.end()) continue;
            for (const std::string& other : uses->second) {
                if (needed.insert(other).second) open.push_back(other);
            }
        }
        std::vector<fs::path> result;
        std::ranges::copy_if(files_, std::back_inserter(result), [&](const fs::path& file) {
            return needed.contains(file.stem().string());
        });
        return result;
    }

private:
    std::vector<fs::path> files_;
    std::set<std::string> names_;
    std::map<std::string, std::set<std::string>> uses_;
};

bool is_memory_stem(const hw::Parameter& parameter) {
    const auto* text = std::get_if<std::string>(&parameter.value);
    return text != nullptr && !text->empty() && parameter.name.ends_with("File");
}

// chparam takes no minus sign and no number past 32 bits without its size.
std::string number_text(std::int64_t value) {
    if (value >= 0 && value < std::int64_t{1} << 31U) return fmt::format("{}", value);
    if (value >= -(std::int64_t{1} << 31U) && value < 0)
        return fmt::format("32'sh{:08x}", static_cast<std::uint32_t>(value));
    return fmt::format("64'sh{:016x}", static_cast<std::uint64_t>(value));
}

// Memory files by the stem that they belong to: the longest that their name starts with.
std::map<std::string, std::vector<fs::path>> files_by_stem(const fs::path& rtl,
                                                           const std::set<std::string>& stems) {
    std::map<std::string, std::vector<fs::path>> result;
    for (const auto& entry : fs::recursive_directory_iterator(rtl)) {
        if (entry.path().extension() != ".mem") continue;
        const std::string name =
            (entry.path().lexically_relative(rtl).parent_path() / entry.path().stem())
                .generic_string();
        std::string best;
        for (const std::string& stem : stems) {
            const bool fits = name == stem || (name.starts_with(stem) && name[stem.size()] == '_');
            if (fits && stem.size() > best.size()) best = stem;
        }
        if (!best.empty()) result[best].push_back(entry.path());
    }
    for (auto& [stem, files] : result) std::ranges::sort(files);
    return result;
}

}  // namespace

std::string read_source(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) {
        throw Error(code::kSourceUnreadable, file.string(), "a hardware source file cannot be read",
                    "compile the network again");
    }
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::string UnitSources::text_hash() const {
    // A module that was made for one layer carries its name, which does not matter either.
    const bool is_made = !module.starts_with("ql_");
    const auto neutral = [&](std::string text) {
        for (std::size_t at = text.find(module); is_made && at != std::string::npos;
             at = text.find(module, at + 1)) {
            text.replace(at, module.size(), "made");
        }
        return text;
    };
    ContentHash hash;
    hash.add(neutral(module));
    for (const fs::path& file : files) {
        hash.add(neutral(file.filename().string()));
        hash.add(neutral(read_source(file)));
    }
    for (const auto& [name, value] : parameters) {
        hash.add(name);
        hash.add(value);
    }
    for (const auto& [name, file] : memories) {
        hash.add(name);
        hash.add(read_source(file));
    }
    return hash.text();
}

std::vector<UnitSources> unit_sources(const hw::Accelerator& accelerator, const fs::path& rtl) {
    const Library library(rtl);
    std::set<std::string> stems;
    for (const hw::Unit& unit : accelerator.units) {
        for (const hw::Parameter& parameter : unit.parameters) {
            if (is_memory_stem(parameter)) stems.insert(std::get<std::string>(parameter.value));
        }
    }
    const auto memories = files_by_stem(rtl, stems);

    std::vector<UnitSources> result;
    for (const hw::Unit& unit : accelerator.units) {
        UnitSources sources{.module = unit.rtl_module(),
                            .files = {},
                            .parameters = {},
                            .memories = {}};
        sources.files = library.closure(sources.module);
        std::size_t stem_count = 0;
        const std::vector<hw::Parameter> none;
        for (const hw::Parameter& parameter : unit.has_own_module() ? none : unit.parameters) {
            if (const auto* number = std::get_if<std::int64_t>(&parameter.value)) {
                sources.parameters.emplace_back(parameter.name, number_text(*number));
                continue;
            }
            std::string text = std::get<std::string>(parameter.value);
            if (is_memory_stem(parameter)) {
                const std::string neutral = neutral_stem(stem_count++);
                const auto files = memories.find(text);
                if (files != memories.end()) {
                    for (const fs::path& file : files->second) {
                        const std::string name = file.lexically_relative(rtl).generic_string();
                        sources.memories.emplace_back(neutral + name.substr(text.size()), file);
                    }
                }
                text = neutral;
            }
            // A sized literal stays a number.
            const bool is_number = text.find('\'') != std::string::npos;
            sources.parameters.emplace_back(parameter.name, is_number ? text : '"' + text + '"');
        }
        result.push_back(std::move(sources));
    }
    return result;
}

}  // namespace qloom::synth
