#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace qloom::cli {

struct Listener;

// The whole program: `arguments` without argv[0]; returns the exit code.
int run_program(std::vector<std::string> arguments);

// One verb inside another program: the arguments of the command line, the document of --json back. Texts and progress go to
// the listener; errors are thrown.
nlohmann::ordered_json call_verb(const std::string& verb, const std::vector<std::string>& arguments,
                                 const Listener& listener);

}  // namespace qloom::cli
