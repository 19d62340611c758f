#include "soc/qemu.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#include <fmt/format.h>

#include "base/diagnostic.h"
#include "base/process.h"
#include "soc/fabric.h"
#include "soc/firmware_report.h"
#include "soc/gdb_remote.h"
#include "soc/load_store.h"

namespace qloom::soc {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kConnectMs = 30000;
constexpr double kLeastLimitSeconds = 20.0;
constexpr std::uint64_t kDmaSpan = 0x60;
constexpr std::uint32_t kDmaControl = 0x00;
constexpr std::uint32_t kDmaStatus = 0x04;
constexpr std::uint32_t kReceiveControl = 0x30;
constexpr std::uint32_t kReceiveStatus = 0x34;
constexpr std::uint32_t kHaltedOrIdle = 0x3;
constexpr std::uint32_t kResetBit = 0x4;
constexpr std::uint64_t kCyclesAStatus = 20000;  // that a status that is not idle lets pass

// What QEMU is started as.
struct MachineKind {
    const char* program;
    const char* name;
    std::uint64_t memory_bytes;
    std::uint64_t first_uart;
    std::uint64_t second_uart;
    unsigned register_bytes;
    unsigned program_counter;  // its number
};

MachineKind machine_of(Machine machine) {
    if (machine == Machine::kArm) {
        return {"qemu-system-arm",
                "xilinx-zynq-a9",
                std::uint64_t{512} << 20U,
                0xe0000000,
                0xe0001000,
                4,
                15};
    }
    return {"qemu-system-aarch64",
            "xlnx-zcu102,secure=on",
            std::uint64_t{2} << 30U,
            0xff000000,
            0xff010000,
            8,
            32};
}

// Memory without a file that two processes map.
class SharedMemory {
public:
    explicit SharedMemory(std::size_t bytes)
        : descriptor_(memfd_create("qloom", MFD_CLOEXEC)), bytes_(bytes) {
        QLOOM_ASSERT(descriptor_ >= 0 && ftruncate(descriptor_, static_cast<off_t>(bytes)) == 0,
                     "memory can be shared");
        data_ = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0);
        QLOOM_ASSERT(data_ != MAP_FAILED, "memory can be shared");
    }
    ~SharedMemory() {
        munmap(data_, bytes_);
        close(descriptor_);
    }
    SharedMemory(const SharedMemory&) = delete;
    SharedMemory& operator=(const SharedMemory&) = delete;
    [[nodiscard]] std::span<std::uint8_t> bytes() const {
        return {static_cast<std::uint8_t*>(data_), bytes_};
    }
    // What another process opens.
    [[nodiscard]] std::string path() const {
        return fmt::format("/proc/{}/fd/{}", getpid(), descriptor_);
    }

private:
    int descriptor_;
    std::size_t bytes_;
    void* data_ = nullptr;
};

class QemuRun {
public:
    QemuRun(const RunOrder& order, const fs::path& scratch,
            const std::function<void(std::string_view)>& uart)
        : order_(order),
          elf_(read_elf(order.firmware)),
          kind_(machine_of(elf_.machine)),
          uart_(uart),
          memory_(kind_.memory_bytes),
          model_(order.model, order.data),
          fabric_(model_, memory_.bytes(),
                  {.base = 0, .latency_cycles = order.system.memory_latency_cycles}),
          debugger_socket_(scratch / fmt::format("gdb-{}", getpid())),
          uart_socket_(scratch / fmt::format("uart-{}", getpid())) {
        fabric_.reset();
        start(scratch);
    }
    ~QemuRun() {
        is_over_ = true;
        if (thread_.joinable()) thread_.join();
    }
    QemuRun(const QemuRun&) = delete;
    QemuRun& operator=(const QemuRun&) = delete;

