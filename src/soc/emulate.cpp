#include "soc/emulate.h"

#include <unistd.h>

#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "base/diagnostic.h"
#include "base/process.h"
#include "soc/firmware_report.h"

namespace qloom::soc {
namespace {

namespace fs = std::filesystem;

// Files that are gone with the run.
class ExchangeFiles {
public:
    explicit ExchangeFiles(const fs::path& folder)
        : order(folder / fmt::format("order-{}.json", ::getpid())),
          outcome(folder / fmt::format("outcome-{}.json", ::getpid())) {
        std::error_code error;
        fs::create_directories(folder, error);
    }
    ExchangeFiles(const ExchangeFiles&) = delete;
    ExchangeFiles& operator=(const ExchangeFiles&) = delete;
    ~ExchangeFiles() {
        std::error_code error;
        fs::remove(order, error);
        fs::remove(outcome, error);
    }
    fs::path order;
    fs::path outcome;
};

}  // namespace

void check_exit(const Emulation& emulation) {
    if (emulation.result.exit_code == 0) return;
    const std::string error = reported_error(emulation.uart);
    throw Error(code::kFirmwareFailed, "firmware",
                fmt::format("it stopped with exit code {}{}", emulation.result.exit_code,
                            error.empty() ? "" : ": " + error),
                "its own message, on the UART, says what was wrong");
}

Emulation emulate(const RunOrder& order, const fs::path& emulator, const fs::path& scratch,
                  const std::function<void(std::string_view)>& uart) {
    if (!fs::exists(emulator)) {
        throw Error(code::kEmulatorMissing, emulator.filename().string(),
                    "the emulated processor was not built",
                    "install it with: sudo apt-get install libunicorn-dev, and build Qloom again; "
                    "or use --cpu qemu");
    }
    const ExchangeFiles files(fs::absolute(scratch));
    std::ofstream(files.order, std::ios::binary) << order_text(order);
    const ToolResult run =
        check_tool({emulator.string(), files.order.string(), files.outcome.string()},
                   {.timeout = std::chrono::seconds(24 * 3600), .on_output = uart});
    std::ifstream stream(files.outcome, std::ios::binary);
    Emulation emulation{.result = result_of({std::istreambuf_iterator<char>(stream), {}}),
                        .uart = run.output};
    check_exit(emulation);
    return emulation;
}

}  // namespace qloom::soc
