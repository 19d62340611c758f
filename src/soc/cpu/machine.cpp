#include "soc/cpu/machine.h"

#include <sys/mman.h>
#include <unicorn/unicorn.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <optional>
#include <span>
#include <unordered_map>

#include <fmt/format.h>

#include "base/diagnostic.h"
#include "sim/verilated_model.h"
#include "soc/cache_lint.h"
#include "soc/elf.h"
#include "soc/fabric.h"

namespace qloom::soc {
namespace {

constexpr std::uint64_t kPage = 0x1000;
constexpr std::uint64_t kPrivatePeripherals = 0xf8f00000;  // Cortex-A9: global timer and more
constexpr std::uint64_t kTimer = 0x200;

// DMA registers.
constexpr std::uint64_t kStatus = 0x04;
constexpr std::uint64_t kAddress = 0x18;
constexpr std::uint64_t kLength = 0x28;
constexpr std::uint64_t kReceive = 0x30;

// Memory that costs nothing until it is touched.
class LargeMemory {
public:
    explicit LargeMemory(std::uint64_t bytes) : bytes_(bytes) {
        data_ = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        QLOOM_ASSERT(data_ != MAP_FAILED, "the machine has room for the board's memory");
    }
    LargeMemory(const LargeMemory&) = delete;
    LargeMemory& operator=(const LargeMemory&) = delete;
    ~LargeMemory() { munmap(data_, bytes_); }
    [[nodiscard]] std::span<std::uint8_t> span() const { return {static_cast<std::uint8_t*>(data_), bytes_}; }

private:
    std::uint64_t bytes_;
    void* data_;
};

enum class CacheOp { kClean, kInvalidate, kCleanInvalidate, kControl };

struct CacheInstruction {
    CacheOp op;
    int reg;
};

// The cache operation on an address that an instruction is, or a write of the system control register.
std::optional<CacheInstruction> cache_instruction(std::uint32_t word, bool is_64) {
    if (is_64) {
        const int reg = static_cast<int>(word & 31U);
        switch (word & ~31U) {
            case 0xd5087620U: return CacheInstruction{CacheOp::kInvalidate, reg};
            case 0xd50b7a20U: return CacheInstruction{CacheOp::kClean, reg};
            case 0xd50b7e20U: return CacheInstruction{CacheOp::kCleanInvalidate, reg};
            case 0xd51e1000U:
            case 0xd51c1000U:
            case 0xd5181000U: return CacheInstruction{CacheOp::kControl, reg};
            default: return std::nullopt;
        }
    }
    const int reg = static_cast<int>(word >> 12U & 15U);
    switch (word & 0x0fff0fffU) {
        case 0x0e070f36U: return CacheInstruction{CacheOp::kInvalidate, reg};
        case 0x0e070f3aU: return CacheInstruction{CacheOp::kClean, reg};
        case 0x0e070f3eU: return CacheInstruction{CacheOp::kCleanInvalidate, reg};
        case 0x0e010f10U: return CacheInstruction{CacheOp::kControl, reg};
        default: return std::nullopt;
    }
}

class Machine {
public:
    Machine(const Job& job, const std::function<void(const std::string&)>& print)
        : job_(job),
          print_(print),
          elf_(read_elf(job.firmware)),
          memory_(job.memory_bytes),
          model_(job.model, job.data_directory),
          fabric_(model_, memory_.span(), memory_options()),
          lint_(job.memory_bytes, elf_.is_64 ? 64 : 32,
                [this](const std::string& what, std::uint64_t offset) { cache_fault(what, offset); }) {
        open_processor();
        map();
        load();
        hook();
        fabric_.reset();
    }
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;
    ~Machine() { uc_close(engine_); }

    RunResult run() {
        const auto halt = elf_.symbols.find("ql_halt");
        const std::uint64_t until = halt == elf_.symbols.end() ? ~std::uint64_t{0} : halt->second;
        const uc_err error = uc_emu_start(engine_, elf_.entry, until, 0, 0);
        if (failure_) std::rethrow_exception(failure_);
        if (error != UC_ERR_OK) {
            throw Error(Code::kFirmwareFails, place(), fmt::format("the processor stops: {}", uc_strerror(error)),
                        "the firmware has an exception there that it does not handle");
        }
        if (pc() != until) {
            throw Error(Code::kFirmwareFails, place(), "the processor sleeps and nothing will wake it",
                        "end the program by ql_exit()");
        }
        std::uint32_t exit_code = 0;
        const auto symbol = elf_.symbols.find("ql_exit_code");
        if (symbol != elf_.symbols.end()) uc_mem_read(engine_, symbol->second, &exit_code, sizeof exit_code);
        return {.exit_code = static_cast<int>(exit_code),
                .uart = uart_text_,
                .time_ps = time_ps_,
                .cycles = fabric_.cycles(),
                .instructions = instructions_};
    }

private:
    AxiMemoryOptions memory_options() {
        return {.base = job_.memory_base,
                .latency_cycles = 20,
                .on_write = [this](std::uint64_t address, std::size_t bytes) {
                    lint_.device_write(address - job_.memory_base, bytes);
                }};
    }

