#include "explore/sweep.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "base/content_hash.h"
#include "base/diagnostic.h"
#include "explore/recipe_text.h"

namespace qloom::explore {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t kMostPoints = 100'000;

// Keys without a dot that choose the network, and options of `qloom compile`.
struct CompileKey {
    const char* key;
    const char* option;
    bool is_target;
};
constexpr std::array<CompileKey, 12> kCompileKeys{{{"board", "--board", false},
                                                   {"fps", "--fps", true},
                                                   {"ii", "--ii", true},
                                                   {"max_fps", "--max-fps", true},
                                                   {"headroom", "--headroom", false},
                                                   {"luts", "--luts", false},
                                                   {"dsps", "--dsps", false},
                                                   {"latency_us", "--latency-us", false},
                                                   {"slack", "--slack", false},
                                                   {"clock_mhz", "--clock-mhz", false},
                                                   {"postprocess", "--postprocess", false},
                                                   {"input_type", "--input-type", false}}};
constexpr std::array<const char*, 2> kModelKeys{"recipe", "model"};

class Reader {
public:
    Reader(std::string file, const SweepOverrides& overrides)
        : file_(std::move(file)), overrides_(overrides) {}

    Sweep read() {
        toml::table root;
        try {
            std::ifstream stream(file_);
            if (!stream) bad("the file cannot be read", "check the name");
            root = toml::parse(stream);
        } catch (const toml::parse_error& error) {
            bad(fmt::format("line {}: {}", error.source().begin.line, error.description()),
                "compare with the example of `qloom explore --help`");
        }
        for (const auto& [key, node] : root) {
            const std::string name(key.str());
            if (name == "name" || name == "data" || name == "synth") {
                const auto text = node.value<std::string>();
                if (!text) bad(fmt::format("{} is not a text", name), "put it in quotes");
                (name == "name" ? sweep_.name : name == "data" ? sweep_.data : sweep_.synth) = *text;
            } else if (name == "fixed" || name == "grid") {
                if (!node.is_table())
                    bad(fmt::format("{} is not a table", name), fmt::format("write [{}]", name));
                read_axes(*node.as_table(), "", name == "grid");
            } else {
                bad(fmt::format("there is no key {}", name),
                    "known: name, data, synth, [fixed], [grid]");
            }
        }
        if (!overrides_.synth.empty()) sweep_.synth = overrides_.synth;
        if (sweep_.name.empty()) sweep_.name = fs::path(file_).stem().string();
        // In the order of the file: TOML tables forget it.
        std::ranges::stable_sort(sweep_.axes, {}, [&](const Axis& axis) { return line_of(axis.key); });
        std::vector<Setting> settings = fixed_;
        combine(0, settings);
        return std::move(sweep_);
    }

private:
    [[noreturn]] void bad(const std::string& what, const std::string& advice) const {
        throw Error(code::kSweepBad, file_, what, advice);
    }

    static Json json_of(const toml::node& node) {
        if (const auto* text = node.as_string()) return text->get();
        if (const auto* whole = node.as_integer()) return whole->get();
        if (const auto* number = node.as_floating_point()) return number->get();
        if (const auto* flag = node.as_boolean()) return flag->get();
        return nullptr;
    }

    int line_of(const std::string& key) const {
        const auto found = std::ranges::find(lines_, key, &std::pair<std::string, int>::first);
        return found == lines_.end() ? 0 : found->second;
    }

    void check_key(const std::string& key) const {
        if (key.find('.') != std::string::npos) return;  // of the recipe: seen when it is set
        std::vector<std::string> known;
        for (const CompileKey& it : kCompileKeys) known.emplace_back(it.key);
        known.insert(known.end(), kModelKeys.begin(), kModelKeys.end());
        if (std::ranges::find(known, key) != known.end()) return;
        const std::string near = nearest_word(key, known);
        bad(fmt::format("there is no key {}", key),
            near.empty() ? fmt::format("known: {}; and values of the recipe, such as training.epochs",
                                       fmt::join(known, ", "))
                         : fmt::format("did you mean {}?", near));
    }

    // Dotted keys make tables of tables: their ways are put together again.
    void read_axes(const toml::table& table, const std::string& prefix, bool varies) {
        for (const auto& [name, node] : table) {
            const std::string key = prefix + std::string(name.str());
            if (const toml::table* inner = node.as_table()) {
                read_axes(*inner, key + ".", varies);
                continue;
            }
            check_key(key);
            lines_.emplace_back(key, static_cast<int>(name.source().begin.line));
            if (!varies) {
                const Json value = json_of(node);
                if (value.is_null())
                    bad(fmt::format("{} in [fixed] is not one value", key),
                        "several values belong into [grid]");
                fixed_.emplace_back(key, value);
                continue;
            }
            Axis axis{.key = key, .values = {}};
            if (const toml::array* list = node.as_array()) {
                for (const toml::node& item : *list) axis.values.push_back(json_of(item));
            } else {
                axis.values.push_back(json_of(node));
            }
            if (axis.values.empty() || std::ranges::any_of(axis.values, &Json::is_null))
                bad(fmt::format("{} in [grid] is not a list of values", key),
                    "write it like fps = [10000, 100000]");
            sweep_.axes.push_back(std::move(axis));
        }
    }

