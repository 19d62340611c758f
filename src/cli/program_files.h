#pragma once

#include <filesystem>
#include <string>

namespace qloom::cli {

// Says where the program's files are when the process is another program's (Python). Once, before anything else.
void set_program_folder(std::filesystem::path folder);

// Where a file that belongs to the program is: beside it, or in ../lib/qloom. The first place when
// it is in neither.
std::filesystem::path file_beside_program(const std::string& name);

}  // namespace qloom::cli
