#include "data/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>

#include "base/codes/train.h"
#include "base/diagnostic.h"
#include "data/read_bytes.h"

namespace qloom::data {
namespace {

constexpr const char* kAdvice =
    "give one line a sample: numbers and one label, separated by commas";

std::string_view trimmed(std::string_view field) {
    const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '"'; };
    while (!field.empty() && is_space(field.front())) {
        field.remove_prefix(1);
    }
    while (!field.empty() && is_space(field.back())) {
        field.remove_suffix(1);
    }
    return field;
}

std::vector<std::string_view> fields_of(std::string_view line, char separator) {
    std::vector<std::string_view> result;
    while (true) {
        const std::size_t end = line.find(separator);
        result.push_back(trimmed(line.substr(0, end)));
        if (end == std::string_view::npos) {
            return result;
        }
        line.remove_prefix(end + 1);
    }
}

std::optional<float> number_of(std::string_view field) {
    float value = 0.0F;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    const bool whole = error == std::errc() && end == field.data() + field.size() && !field.empty();
    return whole && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

struct Line {
    std::size_t number = 0;  // from 1
    std::vector<std::string_view> fields;
};

std::vector<Line> lines_of(std::string_view text) {
    const std::size_t first_end = text.find('\n');
    const char separator = text.substr(0, first_end).find(',') == std::string_view::npos &&
                                   text.substr(0, first_end).find(';') != std::string_view::npos
                               ? ';'
                               : ',';
    std::vector<Line> result;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        if (!trimmed(line).empty()) {
            result.push_back({number, fields_of(line, separator)});
        }
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return result;
}

std::size_t label_column(const Line& header, bool has_header, const std::string& label,
                         const std::string& where) {
    const std::size_t columns = header.fields.size();
    if (label.empty()) {
        return columns - 1;
    }
    if (has_header) {
        const auto found = std::find(header.fields.begin(), header.fields.end(), label);
        if (found != header.fields.end()) {
            return static_cast<std::size_t>(found - header.fields.begin());
        }
    }
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), number);
    if (error == std::errc() && end == label.data() + label.size() && number >= 1 &&
        number <= columns) {
        return number - 1;
    }
    throw Error(code::kDatasetMismatch, where, fmt::format("there is no column {}", label),
                has_header ? fmt::format("name one of {}", fmt::join(header.fields, ", "))
                           : fmt::format("name a column by its number, 1 to {}", columns));
}

}  // namespace

Dataset parse_csv(std::string_view text, const std::string& where, const std::string& label) {
    std::vector<Line> lines = lines_of(text);
    if (lines.empty()) {
        throw Error(code::kDatasetCorrupt, where, "there is no line in it", kAdvice);
    }
    const Line first = lines.front();
    const bool has_header =
        std::none_of(first.fields.begin(), first.fields.end(),
                     [](std::string_view field) { return number_of(field).has_value(); });
    const std::size_t column = label_column(first, has_header, label, where);
    if (has_header) {
        lines.erase(lines.begin());
    }
    std::vector<float> values;
    std::vector<std::string_view> words;
    for (const Line& line : lines) {
        const std::string place = fmt::format("{}:{}", where, line.number);
        if (line.fields.size() != first.fields.size() || line.fields.size() < 2) {
            throw Error(code::kDatasetCorrupt, place,
                        fmt::format("{} fields, expected {}", line.fields.size(),
                                    std::max<std::size_t>(2, first.fields.size())),
                        kAdvice);
        }
        for (std::size_t i = 0; i < line.fields.size(); ++i) {
            if (i == column) {
                words.push_back(line.fields[i]);
                continue;
            }
            const std::optional<float> value = number_of(line.fields[i]);
            if (!value) {
                throw Error(
                    code::kDatasetCorrupt, place,
                    fmt::format("\"{}\" in field {} is not a number", line.fields[i], i + 1),
                    kAdvice);
            }
            values.push_back(*value);
        }
    }
    if (lines.empty()) {
        throw Error(code::kDatasetCorrupt, where, "there is no line behind the header", kAdvice);
    }
    Dataset result;
    result.name = where;
    const bool whole_numbers = std::all_of(words.begin(), words.end(), [](std::string_view word) {
        const std::optional<float> value = number_of(word);
        return value && std::floor(*value) == *value && *value >= 0.0F && *value < 65536.0F;
    });
    if (whole_numbers) {
        for (const std::string_view word : words) {
            result.labels.push_back(static_cast<std::int32_t>(*number_of(word)));
        }
        result.classes = *std::max_element(result.labels.begin(), result.labels.end()) + 1;
    } else {
        const std::set<std::string_view> classes(words.begin(), words.end());
        result.class_names.assign(classes.begin(), classes.end());
        for (const std::string_view word : words) {
            result.labels.push_back(
                static_cast<std::int32_t>(std::distance(classes.begin(), classes.find(word))));
        }
        result.classes = static_cast<int>(classes.size());
    }
    result.samples = Tensor<float>(
        {result.size(), static_cast<std::int64_t>(first.fields.size()) - 1}, std::move(values));
    return result;
}

Dataset load_csv(const std::string& name, const std::string& file, const std::string& label) {
    const std::vector<std::uint8_t> bytes = read_bytes(file);
    Dataset result =
        parse_csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, file, label);
    result.name = name;
    return result;
}

}  // namespace qloom::data
