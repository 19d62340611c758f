#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace qloom::train {

// One table of a TOML file, read key by key with checks; finish() refuses keys that nobody asked
// for. `place` names the table in messages: "training", "layer fc1", "layer fc1: weights".
class TomlSection {
public:
    TomlSection(const toml::table& table, std::string file, std::string place);

    [[nodiscard]] bool has(std::string_view key) const { return table_->contains(key); }
    [[nodiscard]] const std::string& place() const { return place_; }
    [[nodiscard]] const std::string& file() const { return file_; }

    // Values by key; absent ones give the fallback. Throw kRecipeType and kRecipeValue.
    std::int64_t integer(std::string_view key, std::int64_t fallback, std::int64_t lo,
                         std::int64_t hi);
    double number(std::string_view key, double fallback, double lo, double hi);
    bool boolean(std::string_view key, bool fallback);
    std::string text(std::string_view key, const std::string& fallback);
    // A number, or an array of as many as one of `counts` says.
    std::vector<std::int64_t> integers(std::string_view key,
                                       const std::vector<std::int64_t>& fallback,
                                       const std::vector<std::size_t>& counts, std::int64_t lo,
                                       std::int64_t hi);
    std::vector<double> numbers(std::string_view key, const std::vector<double>& fallback,
                                const std::vector<std::size_t>& counts, double lo, double hi);
    // A string, or an array of strings.
    std::vector<std::string> texts(std::string_view key, const std::vector<std::string>& fallback);
    // A value that must be there.
    std::string needed_text(std::string_view key);
    std::int64_t needed_integer(std::string_view key, std::int64_t lo, std::int64_t hi);

    template <class Enum>
    using Choices = std::vector<std::pair<std::string, Enum>>;
    template <class Enum>
    Enum choice(std::string_view key, Enum fallback, const Choices<Enum>& choices) {
        if (!has(key)) {
            note(key);
            return fallback;
        }
        const std::string found = needed_text(key);
        std::vector<std::string> names;
        for (const auto& [name, value] : choices) {
            if (name == found) {
                return value;
            }
            names.push_back(name);
        }
        unknown_choice(key, found, names);
    }

    // A table below this one; none when absent.
    std::optional<TomlSection> section(std::string_view key, std::string place);
    // An array of tables; absent: empty.
    std::vector<const toml::table*> tables(std::string_view key);
    // Whether the key is there and is the given boolean: for `weights = false`.
    bool is_boolean(std::string_view key, bool value);
    // The same for a word: `padding = "same"`.
    bool is_text(std::string_view key, std::string_view value);

    // The same table under another name in messages.
    [[nodiscard]] TomlSection named(std::string place) const {
        TomlSection result = *this;
        result.place_ = std::move(place);
        return result;
    }

    void finish() const;
    [[noreturn]] void wrong_value(std::string_view key, const std::string& found,
                                  const std::string& advice) const;
    // "recipe.toml:12: training"
    [[nodiscard]] std::string where(std::string_view key) const;

private:
    std::int64_t integer_of(std::string_view key, const toml::node& node, std::int64_t lo,
                            std::int64_t hi) const;
    double number_of(std::string_view key, const toml::node& node, double lo, double hi) const;
    std::vector<const toml::node*> elements(std::string_view key,
                                            const std::vector<std::size_t>& counts) const;
    void note(std::string_view key) { known_.emplace_back(key); }
    [[noreturn]] void wrong_type(std::string_view key, std::string_view wanted) const;
    [[noreturn]] void missing(std::string_view key, std::string_view wanted) const;
    [[noreturn]] void unknown_choice(std::string_view key, const std::string& found,
                                     const std::vector<std::string>& names) const;

    const toml::table* table_;
    std::string file_;
    std::string place_;
    std::vector<std::string> known_;
};

}  // namespace qloom::train
