#include "cli/manual.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "base/table.h"
#include "cli/exit_code.h"

namespace qloom::cli {
namespace {

constexpr int kIndent = 7;   // of the text of a section, as man has it
constexpr int kWidest = 100;
constexpr const char* kCommonGroup = "Common options";

}  // namespace

const char* const kProgramTitle = "train, compile, simulate: quantised neural networks as FPGA accelerators";
const char* const kProgramAbout =
    "Qloom turns a quantised neural network into a streaming FPGA accelerator. It trains the network or takes a QONNX "
    "model made elsewhere, compiles it to SystemVerilog that computes bit for bit what the model defines, and "
    "simulates that hardware cycle by cycle.";
const char* const kDiagnosticsAbout =
    "Every error has a number, such as Q0312. `qloom explain Q0312` says what it means and how to repair it.";

namespace {

class Page {
public:
    Page(int columns, bool bold) : columns_(std::clamp(columns, 40, kWidest)), bold_(bold) {}

    void section(const std::string& title) {
        text_ += (text_.empty() ? "" : "\n") + (bold_ ? "\x1b[1m" + title + "\x1b[0m" : title) + "\n";
    }
    void paragraph(const std::string& text, int indent = kIndent) { text_ += wrapped(text, indent, columns_); }
    void gap() { text_ += "\n"; }
    void verbatim(const std::string& text, int indent = kIndent) {
        text_ += std::string(static_cast<std::size_t>(indent), ' ') + text + "\n";
    }
    // A term and what it means, side by side.
    void pair(const std::string& term, const std::string& meaning, int width) {
        const std::string head = fmt::format("{:{}}{:{}}", "", kIndent, term, width);
        const std::string body = wrapped(meaning, kIndent + width, columns_);
        if (static_cast<int>(term.size()) < width) {
            text_ += head + body.substr(std::min(body.size(), head.size()));
        } else {
            text_ += std::string(kIndent, ' ') + term + "\n" + body;
        }
    }
    [[nodiscard]] std::string text() const { return text_; }

private:
    int columns_;
    bool bold_;
    std::string text_;
};

// For a cell of a Markdown table, which a bar would end, in code too.
std::string in_cell(std::string text) {
    for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2)) {
        text.insert(at, "\\");
    }
    return text;
}

}  // namespace

std::string option_head(const CLI::Option& option) {
    std::string head;
    if (option.get_positional()) {
        return option.get_name(true, false);
    }
    for (const std::string& name : option.get_snames()) {
        head += (head.empty() ? "-" : ", -") + name;
    }
    for (const std::string& name : option.get_lnames()) {
        head += (head.empty() ? "--" : ", --") + name;
    }
    const std::string type = option.get_type_name();
    return type.empty() ? head : head + " " + type;
}

std::string option_body(const CLI::Option& option) {
    std::string body = option.get_description();
    if (option.get_required()) {
        body += " Required.";
    } else if (!option.get_default_str().empty() && option.get_default_str() != "\"\"" &&
               option.get_default_str() != "[]") {
        body += fmt::format(" Default: {}.", option.get_default_str());
    }
    return body;
}

std::vector<const CLI::Option*> options_of(const CLI::App& app, bool common) {
    std::vector<const CLI::Option*> options;
    for (const CLI::Option* option : app.get_options()) {
        if ((option->get_group() == kCommonGroup) == common) {
            options.push_back(option);
        }
    }
    return options;
}

std::string version_text() { return "qloom " QLOOM_VERSION; }

std::string wrapped(const std::string& text, int indent, int columns) {
    const std::string blanks(static_cast<std::size_t>(indent), ' ');
    std::istringstream words(text);
    std::string word;
    std::string result;
    std::string line;
    while (words >> word) {
        const std::size_t wanted = blanks.size() + display_width(line) + 1 + display_width(word);
        if (!line.empty() && wanted > static_cast<std::size_t>(columns)) {
            result += blanks + line + "\n";
            line.clear();
        }
        line += (line.empty() ? "" : " ") + word;
    }
    return line.empty() ? result : result + blanks + line + "\n";
}

void fill_parser(Verb& verb, CLI::App& app, Session& session) {
    app.name("qloom " + verb.name());
    app.allow_extras(false);
    verb.add_options(app);
    app.add_flag("--json", session.json, "Print exactly one JSON document on stdout and no other text there.")
        ->group(kCommonGroup);
    app.add_flag("-q,--quiet", session.quiet, "No progress, notes or summaries; only errors and what was asked for.")
        ->group(kCommonGroup);
    app.set_help_flag("-h,--help", "Print this page.")->group(kCommonGroup);
}

