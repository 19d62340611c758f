#include "train/toml_section.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "base/codes/train.h"
#include "base/diagnostic.h"

namespace qloom::train {
namespace {

// What the user wrote, as TOML: "five", 5, [1, 2].
std::string written(const toml::node& node) {
    std::ostringstream stream;
    node.visit([&](const auto& value) { stream << value; });
    return stream.str();
}

std::string type_word(const toml::node& node) {
    switch (node.type()) {
        case toml::node_type::table:
            return "a table";
        case toml::node_type::array:
            return "an array";
        case toml::node_type::string:
            return "a string";
        case toml::node_type::integer:
            return "an integer";
        case toml::node_type::floating_point:
            return "a number";
        case toml::node_type::boolean:
            return "a boolean";
        default:
            return "a date or time";
    }
}

}  // namespace

TomlSection::TomlSection(const toml::table& table, std::string file, std::string place)
    : table_(&table), file_(std::move(file)), place_(std::move(place)) {}

std::string TomlSection::where(std::string_view key) const {
    const toml::node* node = table_->get(key);
    const auto line = node != nullptr ? node->source().begin.line : table_->source().begin.line;
    return fmt::format("{}:{}{}{}", file_, std::max<std::uint32_t>(line, 1),
                       place_.empty() ? "" : ": ", place_);
}

void TomlSection::wrong_type(std::string_view key, std::string_view wanted) const {
    const toml::node* node = table_->get(key);
    throw Error(code::kRecipeType, where(key),
                fmt::format("{} is {}, expected {}", key, type_word(*node), wanted),
                fmt::format("give {}", wanted));
}

void TomlSection::missing(std::string_view key, std::string_view wanted) const {
    throw Error(code::kRecipeType, where(key), fmt::format("{} is missing", key),
                fmt::format("give {} = {}", key, wanted));
}

void TomlSection::wrong_value(std::string_view key, const std::string& found,
                              const std::string& advice) const {
    throw Error(code::kRecipeValue, where(key), fmt::format("{} = {}", key, found), advice);
}

void TomlSection::unknown_choice(std::string_view key, const std::string& found,
                                 const std::vector<std::string>& names) const {
    const std::string near = nearest_word(found, names);
    wrong_value(key, fmt::format("\"{}\" is not known", found),
                fmt::format("{}choose one of {}",
                            near.empty() ? "" : fmt::format("did you mean {}? ", near),
                            fmt::join(names, ", ")));
}

std::int64_t TomlSection::integer_of(std::string_view key, const toml::node& node, std::int64_t lo,
                                     std::int64_t hi) const {
    const auto value = node.value_exact<std::int64_t>();
    if (!value) {
        wrong_type(key, "an integer");
    }
    if (*value < lo || *value > hi) {
        wrong_value(key, fmt::format("{} is out of range", *value),
                    fmt::format("give {} to {}", lo, hi));
    }
    return *value;
}

double TomlSection::number_of(std::string_view key, const toml::node& node, double lo,
                              double hi) const {
    if (!node.is_number()) {
        wrong_type(key, "a number");
    }
    const double value = node.value<double>().value_or(std::nan(""));
    if (!(value >= lo && value <= hi)) {
        wrong_value(key, fmt::format("{} is out of range", written(node)),
                    fmt::format("give {:g} to {:g}", lo, hi));
    }
    return value;
}

std::vector<const toml::node*> TomlSection::elements(std::string_view key,
                                                     const std::vector<std::size_t>& counts) const {
    const toml::node* node = table_->get(key);
    std::vector<const toml::node*> result;
    if (!node->is_array()) {
        return {node};
    }
    for (const toml::node& element : *node->as_array()) {
        result.push_back(&element);
    }
    if (std::find(counts.begin(), counts.end(), result.size()) == counts.end()) {
        std::vector<std::size_t> distinct = counts;
        distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
        wrong_value(key, fmt::format("{} has {} numbers", written(*node), result.size()),
                    fmt::format("give {} of them", fmt::join(distinct, " or ")));
    }
    return result;
}

std::int64_t TomlSection::needed_integer(std::string_view key, std::int64_t lo, std::int64_t hi) {
    note(key);
    const toml::node* node = table_->get(key);
    if (node == nullptr) {
        missing(key, "an integer");
    }
    return integer_of(key, *node, lo, hi);
}

std::int64_t TomlSection::integer(std::string_view key, std::int64_t fallback, std::int64_t lo,
                                  std::int64_t hi) {
    note(key);
    return has(key) ? needed_integer(key, lo, hi) : fallback;
}

double TomlSection::number(std::string_view key, double fallback, double lo, double hi) {
    note(key);
    const toml::node* node = table_->get(key);
    return node == nullptr ? fallback : number_of(key, *node, lo, hi);
}

std::vector<std::int64_t> TomlSection::integers(std::string_view key,
                                                const std::vector<std::int64_t>& fallback,
                                                const std::vector<std::size_t>& counts,
                                                std::int64_t lo, std::int64_t hi) {
    note(key);
    if (!has(key)) {
        return fallback;
    }
    std::vector<std::int64_t> result;
    for (const toml::node* element : elements(key, counts)) {
        result.push_back(integer_of(key, *element, lo, hi));
    }
    return result;
}

std::vector<double> TomlSection::numbers(std::string_view key, const std::vector<double>& fallback,
                                         const std::vector<std::size_t>& counts, double lo,
                                         double hi) {
    note(key);
    if (!has(key)) {
        return fallback;
    }
    std::vector<double> result;
    for (const toml::node* element : elements(key, counts)) {
        result.push_back(number_of(key, *element, lo, hi));
    }
    return result;
}

std::vector<std::string> TomlSection::texts(std::string_view key,
                                            const std::vector<std::string>& fallback) {
    note(key);
    const toml::node* node = table_->get(key);
    if (node == nullptr) {
        return fallback;
    }
    if (!node->is_array()) {
        return {needed_text(key)};
    }
    std::vector<std::string> result;
    for (const toml::node& element : *node->as_array()) {
        if (!element.is_string()) {
            wrong_type(key, "a string or an array of strings");
        }
        result.push_back(*element.value<std::string>());
    }
    return result;
}

bool TomlSection::boolean(std::string_view key, bool fallback) {
    note(key);
    const toml::node* node = table_->get(key);
    if (node == nullptr) {
        return fallback;
    }
    if (!node->is_boolean()) {
        wrong_type(key, "true or false");
    }
    return *node->value<bool>();
}

std::string TomlSection::needed_text(std::string_view key) {
    note(key);
    const toml::node* node = table_->get(key);
    if (node == nullptr) {
        missing(key, "a string");
    }
    if (!node->is_string()) {
        wrong_type(key, "a string");
    }
    return *node->value<std::string>();
}

std::string TomlSection::text(std::string_view key, const std::string& fallback) {
    note(key);
    return has(key) ? needed_text(key) : fallback;
}

std::optional<TomlSection> TomlSection::section(std::string_view key, std::string place) {
    note(key);
    const toml::node* node = table_->get(key);
    if (node == nullptr) {
        return std::nullopt;
    }
    if (!node->is_table()) {
        wrong_type(key, "a table");
    }
    return TomlSection(*node->as_table(), file_, std::move(place));
}

std::vector<const toml::table*> TomlSection::tables(std::string_view key) {
    note(key);
    std::vector<const toml::table*> result;
    const toml::node* node = table_->get(key);
    if (node == nullptr) {
        return result;
    }
    if (!node->is_array()) {
        wrong_type(key, "an array of tables");
    }
    for (const toml::node& element : *node->as_array()) {
        if (!element.is_table()) {
            wrong_type(key, "an array of tables");
        }
        result.push_back(element.as_table());
    }
    return result;
}

bool TomlSection::is_boolean(std::string_view key, bool value) {
    const toml::node* node = table_->get(key);
    if (node == nullptr || !node->is_boolean() || *node->value<bool>() != value) {
        return false;
    }
    note(key);
    return true;
}

bool TomlSection::is_text(std::string_view key, std::string_view value) {
    const toml::node* node = table_->get(key);
    if (node == nullptr || !node->is_string() || *node->value<std::string>() != value) {
        return false;
    }
    note(key);
    return true;
}

void TomlSection::finish() const {
    for (const auto& [key, node] : *table_) {
        const std::string name(key.str());
        if (std::find(known_.begin(), known_.end(), name) != known_.end()) {
            continue;
        }
        std::vector<std::string> names = known_;
        std::sort(names.begin(), names.end());
        names.erase(std::unique(names.begin(), names.end()), names.end());
        const std::string near = nearest_word(name, names);
        throw Error(code::kRecipeKeyUnknown, where(name), fmt::format("unknown key {}", name),
                    near.empty() ? fmt::format("the keys are {}", fmt::join(names, ", "))
                                 : fmt::format("did you mean {}?", near));
    }
}

}  // namespace qloom::train
