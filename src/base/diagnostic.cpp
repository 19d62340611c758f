#include "base/diagnostic.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <vector>

namespace qloom {
namespace {

constexpr CodeInfo kCodes[] = {
#define QLOOM_CODE(number, name, summary, example, repair) \
    {Code{number}, #name, summary, example, repair},
// clang-format off: ascending by number
#include "base/codes/base.def"
#include "base/codes/onnx.def"
#include "base/codes/ir.def"
#include "base/codes/lower.def"
#include "base/codes/hw.def"
#include "base/codes/emit.def"
#include "base/codes/sim.def"
#include "base/codes/train.def"
#include "base/codes/cli.def"
#include "base/codes/pack.def"
#include "base/codes/soc.def"
#include "base/codes/ptq.def"
#include "base/codes/view.def"
#include "base/codes/synth.def"
#include "base/codes/explore.def"
#include "base/codes/talk.def"
// clang-format on
#undef QLOOM_CODE
};

// Levenshtein distance, one row at a time.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t substitution = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({substitution, row[j] + 1, diagonal + 1});
        }
    }
    return row.back();
}

}  // namespace

std::span<const CodeInfo> all_codes() { return kCodes; }

std::string code_text(Code code) { return fmt::format("Q{:04}", static_cast<int>(code)); }

std::string Diagnostic::text() const {
    std::string result = code_text(code) + ": ";
    if (!where.empty()) {
        result += where + ": ";
    }
    result += what;
    if (!advice.empty()) {
        result += "; " + advice;
    }
    return result;
}

std::string nearest_word(std::string_view word, std::span<const std::string> candidates) {
    std::string best;
    std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
    for (const std::string& candidate : candidates) {
        const std::size_t distance = edit_distance(word, candidate);
        if (distance < best_distance) {
            best_distance = distance;
            best = candidate;
        }
    }
    return best;
}

void assertion_failed(const char* file, int line, const char* condition,
                      std::string_view sentence) {
    std::fprintf(stderr, "qloom: internal error at %s:%d: %.*s (%s)\n", file, line,
                 static_cast<int>(sentence.size()), sentence.data(), condition);
    std::abort();
}

}  // namespace qloom
