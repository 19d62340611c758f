#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "explore/outcome.h"

namespace qloom::explore {

// Two scatter plots with the Pareto points joined, drawn by gnuplot: accuracy_luts.svg and
// fps_luts.svg, with the script and the numbers beside them (plots/). Returns the pictures; none
// where gnuplot is missing, where nothing is done, or, for the first, no accuracy is known.
std::vector<std::filesystem::path> draw_plots(const Sweep& sweep,
                                              const std::vector<PointOutcome>& outcomes,
                                              const std::filesystem::path& folder);
// Whether there is a gnuplot.
bool can_draw();

}  // namespace qloom::explore
