#include "explore/recipe_text.h"

#include <fstream>
#include <iterator>
#include <sstream>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "base/diagnostic.h"
#include "explore/embedded_recipes.h"

namespace qloom::explore {
namespace {

[[noreturn]] void throw_bad(const std::string& where, const std::string& what,
                            const std::string& advice) {
    throw Error(code::kSweepBad, where, what, advice);
}

std::vector<std::string> split(const std::string& text, char at) {
    std::vector<std::string> parts;
    std::stringstream stream(text);
    for (std::string part; std::getline(stream, part, at);) {
        const auto first = part.find_first_not_of(' ');
        const auto last = part.find_last_not_of(' ');
        parts.push_back(first == std::string::npos ? "" : part.substr(first, last - first + 1));
    }
    return parts;
}

void set_value(toml::table& table, const std::string& name, const nlohmann::ordered_json& value) {
    if (value.is_string()) {
        table.insert_or_assign(name, value.get<std::string>());
    } else if (value.is_boolean()) {
        table.insert_or_assign(name, value.get<bool>());
    } else if (value.is_number_integer()) {
        table.insert_or_assign(name, value.get<std::int64_t>());
    } else {
        table.insert_or_assign(name, value.get<double>());
    }
}

// The table of a list that has this name.
toml::table& named(toml::array& list, const std::string& name, const std::string& key,
                   const std::string& where) {
    std::vector<std::string> names;
    for (toml::node& node : list) {
        toml::table* entry = node.as_table();
        if (entry == nullptr) continue;
        const std::string its = (*entry)["name"].value_or(std::string());
        if (its == name) return *entry;
        if (!its.empty()) names.push_back(its);
    }
    const std::string near = nearest_word(name, names);
    throw_bad(where, fmt::format("{}: the recipe has no layer {}", key, name),
              near.empty() ? fmt::format("its layers: {}", fmt::join(names, ", "))
                           : fmt::format("did you mean {}?", near));
}

void set_by_key(toml::table& root, const std::string& key, const nlohmann::ordered_json& value,
                const std::string& where) {
    const std::vector<std::string> way = split(key, '.');
    toml::table* table = &root;
    for (std::size_t i = 0; i + 1 < way.size(); ++i) {
        toml::node* next = table->get(way[i]);
        if (next == nullptr) {
            // A section may be missing; a table inside one may not.
            if (i == 0 && way.size() == 2) {
                table->insert(way[i], toml::table{});
                next = table->get(way[i]);
            } else {
                std::vector<std::string> names;
                for (const auto& [name, node] : *table) names.emplace_back(name.str());
                const std::string near = nearest_word(way[i], names);
                throw_bad(where, fmt::format("{}: the recipe has no {}", key, way[i]),
                          near.empty() ? fmt::format("it has {}", fmt::join(names, ", "))
                                       : fmt::format("did you mean {}?", near));
            }
        }
        if (toml::array* list = next->as_array(); list != nullptr && i + 2 < way.size()) {
            table = &named(*list, way[++i], key, where);
        } else if (next->is_table()) {
            table = next->as_table();
        } else {
            throw_bad(where, fmt::format("{}: {} is not a table of the recipe", key, way[i]),
                      "name a value by the tables around it, a layer by its name: "
                      "layers.fc1.outputs");
        }
    }
    set_value(*table, way.back(), value);
}

}  // namespace

std::string recipe_text(const std::string& name_or_path, const std::string& where) {
    std::vector<std::string> names;
    for (const EmbeddedFile& file : embedded_recipes()) {
        const std::string name = std::string(file.name).substr(0, file.name.size() - 5);
        if (name == name_or_path) return std::string(file.text);
        names.push_back(name);
    }
    std::ifstream stream(name_or_path, std::ios::binary);
    if (!stream) {
        const std::string near = nearest_word(name_or_path, names);
        throw_bad(where, fmt::format("there is no recipe {}", name_or_path),
                  near.empty() ? fmt::format("built-in recipes: {}", fmt::join(names, ", "))
                               : fmt::format("did you mean {}?", near));
    }
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::string with_values(const std::string& recipe, const std::vector<Setting>& values,
                        const std::string& where) {
    toml::table root;
    try {
        root = toml::parse(recipe);
    } catch (const toml::parse_error& error) {
        throw_bad(where, fmt::format("the recipe cannot be read: {}", error.description()),
                  "try it with `qloom train`");
    }
    for (const auto& [keys, value] : values) {
        for (const std::string& key : split(keys, ',')) set_by_key(root, key, value, where);
    }
    std::stringstream text;
    text << root << "\n";
    return text.str();
}

}  // namespace qloom::explore
