#include "cli/simulation_record.h"

#include <algorithm>
#include <cmath>
#include <fstream>

#include "cli/frames.h"
#include "cli/view_flow.h"

namespace qloom::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kFirstFrames = 16;
constexpr std::int64_t kWrongFrames = 8;
constexpr std::int64_t kMostPixels = 64 * 64 * 3;  // larger frames are not kept

std::string hexadecimal(const std::vector<std::uint8_t>& bytes) {
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const std::uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
    return text;
}

}  // namespace

std::vector<SampleFrame> pick_samples(const ir::Value& inputs,
                                      const std::vector<std::int64_t>& answers,
                                      const std::vector<std::int64_t>& labels) {
    const std::int64_t frames = frame_count(inputs);
    std::vector<SampleFrame> samples;
    std::int64_t wrong = 0;
    for (std::int64_t frame = 0; frame < frames; ++frame) {
        const auto at = static_cast<std::size_t>(frame);
        SampleFrame sample{
            .frame = frame, .label = std::nullopt, .answer = std::nullopt, .pixels = {}};
        if (at < answers.size()) sample.answer = answers[at];
        if (at < labels.size()) sample.label = labels[at];
        const bool is_wrong = sample.answer && sample.label && *sample.answer != *sample.label;
        if (frame >= kFirstFrames && (!is_wrong || wrong >= kWrongFrames)) continue;
        if (frame >= kFirstFrames) ++wrong;
        samples.push_back(std::move(sample));
    }
    std::visit(
        [&](const auto& tensor) {
            const std::int64_t size = frames == 0 ? 0 : tensor.size() / frames;
            if (size == 0 || size > kMostPixels) {
                samples.clear();
                return;
            }
            double lo = static_cast<double>(tensor[samples.front().frame * size]);
            double hi = lo;
            for (const SampleFrame& sample : samples) {
                for (std::int64_t k = 0; k < size; ++k) {
                    lo = std::min(lo, static_cast<double>(tensor[sample.frame * size + k]));
                    hi = std::max(hi, static_cast<double>(tensor[sample.frame * size + k]));
                }
            }
            const double scale = hi > lo ? 255.0 / (hi - lo) : 0.0;
            for (SampleFrame& sample : samples) {
                for (std::int64_t k = 0; k < size; ++k) {
                    const double value =
                        (static_cast<double>(tensor[sample.frame * size + k]) - lo) * scale;
                    sample.pixels.push_back(static_cast<std::uint8_t>(std::lround(value)));
                }
            }
        },
        inputs);
    return samples;
}

Json simulation_json(const SimulateOutcome& outcome) {
    const sim::SimulateResult& simulation = outcome.simulation;
    Json samples = Json::array();
    for (const SampleFrame& sample : outcome.samples) {
        samples.push_back({{"frame", sample.frame},
                           {"label", sample.label ? Json(*sample.label) : Json(nullptr)},
                           {"answer", sample.answer ? Json(*sample.answer) : Json(nullptr)},
                           {"pixels", hexadecimal(sample.pixels)}});
    }
    return {{"frames", outcome.frames},
            {"mismatches", outcome.mismatches},
            {"ii_cycles", simulation.ii_cycles},
            {"latency_cycles", simulation.latency_cycles},
            {"estimated_ii_cycles", outcome.accelerator.ii_cycles},
            {"estimated_latency_cycles", outcome.accelerator.latency_cycles},
            {"cycles", simulation.cycles},
            {"accuracy", outcome.accuracy ? Json(*outcome.accuracy) : Json(nullptr)},
            {"class_names", outcome.class_names},
            {"sample_shape", outcome.sample_shape},
            {"samples", std::move(samples)}};
}

void record_simulation(const std::filesystem::path& folder, const SimulateOutcome& outcome) {
    std::ofstream(folder / "simulation.json", std::ios::binary)
        << simulation_json(outcome).dump(1) + "\n";
    refresh_report(folder);
}

}  // namespace qloom::cli
