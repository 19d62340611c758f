#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/table.h"
#include "explore/sweep.h"

namespace qloom::explore {

// A point and what came of it.
struct PointOutcome {
    const Point* point = nullptr;
    nlohmann::ordered_json result;  // of its task; null where it is not finished
    bool is_pareto = false;

    [[nodiscard]] bool is_ok() const { return result.is_object() && result.value("ok", false); }
    [[nodiscard]] std::string error() const;
    // Synthesised where it was, else estimated.
    [[nodiscard]] std::optional<double> luts() const;
    [[nodiscard]] std::optional<double> number(const char* key) const;
};

// In the order of the sweep's points, with the Pareto points found among those that are done: more
// accuracy (where it is known), more frames a second, fewer LUTs.
std::vector<PointOutcome> outcomes_of(const Sweep& sweep, const std::filesystem::path& folder);

// All points: a list of objects, and a table with a line a point.
nlohmann::ordered_json points_json(const Sweep& sweep, const std::vector<PointOutcome>& outcomes);
std::string points_csv(const Sweep& sweep, const std::vector<PointOutcome>& outcomes);
// The Pareto points, by falling accuracy, then rate.
Table pareto_table(const Sweep& sweep, const std::vector<PointOutcome>& outcomes);

}  // namespace qloom::explore
