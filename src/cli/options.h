#pragma once

#include <CLI/CLI.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/data_input.h"
#include "cli/software.h"

// Options that several verbs share, with one wording.
namespace qloom::cli {

// An option whose value is one of a few words.
template <class T>
CLI::Option* add_choice(CLI::App& app, const std::string& name, T& value, const std::map<std::string, T>& words,
                        const std::string& type, const std::string& description, const std::string& fallback) {
    return app.add_option(name, value, description)
        ->transform(CLI::CheckedTransformer(words, CLI::ignore_case).description(""))
        ->type_name(type)
        ->default_str(fallback);
}

void add_model_argument(CLI::App& app, std::string& model);
void add_engine_option(CLI::App& app, EngineKind& engine);
void add_input_type_option(CLI::App& app, std::vector<std::string>& input_types);
void add_scale_option(CLI::App& app, ScaleChoice& scale);
void add_data_directory_option(CLI::App& app, std::string& directory);

std::string engine_name(EngineKind engine);

}  // namespace qloom::cli
