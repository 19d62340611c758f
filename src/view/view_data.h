#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/diagnostic.h"
#include "hw/accelerator.h"
#include "ir/graph.h"
#include "lower/lower.h"

// Everything the page shows, as one document (docs/formats.md, "View data").
namespace qloom::view {

constexpr int kFormatVersion = 1;

struct ViewInput {
    std::string title;
    const ir::Graph* imported = nullptr;  // as the file has it
    const ir::Graph* prepared = nullptr;  // tidied, as lowering takes it
    std::vector<lower::NodePlacement> placements = {};
    const lower::Lowered* lowered =
        nullptr;  // none: the model cannot become hardware, and `error` says why
    const hw::Accelerator* accelerator = nullptr;
    std::optional<Diagnostic> error = {};  // why the steps end early
    std::vector<std::string> notes = {};
    // Documents of the commands that made them, null when not known: metrics.json, simulation.json,
    // the self-check.
    nlohmann::ordered_json training = nullptr;
    nlohmann::ordered_json simulation = nullptr;
    nlohmann::ordered_json self_check = nullptr;
};

// Equal inputs give equal documents.
nlohmann::ordered_json view_data(const ViewInput& input);

// {"code", "where", "what", "advice"}.
nlohmann::ordered_json diagnostic_json(const Diagnostic& diagnostic);

}  // namespace qloom::view
