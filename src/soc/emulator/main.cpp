// qloom-soc ORDER.json OUTCOME.json: one run of a program on the emulated board. What the UART
// sends goes to stdout. Started by qloom; a program of its own because libunicorn, which it alone
// is linked with, is under the GPL version 2.
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "base/diagnostic.h"
#include "soc/emulator/unicorn_processor.h"
#include "soc/run_record.h"
#include "soc/system.h"

namespace {

using namespace qloom;

std::string run(const soc::RunOrder& order) {
    try {
        const soc::Elf elf = soc::read_elf(order.firmware);
        sim::VerilatedModel model(order.model, order.data);
        soc::System system(order.system, elf, model);
        system.on_character = [](char c) {
            if (c == '\r') return;
            std::putchar(c);
            if (c == '\n') std::fflush(stdout);
        };
        const auto processor = soc::make_unicorn_processor(elf, system.memory(), system);
        const std::string result = soc::result_text(system.run(*processor));
        std::fflush(stdout);
        return result;
    } catch (const Error& error) {
        std::fflush(stdout);
        return soc::failure_text(error);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fputs("usage: qloom-soc ORDER.json OUTCOME.json\n", stderr);
        return 2;
    }
    try {
        std::ifstream in(argv[1], std::ios::binary);
        const soc::RunOrder order = soc::order_of({std::istreambuf_iterator<char>(in), {}});
        std::ofstream(argv[2], std::ios::binary) << run(order);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "qloom-soc: %s\n", error.what());
        return 1;
    }
    return 0;
}
