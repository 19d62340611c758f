#include "soc/system.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "base/diagnostic.h"

namespace qloom::soc {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kPicoseconds = 1000000000000;

constexpr std::uint64_t kA9GlobalTimer = 0xf8f00200;
constexpr std::uint64_t kA9L2Cache = 0xf8f02000;
constexpr std::uint64_t kA53SystemCounter = 0xff260000;
constexpr std::uint64_t kDmaSpan = 0x400;

constexpr std::uint32_t kReceive = 0x30;
constexpr std::uint32_t kDmaControl = 0x00;
constexpr std::uint32_t kDmaStatus = 0x04;
constexpr std::uint32_t kDmaAddress = 0x18;
constexpr std::uint32_t kDmaLength = 0x28;
constexpr std::uint32_t kDmaResetBit = 0x4;
constexpr std::uint32_t kDmaHaltedOrIdle = 0x3;
constexpr std::uint32_t kUartStatus = 0x2c;

struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

// What the program occupies, in whole pages: the model has no more memory than that, so that stray
// accesses are noticed.
Range range_of(const Elf& elf) {
    Range range{.begin = std::numeric_limits<std::uint64_t>::max()};
    for (const Elf::Segment& segment : elf.segments) {
        range.begin = std::min(range.begin, segment.address);
        range.end = std::max(range.end, segment.address + segment.memory_bytes);
    }
    range.begin = range.begin / kPage * kPage;
    range.end = (range.end + kPage - 1) / kPage * kPage;
    return range;
}

CachedMemory make_memory(const hw::Board& board, const Elf& elf) {
    const Range range = range_of(elf);
    if (range.begin < board.memory_base || range.end > board.memory_base + board.memory_bytes) {
        throw Error(code::kFirmwareFileBad, board.name,
                    fmt::format("the program lies at 0x{:08x} to 0x{:08x}, and the board has "
                                "memory from 0x{:08x} to 0x{:08x}",
                                range.begin, range.end, board.memory_base,
                                board.memory_base + board.memory_bytes),
                    "link it with the memory.ld of the board");
    }
    const std::size_t line_bytes = elf.machine == Machine::kArm ? 32 : 64;
    return CachedMemory(range.begin, range.end - range.begin, line_bytes);
}

AxiMemoryOptions memory_options(const SystemOptions& options, CachedMemory& memory) {
    return {.base = memory.base(),
            .latency_cycles = options.memory_latency_cycles,
            .on_read = [&memory](std::uint64_t address,
                                 std::size_t bytes) { memory.on_dma_read(address, bytes); },
            .on_write = [&memory](std::uint64_t address,
                                  std::size_t bytes) { memory.on_dma_write(address, bytes); }};
}

std::uint64_t picoseconds_of_clock(double mhz) {
    return static_cast<std::uint64_t>(std::llround(1e6 / mhz));
}

}  // namespace

System::System(SystemOptions options, const Elf& elf, sim::VerilatedModel& model)
    : options_(std::move(options)),
      elf_(&elf),
      memory_(make_memory(options_.board, elf)),
      fabric_(model, memory_.memory(), memory_options(options_, memory_)),
      uart_(options_.uart_clock_hz),
      limit_ps_(static_cast<std::uint64_t>(options_.limit_seconds * 1e12)),
      instruction_ps_(picoseconds_of_clock(options_.board.cpu_mhz)),
      cycle_ps_(picoseconds_of_clock(options_.clock_mhz)) {
    for (const Elf::Segment& segment : elf.segments) memory_.load(segment.address, segment.bytes);
    memory_.name_of = [this](std::uint64_t address) {
        return fmt::format("address 0x{:08x}, program at {}", address, at());
    };
    uart_.on_character = [this](char c) {
        if (on_character) on_character(c);
    };
    fabric_.reset();
}

std::string System::at() const {
    return elf_->place(processor_ != nullptr ? processor_->program_counter() : elf_->entry);
}

