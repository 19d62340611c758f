#include "cli/budget_price.h"

#include <charconv>

#include "base/codes/cli.h"
#include "base/diagnostic.h"
#include "hw/fold.h"
#include "ir/tidy.h"
#include "lower/lower.h"

namespace qloom::cli {

double price_in_luts(const ir::Graph& model, const PriceTarget& target) {
    const lower::Lowered lowered = lower::lower(ir::tidy(model));
    return hw::fold(lowered.network,
                    {.board = hw::find_board(target.board), .target_ii = target.ii, .target_fps = target.fps})
        .total()
        .luts;
}

double parse_budget(const std::string& text) {
    constexpr std::string_view kKey = "luts=";
    double value = 0.0;
    const char* begin = text.data() + std::min(kKey.size(), text.size());
    const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
    if (!text.starts_with(kKey) || error != std::errc() || end != text.data() + text.size() || !(value >= 1.0)) {
        throw Error(code::kOptionValue, "--budget", fmt::format("`{}` is not luts=N", text),
                    "write the LUTs that the accelerator may take: --budget luts=20000");
    }
    return value;
}

}  // namespace qloom::cli
