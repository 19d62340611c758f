#include <algorithm>
#include <cctype>
#include <iterator>
#include <optional>

#include "base/codes/cli.h"
#include "cli/manual.h"
#include "cli/verb.h"

namespace qloom::cli {
namespace {

// By hundreds of the numbers.
constexpr const char* kRooms[] = {"base and files", "onnx", "ir",   "lower", "network", "hw",   "emit", "sim",
                                  "data and train", "cli",  "pack", "soc",   "ptq",     "view", "synth",
                                  "explore", "talk"};

// The catalogue docs/diagnostics.md.
std::string markdown() {
    std::string text =
        "# Diagnostics\n\n<!-- Generated: build/qloom explain --markdown > docs/diagnostics.md -->\n\n"
        "Every error a user can meet has a number. A message reads `Q0312: where: what is wrong; what to do`; "
        "`qloom explain Q0312` prints the entry of this page.\n";
    int block = -1;
    for (const CodeInfo& info : all_codes()) {
        const int number = static_cast<int>(info.code);
        if (number / 100 != block) {
            block = number / 100;
            QLOOM_ASSERT(block < static_cast<int>(std::size(kRooms)), "every block of numbers has a room");
            text += fmt::format("\n## {}\n", kRooms[block]);
        }
        text += fmt::format("\n### {}: {}\n\n* Example: `{}`\n* Repair: {}.\n", code_text(info.code), info.summary,
                            info.example, info.repair);
    }
    return text;
}

// "Q0312", "q312" or "312".
std::optional<int> parse_code(std::string text) {
    if (!text.empty() && (text.front() == 'Q' || text.front() == 'q')) {
        text.erase(0, 1);
    }
    const bool digits = std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
    if (text.empty() || text.size() > 4 || !digits) {
        return std::nullopt;
    }
    return std::stoi(text);
}

class ExplainVerb final : public Verb {
public:
    [[nodiscard]] std::string name() const override { return "explain"; }

    [[nodiscard]] Manual manual() const override {
        return {.summary = "say what a diagnostic means and how to repair it",
                .synopsis = {"qloom explain [QNNNN]", "qloom explain --markdown"},
                .description = {"Explains one diagnostic by its number: what it is, a faulty example and its repair. Without a number "
                                "it lists them all."},
                .json_keys = {{"diagnostics", "a list; each entry with code, name, summary, example, repair"}},
                .examples = {{"qloom explain Q0002", "one entry"}, {"qloom explain", "all numbers, one line each"}}};
    }

    void add_options(CLI::App& app) override {
        app.add_option("CODE", code_, "The number of a diagnostic, as the message gives it.");
        app.add_flag("--markdown", markdown_, "The whole catalogue as Markdown.");
    }

    void run(Session& session) override {
        auto& list = session.result()["diagnostics"] = nlohmann::ordered_json::array();
        if (markdown_) {
            session.print(markdown());
        }
        const std::optional<int> wanted = code_.empty() ? std::nullopt : parse_code(code_);
        for (const CodeInfo& info : all_codes()) {
            if (!code_.empty() && wanted != static_cast<int>(info.code)) {
                continue;
            }
            list.push_back({{"code", code_text(info.code)}, {"name", info.name}, {"summary", info.summary},
                            {"example", info.example}, {"repair", info.repair}});
            if (markdown_) {
                continue;
            }
            if (code_.empty()) {
                session.print(fmt::format("{}  {}\n", code_text(info.code), info.summary));
            } else {
                session.print(fmt::format("{}: {}\n\n", code_text(info.code), info.summary));
                session.print("Example\n" + wrapped(std::string(info.example), 4, session.columns()));
                session.print("Repair\n" + wrapped(std::string(info.repair), 4, session.columns()));
            }
        }
        if (list.empty()) {
            throw Error(code::kCodeUnknown, code_, "there is no diagnostic of this number",
                        "`qloom explain` lists them all");
        }
    }

private:
    std::string code_;
    bool markdown_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_explain_verb() { return std::make_unique<ExplainVerb>(); }

}  // namespace qloom::cli