    Emulation run() {
        GdbRemote debugger(debugger_socket_.descriptor());
        debugger.begin();
        const auto end = elf_.find("ql_halt");
        const auto exit_code = elf_.find("ql_exit_code");
        if (!end || !exit_code) {
            throw Error(code::kFirmwareFileBad, order_.firmware.string(),
                        "has no ql_halt or no ql_exit_code",
                        "take a program made from the sources of a compiled folder");
        }
        debugger.break_at(*end);
        // QEMU names the place that is watched and not the one that was met: one a register.
        for (std::uint64_t offset = 0; offset < kDmaSpan; offset += 4) {
            debugger.watch(order_.system.board.dma_base + offset, 4);
        }
        while (true) {
            debugger.go_on();
            wait_for_stop(debugger);
            const GdbRemote::Stop stop = debugger.take_stop();
            if (stop.watched) {
                serve(debugger, *stop.watched);
            } else if (debugger.read_register(kind_.program_counter, kind_.register_bytes) ==
                       *end) {
                break;
            }
        }
        read_uart(200);
        emulation_.result.exit_code = static_cast<int>(debugger.read_word(*exit_code));
        emulation_.result.fabric_cycles = fabric_.cycles();
        return emulation_;
    }

private:
    void start(const fs::path& scratch) {
        const std::uint64_t uart = order_.system.board.uart_base;
        if (uart != kind_.first_uart && uart != kind_.second_uart) {
            throw Error(code::kFirmwareFileBad, order_.system.board.name,
                        fmt::format("the board's UART is at 0x{:08x}, where QEMU's {} has none",
                                    uart, kind_.name),
                        "run it with --cpu unicorn");
        }
        const std::string serial =
            fmt::format("unix:{}", (scratch / fmt::format("uart-{}", getpid())).string());
        std::vector<std::string> command{
            kind_.program,
            "-M",
            fmt::format("{},memory-backend=ram", kind_.name),
            "-m",
            fmt::format("{}M", kind_.memory_bytes >> 20U),
            "-object",
            fmt::format("memory-backend-file,id=ram,size={}M,mem-path={},share=on",
                        kind_.memory_bytes >> 20U, memory_.path()),
            "-nodefaults",
            "-display",
            "none",
            "-kernel",
            order_.firmware.string(),
            "-serial",
            uart == kind_.first_uart ? serial : "null",
            "-serial",
            uart == kind_.first_uart ? "null" : serial,
            "-S",
            "-gdb",
            fmt::format("unix:{}", (scratch / fmt::format("gdb-{}", getpid())).string())};
        if (!tool_exists(kind_.program))
            run_tool({kind_.program}, {}, "qemu-system-arm");  // says that it is missing
        thread_ = std::thread([this, command] {
            tool_ = run_tool(command, {.timeout = std::chrono::hours(24),
                                       .is_cancelled = [this] { return is_over_.load(); }});
        });
        if (!uart_socket_.accept(kConnectMs) || !debugger_socket_.accept(kConnectMs)) {
            thread_.join();
            throw Error(
                code::kToolFailed, kind_.program,
                fmt::format("it did not start (exit code {}): {}", tool_.exit_code, tool_.output),
                "try the command by hand");
        }
    }

    void read_uart(int timeout_ms) {
        std::array<char, 4096> buffer{};
        pollfd waiting{.fd = uart_socket_.descriptor(), .events = POLLIN, .revents = 0};
        while (::poll(&waiting, 1, timeout_ms) > 0) {
            const ssize_t count =
                ::recv(uart_socket_.descriptor(), buffer.data(), buffer.size(), 0);
            if (count <= 0) return;
            std::string text(buffer.data(), static_cast<std::size_t>(count));
            std::erase(text, '\r');
            emulation_.uart += text;
            if (uart_) uart_(text);
        }
    }

