// Building a hardware model: SystemVerilog --verilator--> C++ --clang++--> shared object, kept by
// content hash.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/codes/sim.h"
#include "base/content_hash.h"
#include "base/diagnostic.h"
#include "base/process.h"
#include "sim/model_shim.h"
#include "sim/verilated_model.h"

namespace qloom::sim {
namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) {
        throw Error(
            code::kSourceUnreadable, file.string(), "a hardware source file cannot be read",
            "compile the network again, or reinstall Qloom if the file is part of its library");
    }
    return {std::istreambuf_iterator<char>(in), {}};
}

void write_text(const fs::path& file, const std::string& text) {
    std::ofstream out(file, std::ios::binary);
    out << text;
}

struct Tools {
    std::string verilator_version;
    fs::path include;  // Verilator's C++ headers and runtime
    std::string compiler;
    std::string compiler_version;
};

const Tools& tools() {
    static const Tools found = [] {
        Tools it;
        it.verilator_version = check_tool({"verilator", "--version"}, {}, "verilator").output;
        std::string root =
            check_tool({"verilator", "--getenv", "VERILATOR_ROOT"}, {}, "verilator").output;
        while (!root.empty() && root.back() == '\n') {
            root.pop_back();
        }
        it.include = fs::path(root) / "include";
        it.compiler = tool_exists("clang++") ? "clang++"
                                             : "g++";  // clang compiles large models 8 times faster
        it.compiler_version = check_tool({it.compiler, "--version"}, {}, "clang").output;
        return it;
    }();
    return found;
}