SystemResult System::run(Processor& processor) {
    processor_ = &processor;
    processor.run(elf_->entry);
    if (is_out_of_time_) {
        throw Error(code::kFirmwareHangs, at(),
                    fmt::format("the firmware has not ended after {:g} s of the board's time",
                                options_.limit_seconds),
                    "look at that function, or give it more time with --timeout");
    }
    SystemResult result{.instructions = instructions_,
                        .fabric_cycles = fabric_.cycles(),
                        .board_seconds = static_cast<double>(time_ps_) / 1e12,
                        .baud = uart_.baud(),
                        .is_armed_first = is_armed_first_};
    const auto exit_code = elf_->find("ql_exit_code");
    if (exit_code && memory_.holds(*exit_code, 4)) {
        std::memcpy(&result.exit_code, &memory_.processor_view()[*exit_code - memory_.base()],
                    sizeof(std::int32_t));
    }
    processor_ = nullptr;
    return result;
}

bool System::executes(std::uint64_t instructions, std::uint64_t program_counter) {
    block_ = program_counter;
    instructions_ += instructions;
    time_ps_ += instructions * instruction_ps_;
    is_out_of_time_ = time_ps_ > limit_ps_;
    return !is_out_of_time_;
}

// ---- registers

System::Place System::place_of(std::uint64_t address) const {
    const auto inside = [address](std::uint64_t base, std::uint64_t bytes) {
        return address >= base && address - base < bytes;
    };
    const auto offset = [address](std::uint64_t base) {
        return static_cast<std::uint32_t>(address - base);
    };
    if (inside(options_.board.dma_base, kDmaSpan))
        return {Device::kDma, offset(options_.board.dma_base)};
    if (inside(options_.board.uart_base, kPage))
        return {Device::kUart, offset(options_.board.uart_base)};
    if (is_a9() && inside(kA9GlobalTimer, 0x20))
        return {Device::kGlobalTimer, offset(kA9GlobalTimer)};
    if (is_a9() && inside(kA9L2Cache, kPage)) return {Device::kL2Cache, offset(kA9L2Cache)};
    if (!is_a9() && inside(kA53SystemCounter, kPage))
        return {Device::kSystemCounter, offset(kA53SystemCounter)};
    return {};
}

void System::check_register_access(std::uint64_t address, unsigned bytes) const {
    if (bytes == 4 && address % 4 == 0) return;
    throw Error(
        code::kMisalignedAccess, at(),
        fmt::format("an access of {} bytes to the register at 0x{:08x}; registers are 32-bit words",
                    bytes, address),
        "read and write whole registers");
}

std::uint32_t System::read_register(std::uint64_t address, unsigned bytes) {
    const Place place = place_of(address);
    if (place.device == Device::kNone) finds_nothing(address, false, processor_->program_counter());
    check_register_access(address, bytes);
    switch (place.device) {
        case Device::kDma:
            return read_dma(place.offset);
        case Device::kUart: {
            const std::uint32_t value = uart_.read(place.offset, time_ps_);
            // A program that waits for the UART is taken to the moment that it waits for.
            if (place.offset == kUartStatus && !uart_.is_empty(time_ps_)) {
                time_ps_ = std::max(time_ps_, uart_.ready_at(!uart_.is_full(time_ps_)));
            }
            return value;
        }
        case Device::kGlobalTimer: {
            if (place.offset == 8) return global_timer_on_ ? 1 : 0;
            const std::uint64_t ticks = global_timer_on_ ? time_ps_ / (2 * instruction_ps_) : 0;
            return static_cast<std::uint32_t>(place.offset == 4   ? ticks >> 32U
                                              : place.offset == 0 ? ticks
                                                                  : 0);
        }
        case Device::kL2Cache:  // off, and done with everything at once
        case Device::kSystemCounter:
        case Device::kNone:
            return 0;
    }
    return 0;
}

void System::write_register(std::uint64_t address, unsigned bytes, std::uint32_t value) {
    const Place place = place_of(address);
    if (place.device == Device::kNone) finds_nothing(address, true, processor_->program_counter());
    check_register_access(address, bytes);
    switch (place.device) {
        case Device::kDma:
            write_dma(place.offset, value);
            break;
        case Device::kUart:
            uart_.write(place.offset, value, time_ps_);
            break;
        case Device::kGlobalTimer:
            if (place.offset == 8) global_timer_on_ = (value & 1U) != 0;
            break;
        case Device::kL2Cache:
        case Device::kSystemCounter:
        case Device::kNone:
            break;
    }
}