    // Until the debugger interface has something to say.
    void wait_for_stop(GdbRemote& debugger) {
        const double limit = std::max(order_.system.limit_seconds, kLeastLimitSeconds);
        const auto deadline = Clock::now() + std::chrono::duration<double>(limit);
        std::array<pollfd, 2> waiting{
            {{.fd = debugger_socket_.descriptor(), .events = POLLIN, .revents = 0},
             {.fd = uart_socket_.descriptor(), .events = POLLIN, .revents = 0}}};
        while (!debugger.has_read()) {
            const int ready = ::poll(waiting.data(), waiting.size(), 1000);
            if (ready > 0 && waiting[1].revents != 0) read_uart(0);
            if (ready > 0 && waiting[0].revents != 0) return;
            if (Clock::now() > deadline) {
                debugger.interrupt();
                [[maybe_unused]] const GdbRemote::Stop stop = debugger.take_stop();
                const std::uint64_t at =
                    debugger.read_register(kind_.program_counter, kind_.register_bytes);
                throw Error(code::kFirmwareHangs, elf_.place(at),
                            fmt::format("the firmware has not ended after {:g} s on QEMU", limit),
                            "look at that function, or give it more time with --timeout");
            }
        }
    }

    // Does the load or store that QEMU has stopped before.
    void serve(GdbRemote& debugger, std::uint64_t address) {
        const std::uint64_t counter =
            debugger.read_register(kind_.program_counter, kind_.register_bytes);
        const auto access = decode_load_store(elf_.machine, debugger.read_word(counter));
        if (!access) {
            throw Error(
                code::kMisalignedAccess, elf_.place(counter),
                fmt::format(
                    "an access to the register at 0x{:08x} that is no load or store of a word",
                    address),
                "read and write whole registers");
        }
        const auto offset = static_cast<std::uint32_t>(address - order_.system.board.dma_base);
        // Register 31 of a 64-bit processor is zero here, and not the stack pointer that it is for
        // the debugger.
        const bool is_zero = elf_.machine == Machine::kAarch64 && access->data == 31;
        if (access->is_load) {
            const std::uint32_t value = read_dma(offset);
            if (!is_zero) debugger.write_register(access->data, kind_.register_bytes, value);
        } else {
            const std::uint64_t value =
                is_zero ? 0 : debugger.read_register(access->data, kind_.register_bytes);
            fabric_.write(offset, static_cast<std::uint32_t>(value));
        }
        if (access->writes_base) {
            debugger.write_register(access->base, kind_.register_bytes,
                                    address + static_cast<std::uint64_t>(access->base_change));
        }
        debugger.write_register(kind_.program_counter, kind_.register_bytes, counter + 4);
    }

    // What the program waits for takes no time here, as QEMU's clock runs whether the program does
    // or not.
    std::uint32_t read_dma(std::uint32_t offset) {
        const auto is_waiting = [offset](std::uint32_t value) {
            switch (offset) {
                case kDmaStatus:
                case kReceiveStatus:
                    return (value & kHaltedOrIdle) == 0;
                case kDmaControl:
                case kReceiveControl:
                    return (value & kResetBit) != 0;
                default:
                    return false;
            }
        };
        std::uint32_t value = fabric_.read(offset);
        const std::uint64_t end = fabric_.cycles() + kCyclesAStatus;
        while (is_waiting(value) && fabric_.cycles() < end) {
            fabric_.run(64);
            value = fabric_.read(offset);
        }
        return value;
    }

    const RunOrder& order_;
    Elf elf_;
    MachineKind kind_;
    const std::function<void(std::string_view)>& uart_;
    SharedMemory memory_;
    sim::VerilatedModel model_;
    Fabric fabric_;
    LocalSocket debugger_socket_;
    LocalSocket uart_socket_;
    std::atomic<bool> is_over_ = false;
    std::thread thread_;
    ToolResult tool_;
    Emulation emulation_;
};

}  // namespace

Emulation run_on_qemu(const RunOrder& order, const fs::path& scratch,
                      const std::function<void(std::string_view)>& uart) {
    std::error_code error;
    fs::create_directories(scratch, error);
    Emulation emulation = QemuRun(order, fs::absolute(scratch), uart).run();
    check_exit(emulation);
    return emulation;
}

}  // namespace qloom::soc
