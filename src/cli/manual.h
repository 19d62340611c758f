#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/verb.h"

namespace qloom::cli {

// "qloom 0.1.0"
std::string version_text();

// `qloom --help`: what the program is, the verbs, the exit codes.
std::string overview_text(int columns, bool bold);

// The manual page of one verb, wrapped to `columns`.
std::string manual_text(Verb& verb, int columns, bool bold);

// The whole reference as Markdown: docs/cli.md.
std::string manual_markdown();

// A manual page of section 1 in roff: of one verb, and of the program.
std::string verb_man_page(Verb& verb);
std::string program_man_page();
// All of them into a folder, which may exist: qloom.1 and qloom-VERB.1. Throws kOutputUnwritable.
void write_man_pages(const std::filesystem::path& folder);

// "-o, --output DIR" or "MODEL".
std::string option_head(const CLI::Option& option);
// What it means, with "Required." or its default.
std::string option_body(const CLI::Option& option);
// The verb's own options, or those that all verbs have.
std::vector<const CLI::Option*> options_of(const CLI::App& app, bool common);

// What the program is: one line, and a paragraph.
extern const char* const kProgramTitle;
extern const char* const kProgramAbout;
// How every error can be looked up.
extern const char* const kDiagnosticsAbout;

// The parser of a verb, with the options common to all verbs.
void fill_parser(Verb& verb, CLI::App& app, Session& session);

// `text` broken into lines of at most `columns` characters, each after `indent` blanks.
std::string wrapped(const std::string& text, int indent, int columns);

}  // namespace qloom::cli
