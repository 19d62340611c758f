#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "base/codes/base.h"
#include "cli/exit_code.h"
#include "cli/manual.h"

// Manual pages for `man`, from what --help prints.
namespace qloom::cli {
namespace {

constexpr int kLineBytes = 76;

// Text for roff, without backslashes and quotes of its own. In commands a minus is a minus.
std::string escaped(const std::string& text, bool is_command) {
    std::string result;
    for (const char c : text) {
        if (c == '\\') {
            result += "\\e";
        } else if (c == '"') {
            result += "\\(dq";
        } else if (c == '-' && is_command) {
            result += "\\-";
        } else {
            result += c;
        }
    }
    return result;
}

// Lines of roff, short as its readers like them, none of which is taken for a command.
std::string lines_of(const std::string& text) {
    std::string result;
    std::istringstream lines(wrapped(text, 0, kLineBytes));
    for (std::string line; std::getline(lines, line);) {
        const bool is_control = line.starts_with('.') || line.starts_with('\'');
        result += (is_control ? "\\&" : "") + line + "\n";
    }
    return result;
}

// A paragraph: what stands in backticks becomes bold. Options are told by their dashes.
std::string prose(const std::string& text) {
    std::string result;
    bool bold = false;
    std::string part;
    const auto flush = [&] {
        result += bold ? "\\fB" + escaped(part, true) + "\\fR" : escaped(part, false);
        part.clear();
    };
    for (const char c : text) {
        if (c == '`') {
            flush();
            bold = !bold;
        } else {
            part += c;
        }
    }
    flush();
    return lines_of(result);
}

class RoffPage {
public:
    RoffPage(const std::string& name, const std::string& summary) {
        std::string title = name;
        for (char& c : title) {
            c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        }
        // Without a date: the same program writes the same page.
        text_ = fmt::format(".TH {} 1 \"\" \"{}\" \"Qloom\"\n", escaped(title, true), version_text());
        section("NAME");
        text_ += lines_of(escaped(name, true) + " \\- " + escaped(summary, false));
    }

    void section(const std::string& title) { text_ += ".SH \"" + title + "\"\n"; }
    void paragraph(const std::string& text, bool first) { text_ += (first ? "" : ".PP\n") + prose(text); }
    // Commands, a line each.
    void commands(const std::vector<std::string>& texts) {
        for (std::size_t i = 0; i < texts.size(); ++i) {
            text_ += (i > 0 ? ".br\n" : "") + lines_of(escaped(texts[i], true));
        }
    }
    void term(const std::string& term, const std::string& meaning) {
        text_ += ".TP\n.B " + escaped(term, true) + "\n" + prose(meaning);
    }
    void exit_codes() {
        section("EXIT STATUS");
        for (const ExitCodeInfo& info : all_exit_codes()) {
            term(fmt::format("{}", static_cast<int>(info.code)), std::string(info.meaning));
        }
    }
    // Other pages of section 1.
    void see_also(const std::vector<std::string>& pages) {
        section("SEE ALSO");
        for (std::size_t i = 0; i < pages.size(); ++i) {
            text_ += fmt::format(".BR {} (1){}\n", escaped(pages[i], true), i + 1 < pages.size() ? "," : "");
        }
    }
    [[nodiscard]] std::string text() const { return text_; }

private:
    std::string text_;
};

}  // namespace

std::string program_man_page() {
    RoffPage page("qloom", kProgramTitle);
    page.section("SYNOPSIS");
    page.commands({"qloom VERB [ARGUMENTS] [OPTIONS]", "qloom VERB --help", "qloom --version"});
    page.section("DESCRIPTION");
    page.paragraph(kProgramAbout, true);
    page.section("VERBS");
    std::vector<std::string> pages;
    for (const auto& verb : make_verbs()) {
        page.term(verb->name(), verb->manual().summary);
        pages.push_back("qloom-" + verb->name());
    }
    page.section("EXAMPLES");
    page.commands({"qloom train fashion-mnist-mlp -o run",
                   "qloom compile run/model.onnx --board pynq-z1 --fps 1000000 -o out",
                   "qloom simulate out --data fashion-mnist:test --frames 1000"});
    page.exit_codes();
    page.section("DIAGNOSTICS");
    page.paragraph(kDiagnosticsAbout, true);
    page.see_also(pages);
    return page.text();
}

std::string verb_man_page(Verb& verb) {
    CLI::App app;
    Session unused;
    fill_parser(verb, app, unused);
    const Manual manual = verb.manual();
    RoffPage page("qloom-" + verb.name(), manual.summary);
    page.section("SYNOPSIS");
    page.commands(manual.synopsis);
    page.section("DESCRIPTION");
    for (std::size_t i = 0; i < manual.description.size(); ++i) {
        page.paragraph(manual.description[i], i == 0);
    }
    page.section("OPTIONS");
    for (const bool common : {false, true}) {
        for (const CLI::Option* option : options_of(app, common)) {
            page.term(option_head(*option), option_body(*option));
        }
    }
    if (!manual.json_keys.empty()) {
        page.section("JSON");
        page.paragraph("The keys of the document that `--json` prints:", true);
        for (const auto& [key, meaning] : manual.json_keys) {
            page.term(key, meaning);
        }
    }
    page.section("EXAMPLES");
    for (const auto& [command, meaning] : manual.examples) {
        page.term(command, meaning);
    }
    page.exit_codes();
    page.see_also({"qloom"});
    return page.text();
}

void write_man_pages(const std::filesystem::path& folder) {
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    const auto write = [&](const std::string& name, const std::string& text) {
        std::ofstream file(folder / name, std::ios::binary);
        file << text;
        file.close();
        if (!file) {
            throw Error(code::kOutputUnwritable, (folder / name).string(), "the manual page cannot be written",
                        "name a folder that can be written to");
        }
    };
    write("qloom.1", program_man_page());
    for (const auto& verb : make_verbs()) {
        write("qloom-" + verb->name() + ".1", verb_man_page(*verb));
    }
}

}  // namespace qloom::cli
