#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/process.h"

namespace qloom::testing {

struct RecordOptions {
    std::vector<std::string> arguments = {};
    std::string slack = "0.250";  // what place and route would reach, in ns
    std::string board_part = {};  // board files that Vivado has
};

// Runs vivado/build.tcl of a package under the recorder (vivado_recorder.tcl), which prints the
// design.
inline ToolResult record_design(const std::filesystem::path& package,
                                const RecordOptions& options = {}) {
    const std::string here = QLOOM_SOURCE_DIR "/tests/pack/";
    std::vector<std::string> command{"tclsh", here + "vivado_recorder.tcl",
                                     here + "ip_catalogue.tcl", options.slack,
                                     (package / "vivado" / "build.tcl").string()};
    command.insert(command.end(), options.arguments.begin(), options.arguments.end());
    ToolOptions how{.timeout = std::chrono::seconds(300)};
    if (!options.board_part.empty())
        how.environment = {{"RECORDER_BOARD_PART", options.board_part}};
    return run_tool(command, how);
}

}  // namespace qloom::testing