    void open_processor() {
        const uc_err error = elf_.is_64 ? uc_open(UC_ARCH_ARM64, UC_MODE_ARM, &engine_) : uc_open(UC_ARCH_ARM, UC_MODE_ARM, &engine_);
        QLOOM_ASSERT(error == UC_ERR_OK, "the emulator starts");
        if (elf_.is_64) {
            uc_ctl_set_cpu_model(engine_, UC_CPU_ARM64_A53);
        } else {
            uc_ctl_set_cpu_model(engine_, UC_CPU_ARM_CORTEX_A9);
        }
    }

    void map() {
        const std::span<std::uint8_t> bytes = memory_.span();
        check(uc_mem_map_ptr(engine_, job_.memory_base, bytes.size(), UC_PROT_ALL, bytes.data()));
        map_device<&Machine::dma_read, &Machine::dma_write>(job_.dma_base);
        map_device<&Machine::uart_read, &Machine::uart_write>(job_.uart_base);
        if (!elf_.is_64) map_device<&Machine::private_read, &Machine::private_write>(kPrivatePeripherals);
    }

    void load() {
        for (const Segment& segment : elf_.segments) {
            if (segment.address < job_.memory_base ||
                segment.address - job_.memory_base + segment.bytes.size() > job_.memory_bytes) {
                throw Error(Code::kFirmwareUnreadable, job_.firmware,
                            fmt::format("a part of {} bytes at 0x{:x} lies outside the board's memory", segment.bytes.size(),
                                        segment.address),
                            "take fewer frames, or correct the linker script");
            }
            std::ranges::copy(segment.bytes, &memory_.span()[segment.address - job_.memory_base]);
            // What a program does not bring along is anything after power-up.
            std::fill(&memory_.span()[segment.address - job_.memory_base] + segment.file_bytes,
                      &memory_.span()[segment.address - job_.memory_base] + segment.bytes.size(), std::uint8_t{0xa5});
        }
    }

    // Functions of this class as callbacks of the emulator, which is C: an exception waits until it has returned.
    template <typename Body>
    void guarded(Body body) {
        if (failure_) return;
        try {
            body();
        } catch (...) {
            failure_ = std::current_exception();
            uc_emu_stop(engine_);
        }
    }

    template <auto Read, auto Write>
    void map_device(std::uint64_t base) {
        const auto read = [](uc_engine*, std::uint64_t offset, unsigned size, void* self) -> std::uint64_t {
            auto* machine = static_cast<Machine*>(self);
            std::uint64_t value = 0;
            machine->guarded([&] {
                machine->check_word(offset, size);
                value = (machine->*Read)(offset);
            });
            return value;
        };
        const auto write = [](uc_engine*, std::uint64_t offset, unsigned size, std::uint64_t value, void* self) {
            auto* machine = static_cast<Machine*>(self);
            machine->guarded([&] {
                machine->check_word(offset, size);
                (machine->*Write)(offset, static_cast<std::uint32_t>(value));
            });
        };
        check(uc_mmio_map(engine_, base & ~(kPage - 1), kPage, read, this, write, this));
    }

    void check_word(std::uint64_t offset, unsigned size) const {
        if (size != 4 || offset % 4 != 0) {
            throw Error(Code::kFirmwareAccess, place(), fmt::format("accesses {} bytes of a device register at offset 0x{:x}", size, offset),
                        "registers of devices are read and written as whole words of 4 bytes");
        }
    }

    static void check(uc_err error) { QLOOM_ASSERT(error == UC_ERR_OK, uc_strerror(error)); }

    void add_hook(int type, void* function, std::uint64_t begin, std::uint64_t end) {
        uc_hook hook = 0;
        check(uc_hook_add(engine_, &hook, type, function, this, begin, end));
    }