std::uint64_t System::counter() {
    return static_cast<std::uint64_t>(static_cast<double>(time_ps_) *
                                      static_cast<double>(options_.counter_hz) /
                                      static_cast<double>(kPicoseconds));
}

// ---- programmable logic

void System::catch_up() {
    if (!is_busy_[0] && !is_busy_[1]) {
        fabric_ps_ = std::max(fabric_ps_, time_ps_);  // nothing moves in there
        return;
    }
    while (fabric_ps_ + cycle_ps_ <= time_ps_) {
        fabric_.step();
        fabric_ps_ += cycle_ps_;
    }
}

void System::leave_fabric(std::uint64_t cycles_before) {
    fabric_ps_ += (fabric_.cycles() - cycles_before) * cycle_ps_;
    time_ps_ = std::max(time_ps_, fabric_ps_);
}

std::uint32_t System::read_dma(std::uint32_t offset) {
    catch_up();
    const std::uint64_t before = fabric_.cycles();
    const std::uint32_t value = fabric_.read(offset);
    leave_fabric(before);
    if ((offset == kDmaControl || offset == kReceive + kDmaControl) &&
        (value & kDmaResetBit) == 0 && is_resetting_) {
        is_resetting_ = is_busy_[0] = is_busy_[1] = false;
    }
    if (offset == kDmaStatus && (value & kDmaHaltedOrIdle) != 0) is_busy_[0] = false;
    if (offset == kReceive + kDmaStatus && (value & kDmaHaltedOrIdle) != 0) is_busy_[1] = false;
    return value;
}

void System::write_dma(std::uint32_t offset, std::uint32_t value) {
    catch_up();
    if (offset == kReceive + kDmaAddress) receive_address_ = value;
    if (offset == kReceive + kDmaLength) memory_.fetch_ahead(receive_address_, value);
    if (offset == kDmaLength) {
        is_armed_first_ = is_armed_first_ && is_busy_[1];
        is_busy_[0] = true;
    }
    if (offset == kReceive + kDmaLength) is_busy_[1] = true;
    if ((offset == kDmaControl || offset == kReceive + kDmaControl) &&
        (value & kDmaResetBit) != 0) {
        is_resetting_ = is_busy_[0] = is_busy_[1] = true;
    }
    const std::uint64_t before = fabric_.cycles();
    fabric_.write(offset, value);
    leave_fabric(before);
}

// ---- memory

void System::check_alignment(std::uint64_t address, unsigned bytes) const {
    if (mmu_on_ || bytes <= 1 || address % bytes == 0) return;
    throw Error(
        code::kMisalignedAccess, at(),
        fmt::format(
            "an access of {} bytes to 0x{:08x} while the MMU is off; the processor refuses it",
            bytes, address),
        "compile with -mno-unaligned-access, align the data, or enable the MMU before");
}

void System::reads_memory(std::uint64_t address, unsigned bytes) {
    check_alignment(address, bytes);
    memory_.before_read(address, bytes);
}

void System::writes_memory(std::uint64_t address, unsigned bytes, std::uint64_t value) {
    check_alignment(address, bytes);
    memory_.before_write(address, bytes, value);
}

void System::cleans_line(std::uint64_t address, bool also_invalidates) {
    memory_.clean(address);
    if (also_invalidates) memory_.invalidate(address);
}

void System::invalidates_line(std::uint64_t address) { memory_.invalidate(address); }

void System::controls(bool mmu, bool data_cache) {
    mmu_on_ = mmu;
    memory_.enable(mmu && data_cache);  // without the MMU all data are device memory
}

// ---- faults

void System::finds_nothing(std::uint64_t address, bool is_write, std::uint64_t program_counter) {
    if (address == program_counter) {
        excepts(fmt::format("a jump to 0x{:08x}, where no program is", address), block_);
    }
    throw Error(code::kUnmappedAccess, elf_->place(program_counter),
                fmt::format("the firmware {} 0x{:08x}, where the board has nothing",
                            is_write ? "writes to" : "reads from", address),
                "look at that function");
}

void System::excepts(const std::string& what, std::uint64_t program_counter) {
    throw Error(code::kProcessorException, elf_->place(program_counter),
                fmt::format("the processor ran into: {}", what), "look at that function");
}

}  // namespace qloom::soc
