#include "explore/outcome.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "explore/pareto.h"
#include "explore/task.h"

namespace qloom::explore {
namespace {

using Json = nlohmann::ordered_json;

std::string csv_cell(const std::string& text) {
    if (text.find_first_of(",\"\n") == std::string::npos) return text;
    std::string cell = "\"";
    for (const char c : text) cell += c == '"' ? std::string("\"\"") : std::string(1, c);
    return cell + "\"";
}

// Name in the list and the table, and where it stands in a task's result.
struct Figure {
    const char* name;
    const char* key;
    bool is_synthesised;
};
constexpr Figure kFigures[] = {
    {"accuracy", "accuracy", false},     {"fps", "fps", false},
    {"ii_cycles", "ii_cycles", false},   {"latency_cycles", "latency_cycles", false},
    {"clock_mhz", "clock_mhz", false},   {"luts", "luts", false},
    {"ffs", "ffs", false},               {"bram36", "bram36", false},
    {"dsps", "dsps", false},             {"synth_luts", "luts", true},
    {"synth_ffs", "ffs", true},          {"synth_bram36", "bram36", true},
    {"synth_dsps", "dsps", true},
};

Json figure_of(const PointOutcome& outcome, const Figure& figure) {
    if (!outcome.is_ok()) return nullptr;
    if (!figure.is_synthesised) return outcome.result.value(figure.key, Json());
    const Json synth = outcome.result.value("synth", Json());
    return synth.is_object() ? synth.value(figure.key, Json()) : Json();
}

}  // namespace

std::string PointOutcome::error() const {
    if (is_ok()) return "";
    return result.is_object() ? result.value("error", std::string("failed")) : "not finished";
}

std::optional<double> PointOutcome::number(const char* key) const {
    if (!is_ok()) return std::nullopt;
    const Json value = result.value(key, Json());
    return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

std::optional<double> PointOutcome::luts() const {
    if (is_ok() && result.contains("synth") && result["synth"].value("luts", Json()).is_number())
        return result["synth"]["luts"].get<double>();
    return number("luts");
}

std::vector<PointOutcome> outcomes_of(const Sweep& sweep, const std::filesystem::path& folder) {
    std::vector<PointOutcome> outcomes;
    std::vector<Merit> merits;
    std::vector<std::size_t> done;
    for (const Point& point : sweep.points) {
        PointOutcome outcome{
            .point = &point, .result = task_result(folder, {TaskKind::kPoint, point.key, &point})};
        if (outcome.is_ok() && outcome.luts() && outcome.number("fps")) {
            done.push_back(outcomes.size());
            merits.push_back({outcome.number("accuracy").value_or(0.0), *outcome.number("fps"),
                              *outcome.luts()});
        }
        outcomes.push_back(std::move(outcome));
    }
    const std::vector<bool> best = pareto(merits);
    for (std::size_t i = 0; i < done.size(); ++i) outcomes[done[i]].is_pareto = best[i];
    return outcomes;
}

Json points_json(const Sweep& sweep, const std::vector<PointOutcome>& outcomes) {
    Json list = Json::array();
    for (const PointOutcome& outcome : outcomes) {
        Json point = {{"point", outcome.point->key},
                      {"network", outcome.point->model_key},
                      {"settings", Json::object()}};
        for (const auto& [key, value] : outcome.point->settings) point["settings"][key] = value;
        for (const Figure& figure : kFigures) {
            if (!figure.is_synthesised || !sweep.synth.empty())
                point[figure.name] = figure_of(outcome, figure);
        }
        point["pareto"] = outcome.is_pareto;
        point["error"] = outcome.is_ok() ? Json() : Json(outcome.error());
        list.push_back(std::move(point));
    }
    return list;
}

std::string points_csv(const Sweep& sweep, const std::vector<PointOutcome>& outcomes) {
    std::vector<std::string> cells{"point", "network"};
    for (const Axis& axis : sweep.axes) cells.push_back(csv_cell("settings." + axis.key));
    for (const Figure& figure : kFigures) {
        if (!figure.is_synthesised || !sweep.synth.empty()) cells.emplace_back(figure.name);
    }
    cells.insert(cells.end(), {"pareto", "error"});
    std::string text = fmt::format("{}\n", fmt::join(cells, ","));
    for (const PointOutcome& outcome : outcomes) {
        cells = {outcome.point->key, outcome.point->model_key};
        for (const auto& [key, value] : outcome.point->settings)
            cells.push_back(csv_cell(value_text(value)));
        for (const Figure& figure : kFigures) {
            if (figure.is_synthesised && sweep.synth.empty()) continue;
            const Json value = figure_of(outcome, figure);
            cells.push_back(value.is_null() ? "" : value_text(value));
        }
        cells.emplace_back(outcome.is_pareto ? "1" : "0");
        cells.push_back(csv_cell(outcome.error()));
        text += fmt::format("{}\n", fmt::join(cells, ","));
    }
    return text;
}

Table pareto_table(const Sweep& sweep, const std::vector<PointOutcome>& outcomes) {
    std::vector<const PointOutcome*> best;
    for (const PointOutcome& outcome : outcomes) {
        if (outcome.is_pareto) best.push_back(&outcome);
    }
    std::ranges::stable_sort(best, [](const PointOutcome* a, const PointOutcome* b) {
        const auto merit = [](const PointOutcome* outcome) {
            return std::pair(outcome->number("accuracy").value_or(0.0),
                             outcome->number("fps").value_or(0.0));
        };
        return merit(a) > merit(b);
    });
    std::vector<Table::Column> columns{{"point"}};
    for (const Axis& axis : sweep.axes) columns.push_back({short_key(axis.key)});
    for (const char* heading : {"accuracy", "frames/s", "latency µs", "LUT", "BRAM36", "DSP"})
        columns.push_back({heading, Align::kRight});
    Table table(std::move(columns));
    const auto text = [](std::optional<double> value, const char* format) {
        return value ? fmt::format(fmt::runtime(format), *value) : std::string("-");
    };
    for (const PointOutcome* outcome : best) {
        std::vector<std::string> cells{outcome->point->key};
        for (const auto& [key, value] : outcome->point->settings)
            cells.push_back(value_text(value));
        std::optional<double> percent = outcome->number("accuracy");
        if (percent) *percent *= 100.0;
        cells.push_back(percent ? fmt::format("{:.2f} %", *percent) : "-");
        cells.push_back(text(outcome->number("fps"), "{:.0f}"));
        const auto latency = outcome->number("latency_cycles");
        const auto clock = outcome->number("clock_mhz");
        cells.push_back(latency && clock ? fmt::format("{:.2f}", *latency / *clock) : "-");
        cells.push_back(text(outcome->luts(), "{:.0f}"));
        cells.push_back(text(outcome->number("bram36"), "{:g}"));
        cells.push_back(text(outcome->number("dsps"), "{:.0f}"));
        table.add_row(std::move(cells));
    }
    return table;
}

}  // namespace qloom::explore