std::string overview_text(int columns, bool bold) {
    Page page(columns, bold);
    page.section("NAME");
    page.paragraph(fmt::format("qloom - {}", kProgramTitle));
    page.section("SYNOPSIS");
    page.verbatim("qloom VERB [ARGUMENTS] [OPTIONS]");
    page.verbatim("qloom VERB --help");
    page.verbatim("qloom --version");
    page.section("DESCRIPTION");
    page.paragraph(kProgramAbout);
    page.section("VERBS");
    for (const auto& verb : make_verbs()) {
        page.pair(verb->name(), verb->manual().summary, 12);
    }
    page.section("EXAMPLES");
    page.verbatim("qloom train fashion-mnist-mlp -o run");
    page.verbatim("qloom compile run/model.onnx --board pynq-z1 --fps 1000000 -o out");
    page.verbatim("qloom simulate out --data fashion-mnist:test --frames 1000");
    page.section("EXIT CODES");
    for (const ExitCodeInfo& info : all_exit_codes()) {
        page.pair(fmt::format("{}", static_cast<int>(info.code)), std::string(info.meaning), 5);
    }
    page.section("DIAGNOSTICS");
    page.paragraph(kDiagnosticsAbout);
    return page.text();
}

std::string manual_text(Verb& verb, int columns, bool bold) {
    CLI::App app;
    Session unused;
    fill_parser(verb, app, unused);
    const Manual manual = verb.manual();
    Page page(columns, bold);
    page.section("NAME");
    page.paragraph(fmt::format("qloom {} - {}", verb.name(), manual.summary));
    page.section("SYNOPSIS");
    for (const std::string& line : manual.synopsis) {
        page.paragraph(line);
    }
    page.section("DESCRIPTION");
    for (std::size_t i = 0; i < manual.description.size(); ++i) {
        if (i > 0) {
            page.gap();
        }
        page.paragraph(manual.description[i]);
    }
    for (const bool common : {false, true}) {
        const auto options = options_of(app, common);
        if (!options.empty()) {
            page.section(common ? "COMMON OPTIONS" : "ARGUMENTS AND OPTIONS");
        }
        for (const CLI::Option* option : options) {
            page.verbatim(option_head(*option));
            page.paragraph(option_body(*option), kIndent + 4);
        }
    }
    if (!manual.json_keys.empty()) {
        page.section("JSON");
        for (const auto& [key, meaning] : manual.json_keys) {
            page.pair(key, meaning, 22);
        }
    }
    page.section("EXAMPLES");
    for (const auto& [command, meaning] : manual.examples) {
        page.verbatim(command);
        page.paragraph(meaning, kIndent + 4);
    }
    page.section("EXIT CODES");
    for (const ExitCodeInfo& info : all_exit_codes()) {
        page.pair(fmt::format("{}", static_cast<int>(info.code)), std::string(info.meaning), 5);
    }
    return page.text();
}

std::string manual_markdown() {
    std::string text = fmt::format(
        "# Command reference\n\n<!-- Generated: build/qloom help --markdown > docs/cli.md -->\n\n`qloom`: {}.\n\n| verb | "
        "does |\n| --- | --- |\n",
        kProgramTitle);
    const auto verbs = make_verbs();
    for (const auto& verb : verbs) {
        text += fmt::format("| [`{0}`](#qloom-{0}) | {1} |\n", verb->name(), verb->manual().summary);
    }
    text += "\nResults go to stdout, progress and diagnostics to stderr. Every verb takes `--json` (exactly one JSON "
            "document on stdout; after an error it has the key `error`), `--quiet` and `--help`.\n\n| exit code | name | "
            "meaning |\n| --- | --- | --- |\n";
    for (const ExitCodeInfo& info : all_exit_codes()) {
        text += fmt::format("| {} | {} | {} |\n", static_cast<int>(info.code), info.name, info.meaning);
    }
    for (const auto& verb : verbs) {
        CLI::App app;
        Session unused;
        fill_parser(*verb, app, unused);
        const Manual manual = verb->manual();
        text += fmt::format("\n## qloom {}\n\n{}.\n\n```\n", verb->name(), manual.summary);
        for (const std::string& line : manual.synopsis) {
            text += line + "\n";
        }
        text += "```\n";
        for (const std::string& paragraph : manual.description) {
            text += "\n" + paragraph + "\n";
        }
        text += "\n| option | meaning |\n| --- | --- |\n";
        for (const CLI::Option* option : options_of(app, false)) {
            text += fmt::format("| `{}` | {} |\n", in_cell(option_head(*option)), in_cell(option_body(*option)));
        }
        if (!manual.json_keys.empty()) {
            text += "\n| JSON key | meaning |\n| --- | --- |\n";
            for (const auto& [key, meaning] : manual.json_keys) {
                text += fmt::format("| `{}` | {} |\n", key, meaning);
            }
        }
        text += "\n```sh\n";
        for (const auto& [command, meaning] : manual.examples) {
            text += fmt::format("# {}\n{}\n", meaning, command);
        }
        text += "```\n";
    }
    return text;
}

}  // namespace qloom::cli
