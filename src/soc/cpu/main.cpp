// qloom-soc: the emulated system as a program of its own, because the emulator library is under the GPL version 2. `qloom soc` runs it.
//
//   qloom-soc JOB.json     prints what the UART sends; the result is written where the job says

#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>

#include "base/diagnostic.h"
#include "soc/cpu/machine.h"
#include "soc/job.h"

namespace {

constexpr int kUsage = 2;

int run(const char* file) {
    using qloom::soc::Job;
    std::ifstream in(file);
    const auto json = nlohmann::json::parse(std::string(std::istreambuf_iterator<char>(in), {}), nullptr, false);
    if (json.is_discarded()) {
        std::fprintf(stderr, "qloom-soc: %s is no job\n", file);
        return kUsage;
    }
    const Job job = json.get<Job>();
    nlohmann::json result;
    int exit_code = 0;
    try {
        result = qloom::soc::run_machine(job, [](const std::string& line) {
            std::fputs(line.c_str(), stdout);
            std::fflush(stdout);
        });
    } catch (const qloom::Error& error) {
        const qloom::Diagnostic& it = error.diagnostic();
        result["error"] = {{"code", static_cast<int>(it.code)}, {"where", it.where}, {"what", it.what}, {"advice", it.advice}};
        exit_code = 1;
    }
    std::ofstream(job.result) << result.dump() << "\n";
    return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: qloom-soc JOB.json (started by qloom soc)\n", stderr);
        return kUsage;
    }
    try {
        return run(argv[1]);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "qloom-soc: %s\n", error.what());
        return kUsage;
    }
}