    void combine(std::size_t axis, std::vector<Setting>& settings) {
        if (axis == sweep_.axes.size()) {
            if (sweep_.points.size() == kMostPoints)
                bad(fmt::format("the grid has more than {} points", kMostPoints),
                    "give fewer values");
            add_point(settings);
            return;
        }
        for (const Json& value : sweep_.axes[axis].values) {
            settings.emplace_back(sweep_.axes[axis].key, value);
            combine(axis + 1, settings);
            settings.pop_back();
        }
    }

    // A file that the sweep names, beside the sweep.
    [[nodiscard]] std::string beside(const std::string& name) const {
        const fs::path path = fs::path(file_).parent_path() / name;
        return name.find('/') != std::string::npos || name.find('.') != std::string::npos
                   ? fs::absolute(path).lexically_normal().string()
                   : name;
    }

    std::string contents(const std::string& name) {
        auto& known = contents_[name];
        if (!known.empty()) return known;
        std::ifstream stream(name, std::ios::binary);
        if (!stream) bad(fmt::format("the model {} cannot be read", name), "check the name");
        known.assign(std::istreambuf_iterator<char>(stream), {});
        return known;
    }

    void add_point(const std::vector<Setting>& settings) {
        Point point;
        point.settings.assign(settings.begin() + static_cast<std::ptrdiff_t>(fixed_.size()),
                              settings.end());
        std::string recipe;
        std::vector<Setting> values;
        bool has_board = false;
        int targets = 0;
        for (const auto& [key, value] : settings) {
            if (key == "recipe") {
                recipe = value_text(value);
            } else if (key == "model") {
                point.model_file = beside(value_text(value));
            } else if (key.find('.') != std::string::npos) {
                values.emplace_back(key, value);
            } else {
                const auto* option = std::ranges::find(kCompileKeys, key, &CompileKey::key);
                if (value.is_boolean()) {
                    if (!value.get<bool>()) continue;
                    point.compile_options.emplace_back(option->option);
                } else {
                    const std::string text = value_text(value);
                    point.compile_options.emplace_back(option->option);
                    point.compile_options.push_back(key == "board" ? beside(text) : text);
                }
                has_board = has_board || key == "board";
                targets += option->is_target ? 1 : 0;
            }
        }
        if (recipe.empty() == point.model_file.empty())
            bad(recipe.empty() ? "neither a recipe nor a model is given"
                               : "a recipe and a model are given",
                "give one of them in [fixed] or [grid]: recipe = \"fashion-mnist-mlp\"");
        if (!has_board) bad("no board is given", "write board = \"pynq-z1\" under [fixed]");
        if (targets != 1)
            bad(targets == 0 ? "no rate is given" : "more than one of fps, ii and max_fps is given",
                "give fps, ii or max_fps = true in [fixed] or [grid]");
        ContentHash model;
        if (!recipe.empty()) {
            std::string text = recipe_text(beside(recipe), file_);
            if (!values.empty()) text = with_values(text, values, file_);
            point.recipe_text = std::move(text);
            model.add("recipe");
            model.add(point.recipe_text);
        } else {
            if (!values.empty())
                bad(fmt::format("{} is a value of a recipe, and a model is given", values.front().first),
                    "give a recipe, or leave it out");
            model.add("model");
            model.add(point.model_file);
            model.add(contents(point.model_file));
            model.add(sweep_.data);
        }
        point.model_key = model.text().substr(0, 12);
        ContentHash all;
        all.add(model.text());
        for (const std::string& option : point.compile_options) all.add(option);
        all.add(sweep_.synth);
        point.key = all.text().substr(0, 12);
        const auto same = std::ranges::find(sweep_.points, point.key, &Point::key);
        if (same == sweep_.points.end()) sweep_.points.push_back(std::move(point));
    }

    std::string file_;
    SweepOverrides overrides_;
    Sweep sweep_;
    std::vector<Setting> fixed_;
    std::vector<std::pair<std::string, int>> lines_;
    std::map<std::string, std::string> contents_;
};

}  // namespace

Sweep read_sweep(const std::string& file, const SweepOverrides& overrides) {
    return Reader(file, overrides).read();
}

std::string value_text(const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string short_key(const std::string& key) {
    const std::string first = key.substr(0, key.find(','));
    const auto last = first.rfind('.');
    if (last == std::string::npos) return first;
    const auto before = first.rfind('.', last - 1);
    return first.substr(before == std::string::npos ? 0 : before + 1);
}

}  // namespace qloom::explore