    void hook() {
        add_hook(UC_HOOK_BLOCK, reinterpret_cast<void*>(+[](uc_engine*, std::uint64_t, std::uint32_t size, void* self) {  // NOLINT
                     static_cast<Machine*>(self)->on_block(size);
                 }), 1, 0);
        add_hook(UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE,
                 reinterpret_cast<void*>(+[](uc_engine*, uc_mem_type type, std::uint64_t address, int size, std::int64_t, void* self) {  // NOLINT
                     static_cast<Machine*>(self)->on_memory(type == UC_MEM_WRITE, address, static_cast<unsigned>(size));
                 }), job_.memory_base, job_.memory_base + job_.memory_bytes - 1);
        add_hook(UC_HOOK_MEM_UNMAPPED,
                 reinterpret_cast<void*>(+[](uc_engine*, uc_mem_type type, std::uint64_t address, int size, std::int64_t, void* self) -> bool {  // NOLINT
                     static_cast<Machine*>(self)->on_unmapped(type, address, size);
                     return false;
                 }), 1, 0);
        for (const Segment& segment : elf_.segments) {
            if (!segment.is_code) continue;
            for (std::uint64_t at = 0; at + 4 <= segment.bytes.size(); at += 4) {
                std::uint32_t word = 0;
                std::memcpy(&word, &segment.bytes[at], 4);
                const std::optional<CacheInstruction> found = cache_instruction(word, elf_.is_64);
                if (!found) continue;
                cache_instructions_[segment.address + at] = *found;
                add_hook(UC_HOOK_CODE, reinterpret_cast<void*>(+[](uc_engine*, std::uint64_t address, std::uint32_t, void* self) {  // NOLINT
                             static_cast<Machine*>(self)->on_cache_instruction(address);
                         }), segment.address + at, segment.address + at);
            }
        }
    }

    // Where the processor is.
    [[nodiscard]] std::uint64_t pc() const {
        std::uint64_t value = 0;
        uc_reg_read(engine_, elf_.is_64 ? static_cast<int>(UC_ARM64_REG_PC) : static_cast<int>(UC_ARM_REG_PC), &value);
        return value;
    }
    [[nodiscard]] std::string place() const { return fmt::format("0x{:08x} ({})", pc(), elf_.place(pc())); }
    [[nodiscard]] std::uint64_t reg(int number) const {
        std::uint64_t value = 0;
        if (elf_.is_64) {
            if (number == 31) return 0;
            const int id = number == 29 ? UC_ARM64_REG_X29 : number == 30 ? UC_ARM64_REG_X30 : UC_ARM64_REG_X0 + number;
            uc_reg_read(engine_, id, &value);
        } else {
            constexpr std::array kRegisters{UC_ARM_REG_R0, UC_ARM_REG_R1, UC_ARM_REG_R2,  UC_ARM_REG_R3,  UC_ARM_REG_R4,
                                            UC_ARM_REG_R5, UC_ARM_REG_R6, UC_ARM_REG_R7,  UC_ARM_REG_R8,  UC_ARM_REG_R9,
                                            UC_ARM_REG_R10, UC_ARM_REG_R11, UC_ARM_REG_R12, UC_ARM_REG_SP, UC_ARM_REG_LR,
                                            UC_ARM_REG_PC};
            uc_reg_read(engine_, kRegisters[static_cast<std::size_t>(number)], &value);
        }
        return value;
    }

    void on_block(std::uint32_t size) {
        guarded([&] {
            instructions_ += size / 4;
            time_ps_ += size / 4 * job_.instruction_ps;
            if (time_ps_ > job_.limit_ps) {
                throw Error(Code::kFirmwareHangs, place(),
                            fmt::format("the firmware is still running after {:.1f} ms of modelled time",
                                        static_cast<double>(job_.limit_ps) * 1e-9),
                            "it waits there for something that does not come; every wait needs a bound");
            }
        });
    }

    void on_memory(bool is_write, std::uint64_t address, unsigned size) {
        guarded([&] {
            // Pairs of words need the alignment of a word only, on the 32-bit processors.
            if (address % (elf_.is_64 ? size : std::min(size, 4U)) != 0) {
                throw Error(Code::kFirmwareUnaligned, place(), fmt::format("accesses {} bytes at 0x{:08x}", size, address),
                            "such an access aborts on the board while the MMU is off and on device memory: align the data, "
                            "and build with -mno-unaligned-access");
            }
            if (is_write) {
                lint_.write(address - job_.memory_base, size);
            } else {
                lint_.read(address - job_.memory_base, size);
            }
        });
    }

    void on_unmapped(uc_mem_type type, std::uint64_t address, int size) {
        guarded([&] {
            const char* what = type == UC_MEM_WRITE_UNMAPPED ? "writes" : type == UC_MEM_READ_UNMAPPED ? "reads" : "executes";
            throw Error(Code::kFirmwareAccess, place(), fmt::format("{} {} bytes at 0x{:08x}, where nothing is", what, size, address),
                        "the board's memory and devices are in board.h; on the board this access aborts");
        });
    }

    void cache_fault(const std::string& what, std::uint64_t offset) const {
        throw Error(Code::kFirmwareCache, place(), fmt::format("the firmware {} (0x{:08x})", what, offset + job_.memory_base),
                    "see ql_dma_transfer() in firmware/ql_dma.c for what is needed around a transfer");
    }

