#include "corpus.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>

#include <nlohmann/json.hpp>

#include "base/npy.h"

namespace qloom::testing {
namespace {

namespace fs = std::filesystem;

// input.npy, input_1.npy, input_2.npy, ...
std::vector<ir::Value> numbered(const fs::path& folder, const std::string& stem) {
    std::vector<ir::Value> values;
    for (int i = 0;; ++i) {
        const fs::path path = folder / (i == 0 ? stem + ".npy" : fmt::format("{}_{}.npy", stem, i));
        if (!fs::exists(path)) {
            return values;
        }
        values.push_back(read_npy(path));
    }
}

std::vector<double> numbers(const ir::Value& value) {
    return std::visit([](const auto& tensor) { return std::vector<double>(tensor.begin(), tensor.end()); }, value);
}

}  // namespace

std::vector<CorpusEntry> corpus_entries() {
    std::vector<CorpusEntry> entries;
    const fs::path root = QLOOM_CORPUS;
    if (!fs::exists(root)) {
        return entries;
    }
    for (const auto& item : fs::directory_iterator(root)) {
        if (!fs::exists(item.path() / "model.onnx")) {
            continue;
        }
        CorpusEntry entry;
        entry.name = item.path().filename().string();
        entry.folder = item.path();
        std::ifstream file(item.path() / "meta.json");
        const nlohmann::json meta = nlohmann::json::parse(file);
        if (meta.contains("ops")) {
            for (const auto& [op, count] : meta["ops"].items()) {
                entry.operators.push_back(op);
                entry.has_convolution = entry.has_convolution || op.find("Conv") != std::string::npos ||
                                        op.find("Pool") != std::string::npos;
                entry.has_quantiser = entry.has_quantiser || op.find("Quant") != std::string::npos ||
                                      op.find("MultiThreshold") != std::string::npos;
            }
        }
        if (meta.contains("rounding") && meta["rounding"].is_object()) {
            entry.near_ties = meta["rounding"].value("near_ties_lt_1e_4_lsb", 0);
        }
        entries.push_back(std::move(entry));
    }
    std::ranges::sort(entries, {}, &CorpusEntry::name);
    return entries;
}

std::vector<ir::Value> golden_inputs(const CorpusEntry& entry) { return numbered(entry.folder, "input"); }
std::vector<ir::Value> golden_outputs(const CorpusEntry& entry) { return numbered(entry.folder, "output"); }

Match compare(const std::vector<ir::Value>& ours, const std::vector<ir::Value>& golden) {
    Match match;
    if (ours.size() != golden.size()) {
        match.note = fmt::format("{} outputs, golden has {}", ours.size(), golden.size());
        match.differing_frames = 1;
        return match;
    }
    std::set<std::int64_t> differing;
    for (std::size_t output = 0; output < golden.size(); ++output) {
        const std::vector<double> a = numbers(ours[output]);
        const std::vector<double> b = numbers(golden[output]);
        match.frames = ir::shape_of(golden[output])[0];
        if (a.size() != b.size()) {
            match.note = fmt::format("shape {}, golden {}", shape_text(ir::shape_of(ours[output])),
                                     shape_text(ir::shape_of(golden[output])));
            match.differing_frames = match.frames;
            return match;
        }
        const auto per_frame = static_cast<std::int64_t>(b.size()) / match.frames;
        for (std::size_t i = 0; i < b.size(); ++i) {
            const double apart = std::abs(a[i] - b[i]) / std::max(1.0, std::abs(b[i]));
            match.largest = std::max(match.largest, apart);
            if (!(apart <= 1e-4)) {
                differing.insert(static_cast<std::int64_t>(i) / per_frame);
            }
        }
    }
    match.differing_frames = static_cast<std::int64_t>(differing.size());
    return match;
}

}  // namespace qloom::testing
