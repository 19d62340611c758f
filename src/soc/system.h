#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/codes/soc.h"
#include "hw/board.h"
#include "soc/cached_memory.h"
#include "soc/elf.h"
#include "soc/fabric.h"
#include "soc/processor.h"
#include "soc/uart.h"

namespace qloom::soc {

struct SystemOptions {
    hw::Board board;
    double clock_mhz = 100.0;        // of the programmable logic
    double limit_seconds = 1.0;      // of the board's time: the firmware hangs when it takes longer
    int memory_latency_cycles = 20;  // of the DMA's port to the memory
    std::uint64_t uart_clock_hz = 100000000;
    std::uint64_t counter_hz = 100000000;  // of the generic timer
};

struct SystemResult {
    int exit_code = -1;
    std::uint64_t instructions = 0;
    std::uint64_t fabric_cycles = 0;  // simulated; idle stretches are skipped
    double board_seconds = 0.0;  // modelled: an instruction takes a clock, the UART its baud rate
    double baud = 0.0;
    // Every packet was sent when the receiving side waited for its result already.
    bool is_armed_first = true;
};

// A board around a processor: memory behind a cache, a UART, timers, and the programmable logic as
// a verilated model of qloom_soc.
//
//   processor --> memory (CachedMemory) <-- m_axi --+
//             --> UART, timers                      |
//             --> DMA registers ------------------- model (Fabric)
//
// One time for all, in picoseconds. Instructions advance it by a clock of the processor each; the
// logic is stepped only when the program looks at it, up to the time it is then, and not at all
// while no transfer is going on.
class System final : public Surroundings {
public:
    // Loads the program. Throws code::kFirmwareFileBad for a program that does not fit the board.
    System(SystemOptions options, const Elf& elf, sim::VerilatedModel& model);

    [[nodiscard]] CachedMemory& memory() { return memory_; }
    std::function<void(char)> on_character = {};  // out of the UART

    // Runs the program to its end. Throws what the faults of a program throw (codes 1101 to 1107),
    // and code::kHardwareCheckFailed.
    SystemResult run(Processor& processor);

    bool executes(std::uint64_t instructions, std::uint64_t program_counter) override;
    std::uint32_t read_register(std::uint64_t address, unsigned bytes) override;
    void write_register(std::uint64_t address, unsigned bytes, std::uint32_t value) override;
    void reads_memory(std::uint64_t address, unsigned bytes) override;
    void writes_memory(std::uint64_t address, unsigned bytes, std::uint64_t value) override;
    void cleans_line(std::uint64_t address, bool also_invalidates) override;
    void invalidates_line(std::uint64_t address) override;
    void controls(bool mmu, bool data_cache) override;
    std::uint64_t counter() override;
    std::uint64_t counter_hz() override { return options_.counter_hz; }
    void finds_nothing(std::uint64_t address, bool is_write,
                       std::uint64_t program_counter) override;
    void excepts(const std::string& what, std::uint64_t program_counter) override;

private:
    enum class Device { kNone, kDma, kUart, kGlobalTimer, kL2Cache, kSystemCounter };
    struct Place {
        Device device = Device::kNone;
        std::uint32_t offset = 0;
    };
    [[nodiscard]] Place place_of(std::uint64_t address) const;
    [[nodiscard]] bool is_a9() const { return elf_->machine == Machine::kArm; }
    void check_register_access(std::uint64_t address, unsigned bytes) const;
    void check_alignment(std::uint64_t address, unsigned bytes) const;
    [[nodiscard]] std::string at() const;  // where the program is

    // The logic lives in its own count of cycles; these join it to the time.
    void catch_up();
    void leave_fabric(std::uint64_t cycles_before);
    std::uint32_t read_dma(std::uint32_t offset);
    void write_dma(std::uint32_t offset, std::uint32_t value);

    SystemOptions options_;
    const Elf* elf_;
    CachedMemory memory_;
    Fabric fabric_;
    Uart uart_;
    Processor* processor_ = nullptr;
    std::uint64_t time_ps_ = 0;
    std::uint64_t limit_ps_;
    std::uint64_t instruction_ps_;
    std::uint64_t cycle_ps_;
    std::uint64_t fabric_ps_ = 0;       // the time up to which the logic has been stepped
    bool is_busy_[2] = {false, false};  // a transfer goes on: send, receive
    std::uint32_t receive_address_ = 0;
    bool is_resetting_ = false;
    bool is_armed_first_ = true;
    bool mmu_on_ = false;
    bool global_timer_on_ = false;
    bool is_out_of_time_ = false;
    std::uint64_t instructions_ = 0;
    std::uint64_t block_ = 0;  // where the block of instructions that runs begins
};

}  // namespace qloom::soc
