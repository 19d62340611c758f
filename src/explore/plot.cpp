#include "explore/plot.h"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "base/process.h"
#include "explore/pareto.h"

namespace qloom::explore {
namespace {

namespace fs = std::filesystem;

struct Dot {
    double luts = 0.0;
    double value = 0.0;
    bool is_best = false;  // nothing is at least as good with fewer LUTs
};

// In the two quantities of one plot: fewer LUTs, more of the value.
void mark_best(std::vector<Dot>& dots) {
    std::vector<Merit> merits;
    for (const Dot& dot : dots) merits.push_back({dot.value, 0.0, dot.luts});
    const std::vector<bool> best = pareto(merits);
    for (std::size_t i = 0; i < dots.size(); ++i) dots[i].is_best = best[i];
    std::ranges::sort(dots, {}, &Dot::luts);
}

std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') result += '\\';
        result += c;
    }
    return result + "\"";
}

fs::path draw(const std::string& name, const std::string& title, const std::string& value_title,
              bool is_logarithmic, std::vector<Dot> dots, const std::string& lut_title,
              const fs::path& folder) {
    mark_best(dots);
    const fs::path plots = folder / "plots";
    fs::create_directories(plots);
    std::ofstream data(plots / (name + ".dat"));
    data << "# LUTs  value\n";
    for (const Dot& dot : dots) data << fmt::format("{} {}\n", dot.luts, dot.value);
    data << "\n\n";
    for (const Dot& dot : dots) {
        if (dot.is_best) data << fmt::format("{} {}\n", dot.luts, dot.value);
    }
    data.close();
    std::ofstream script(plots / (name + ".gp"));
    script << fmt::format(
        "set terminal svg size 720,480 background rgb \"white\" font \"sans-serif,13\"\n"
        "set output \"../{0}.svg\"\n"
        "set title {1} noenhanced\n"
        "set xlabel \"{2}\"\n"
        "set ylabel \"{3}\"\n"
        "set grid\n"
        "set key bottom right\n"
        "set format x \"%'.0f\"\n"
        "set offsets graph 0.05, graph 0.05, graph 0.08, graph 0.08\n"
        "{4}"
        "plot \"{0}.dat\" index 0 with points pt 7 ps 0.7 lc rgb \"#7090b0\" title \"all points\", \\\n"
        "     \"{0}.dat\" index 1 with linespoints pt 7 ps 0.9 lw 2 lc rgb \"#c04030\" title \"best\"\n",
        name, quoted(title), lut_title, value_title, is_logarithmic ? "set logscale y\n" : "");
    script.close();
    check_tool({"gnuplot", name + ".gp"}, {.working_directory = plots}, "gnuplot-nox");
    return folder / (name + ".svg");
}

}  // namespace

bool can_draw() { return tool_exists("gnuplot"); }

std::vector<fs::path> draw_plots(const Sweep& sweep, const std::vector<PointOutcome>& outcomes,
                                 const fs::path& folder) {
    std::vector<fs::path> pictures;
    if (!can_draw()) return pictures;
    std::vector<Dot> accuracies;
    std::vector<Dot> rates;
    for (const PointOutcome& outcome : outcomes) {
        const auto luts = outcome.luts();
        if (!luts) continue;
        if (const auto accuracy = outcome.number("accuracy"))
            accuracies.push_back({*luts, *accuracy * 100.0});
        if (const auto fps = outcome.number("fps")) rates.push_back({*luts, *fps});
    }
    const std::string luts = sweep.synth.empty() ? "LUTs (estimated)"
                                                 : "LUTs (synthesised for " + sweep.synth + ")";
    if (!accuracies.empty()) {
        pictures.push_back(draw("accuracy_luts", sweep.name, "accuracy, %", false,
                                std::move(accuracies), luts, folder));
    }
    if (!rates.empty()) {
        pictures.push_back(draw("fps_luts", sweep.name, "frames a second", true, std::move(rates),
                                luts, folder));
    }
    return pictures;
}

}  // namespace qloom::explore