    void on_cache_instruction(std::uint64_t address) {
        guarded([&] {
            const CacheInstruction it = cache_instructions_.at(address);
            const std::uint64_t value = reg(it.reg);
            if (it.op == CacheOp::kControl) {
                lint_.enable((value & 4U) != 0);
                return;
            }
            if (value < job_.memory_base || value - job_.memory_base >= job_.memory_bytes) return;
            const std::uint64_t offset = value - job_.memory_base;
            if (it.op == CacheOp::kClean) lint_.clean(offset);
            if (it.op == CacheOp::kInvalidate) lint_.invalidate(offset);
            if (it.op == CacheOp::kCleanInvalidate) lint_.clean_invalidate(offset);
        });
    }

    // The logic has its own clock and is stepped only when somebody looks.
    void catch_up() {
        while (fabric_.cycles() * job_.fabric_ps < time_ps_) fabric_.step();
    }
    void fabric_leads() { time_ps_ = std::max(time_ps_, fabric_.cycles() * job_.fabric_ps); }

    std::uint64_t dma_read(std::uint64_t offset) {
        catch_up();
        const std::uint32_t value = fabric_.read(static_cast<std::uint32_t>(offset));
        if ((offset == kStatus || offset == kReceive + kStatus) && (value & 3U) == 0 && transfer_begin_ > 0) {
            // Still busy: the next look comes a little later, at most one percent of the time it has taken already.
            const std::uint64_t waited = fabric_.cycles() - transfer_begin_;
            fabric_.run(std::clamp<std::uint64_t>(waited / 100, 4, 2000));
        }
        fabric_leads();
        return value;
    }

    void dma_write(std::uint64_t offset, std::uint32_t value) {
        catch_up();
        if (offset == kAddress) send_address_ = value;
        if (offset == kReceive + kAddress) receive_address_ = value;
        if (offset == kLength && send_address_ >= job_.memory_base) lint_.begin_send(send_address_ - job_.memory_base, value);
        if (offset == kReceive + kLength && receive_address_ >= job_.memory_base) {
            lint_.begin_receive(receive_address_ - job_.memory_base, value);
        }
        if (offset == kLength || offset == kReceive + kLength) transfer_begin_ = fabric_.cycles();
        fabric_.write(static_cast<std::uint32_t>(offset), value);
        fabric_leads();
    }

    // Cadence UART as it is after a reset: off. Characters leave at once.
    std::uint64_t uart_read(std::uint64_t offset) {
        if (offset == 0x00) return uart_control_;
        if (offset == 0x2c) return 0x08;
        return 0;
    }
    void uart_write(std::uint64_t offset, std::uint32_t value) {
        if (offset == 0x00) uart_control_ = value & ~3U;
        if (offset != 0x30) return;
        if ((uart_control_ & 0x30U) != 0x10U) {
            throw Error(Code::kFirmwareAccess, place(), "sends a character while the transmitter of the UART is off",
                        "call ql_uart_init() first");
        }
        const char c = static_cast<char>(value);
        if (c == '\r') return;
        uart_text_ += c;
        line_ += c;
        if (c == '\n') {
            print_(line_);
            line_.clear();
        }
    }

    std::uint64_t private_read(std::uint64_t offset) {
        if (offset == kTimer + 8) return timer_on_ ? 1 : 0;
        if (offset != kTimer && offset != kTimer + 4) return 0;
        __extension__ using Wide = unsigned __int128;
        const auto ticks = timer_on_ ? static_cast<std::uint64_t>(Wide{time_ps_ - timer_start_ps_} * job_.timer_hz / 1000000000000U) : 0;
        return offset == kTimer ? ticks & 0xffffffffU : ticks >> 32U;
    }
    void private_write(std::uint64_t offset, std::uint32_t value) {
        if (offset != kTimer + 8) return;
        if ((value & 1U) != 0 && !timer_on_) timer_start_ps_ = time_ps_;
        timer_on_ = (value & 1U) != 0;
    }

    Job job_;
    std::function<void(const std::string&)> print_;
    Elf elf_;
    LargeMemory memory_;
    sim::VerilatedModel model_;
    Fabric fabric_;
    CacheLint lint_;
    uc_engine* engine_ = nullptr;
    std::exception_ptr failure_;
    std::unordered_map<std::uint64_t, CacheInstruction> cache_instructions_;
    std::uint64_t time_ps_ = 0;
    std::uint64_t instructions_ = 0;
    std::uint64_t transfer_begin_ = 0;
    std::uint64_t send_address_ = 0;
    std::uint64_t receive_address_ = 0;
    std::uint32_t uart_control_ = 0x28;
    std::string uart_text_;
    std::string line_;
    bool timer_on_ = false;
    std::uint64_t timer_start_ps_ = 0;
};

}  // namespace

RunResult run_machine(const Job& job, const std::function<void(const std::string&)>& print) {
    Machine machine(job, print);
    return machine.run();
}

}  // namespace qloom::soc