// A folder of its own under the cache, gone when the build is over.
class ScratchFolder {
public:
    explicit ScratchFolder(const fs::path& parent) {
        std::error_code error;
        fs::create_directories(parent, error);
        std::string pattern = (parent / "build-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr) {
            throw Error(code::kCacheUnwritable, parent.string(),
                        "the simulation cache cannot be written",
                        "make the folder writable, or name another one");
        }
        path_ = pattern;
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    ~ScratchFolder() {
        std::error_code error;
        fs::remove_all(path_, error);
    }
    [[nodiscard]] const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

std::vector<std::string> compile_command(bool trace) {
    const Tools& tool = tools();
    return {tool.compiler,
            "-std=gnu++17",
            "-O2",
            "-w",
            "-fPIC",
            "-fvisibility=hidden",
            "-I" + tool.include.string(),
            "-I" + (tool.include / "vltstd").string(),
            "-DVM_COVERAGE=0",
            "-DVM_SC=0",
            fmt::format("-DVM_TRACE={}", trace ? 1 : 0),
            fmt::format("-DVM_TRACE_VCD={}", trace ? 1 : 0),
            "-DVM_TRACE_FST=0",
            "-DVL_USER_FINISH",
            "-DVL_USER_STOP",
            "-DVL_USER_FATAL",
            "-DVL_USER_WARN",
            "-DVL_PRINTF=qloom_model_print"};
}

// What Verilator's sources print goes to the shim.
constexpr std::string_view kPrintDeclaration = "int qloom_model_print(const char* format, ...);\n";
// What every model includes first.
constexpr std::string_view kCommonHeader =
    "#include \"verilated.h\"\n#include <cstdarg>\n#include <cstdio>\n#include "
    "<exception>\n#include <memory>\n"
    "#include <stdexcept>\n#include <string>\n";

// Hash of all that the files shared by models depend on.
ContentHash shared_hash(bool trace) {
    ContentHash hash;
    for (const std::string& argument : compile_command(trace)) {
        hash.add(argument);
    }
    hash.add(tools().verilator_version);
    hash.add(tools().compiler_version);
    hash.add(kPrintDeclaration);
    hash.add(kCommonHeader);
    return hash;
}

// The arguments that give a model its common header, precompiled where the compiler is clang:
// reading Verilator's headers is most of the work for a small model. The header itself stays where
// it is once written, as clang checks its time.
std::vector<std::string> common_header(bool trace, const fs::path& cache_directory) {
    const std::string key = shared_hash(trace).text();
    const fs::path header = cache_directory / fmt::format("common-{}.h", key);
    const fs::path precompiled = cache_directory / fmt::format("common-{}.pch", key);
    const bool is_clang = tools().compiler == "clang++";
    if (!fs::exists(header) || (is_clang && !fs::exists(precompiled))) {
        const ScratchFolder scratch(cache_directory);
        write_text(scratch.path() / "common.h",
                   std::string(kPrintDeclaration) + std::string(kCommonHeader));
        std::error_code exists_already;
        fs::create_hard_link(scratch.path() / "common.h", header, exists_already);
        if (is_clang) {
            std::vector<std::string> command = compile_command(trace);
            command.insert(command.end(),
                           {"-x", "c++-header", header.string(), "-o", "common.pch"});
            check_tool(command, {.working_directory = scratch.path()}, "clang");
            fs::rename(scratch.path() / "common.pch", precompiled);
        }
    }
    return is_clang ? std::vector<std::string>{"-include-pch", precompiled.string()}
                    : std::vector<std::string>{"-include", header.string()};
}

// Verilator's own runtime is the same for all models: compiled once.
fs::path runtime_object(bool trace, const fs::path& cache_directory) {
    const fs::path object =
        cache_directory / fmt::format("runtime-{}.o", shared_hash(trace).text());
    if (fs::exists(object)) {
        return object;
    }
    const ScratchFolder scratch(cache_directory);
    std::string all = std::string(kPrintDeclaration) +
                      "#include \"verilated.cpp\"\n#include \"verilated_threads.cpp\"\n";
    if (trace) {
        all += "#include \"verilated_vcd_c.cpp\"\n";
    }
    write_text(scratch.path() / "runtime.cpp", all);
    std::vector<std::string> command = compile_command(trace);
    command.insert(command.end(), {"-c", "runtime.cpp", "-o", "runtime.o"});
    check_tool(command, {.working_directory = scratch.path()}, "clang");
    fs::rename(scratch.path() / "runtime.o", object);
    return object;
}

// Two guards against results that are silently wrong with Verilator 5.006 (the bench of the
// netlists in tests/rtl shows both):
// * -fno-const-bit-op-tree: that optimisation miscompiles some trees of single bits, as gate
// netlists have them;
// * the warning UNOPTFLAT stays an error: models with (false) loops through wide wires may not
// settle. A netlist
//   needs Yosys' `splitnets` before it is written.
std::vector<std::string> verilator_command(const ModelSpec& spec) {
    std::vector<std::string> command{"verilator",
                                     "--cc",
                                     "-sv",
                                     "--prefix",
                                     "Vdut",
                                     "--Mdir",
                                     ".",
                                     "-O3",
                                     "-fno-const-bit-op-tree",
                                     "--x-assign",
                                     "fast",
                                     "--unroll-count",
                                     "256",
                                     "-Wno-lint",
                                     "-Wno-style",
                                     "--top-module",
                                     spec.top};
    if (spec.checks) {
        command.insert(command.end(), {"--assert", "--x-initial", "unique"});
    } else {
        command.insert(command.end(), {"--noassert", "--x-initial", "fast"});
    }
    if (spec.trace) {
        command.emplace_back("--trace");
    }
    for (const auto& [name, value] : spec.parameters) {
        command.push_back(fmt::format("-G{}={}", name, value));
    }
    for (const std::string& define : spec.defines) {
        command.push_back("-D" + define);
    }
    return command;
}

}  // namespace

fs::path build_model(const ModelSpec& spec, const fs::path& cache_directory) {
    const fs::path cache = fs::absolute(cache_directory);
    ContentHash hash = shared_hash(spec.trace);
    for (const std::string& argument : verilator_command(spec)) {
        hash.add(argument);
    }
    hash.add(shim_source({}, spec.trace));
    for (const fs::path& source : spec.sources) {
        hash.add(read_text(source));
    }
    const fs::path library = cache / fmt::format("{}-{}.so", spec.top, hash.text());
    if (fs::exists(library)) {
        return library;
    }

    const fs::path runtime = runtime_object(spec.trace, cache);
    const ScratchFolder scratch(cache);
    const ToolOptions in_scratch{.working_directory = scratch.path(),
                                 .timeout = std::chrono::seconds(3600)};
    std::vector<std::string> command = verilator_command(spec);
    for (const fs::path& source : spec.sources) {
        command.push_back(fs::absolute(source).string());
    }
    check_tool(command, in_scratch, "verilator");

    // One translation unit: the headers are most of the work for small models.
    std::vector<std::string> parts;
    for (const auto& entry : fs::directory_iterator(scratch.path())) {
        if (entry.path().extension() == ".cpp") {
            parts.push_back(entry.path().filename().string());
        }
    }
    std::ranges::sort(parts);
    std::string all = shim_source(declared_ports(read_text(scratch.path() / "Vdut.h")), spec.trace);
    for (const std::string& part : parts) {
        all += fmt::format("#include \"{}\"\n", part);
    }
    write_text(scratch.path() / "model.cpp", all);
    const auto compile = [&](const std::vector<std::string>& header) {
        std::vector<std::string> all_arguments = compile_command(spec.trace);
        all_arguments.insert(all_arguments.end(), header.begin(), header.end());
        all_arguments.insert(all_arguments.end(),
                             {"-I.", "-shared", "-Wl,-Bsymbolic", "-Wl,-z,defs", "-Wl,--wrap=fopen",
                              "model.cpp", runtime.string(), "-latomic", "-o", "model.so"});
        return all_arguments;
    };
    // Without the precompiled header should that not fit, as after an upgrade of the C++ library.
    if (run_tool(compile(common_header(spec.trace, cache)), in_scratch, "clang").exit_code != 0) {
        check_tool(compile({}), in_scratch, "clang");
    }
    fs::rename(scratch.path() / "model.so",
               library);  // whole or not at all, also beside another builder
    return library;
}

}  // namespace qloom::sim
