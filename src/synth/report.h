#pragma once

#include <optional>
#include <string>

#include "synth/route.h"
#include "synth/synthesise.h"

namespace qloom::synth {

// synth.json: luts, ffs, carries, bram36, dsps of everything and of each unit, its logic depth, the
// cost model beside it. `route` may be null.
std::string report_json(const Synthesis& synthesis, const Routed* route);

// The same for people: a table with a row a unit.
std::string report_text(const Synthesis& synthesis, const Routed* route, int columns = 0);

// (estimated - synthesised) / synthesised; nothing where there is no estimate for the family or
// nothing to compare.
std::optional<double> lut_error(const Synthesis& synthesis, const LayerSynthesis& layer);
std::optional<double> total_lut_error(const Synthesis& synthesis);

// Writes DIR/synth.json, and DIR/report.txt with the synthesised figures below the estimates.
// Throws code::kOutputUnwritable.
void write_reports(const std::filesystem::path& dir, const Synthesis& synthesis,
                   const Routed* route);

}  // namespace qloom::synth
