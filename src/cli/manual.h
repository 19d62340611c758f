#pragma once

#include <string>

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

// The parser of a verb, with the options common to all verbs.
void fill_parser(Verb& verb, CLI::App& app, Session& session);

// `text` broken into lines of at most `columns` characters, each after `indent` blanks.
std::string wrapped(const std::string& text, int indent, int columns);

}  // namespace qloom::cli
