#include "soc/emulator/unicorn_processor.h"

#include <unicorn/unicorn.h>

#include <cstring>
#include <exception>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "base/diagnostic.h"

namespace qloom::soc {
namespace {

// Where an instruction of interest stands, and what it does with which register.
struct Watch {
    enum class Kind {
        kClean,
        kInvalidate,
        kCleanInvalidate,
        kControl,
        kReadControl,
        kCounter,
        kCounterHz
    };
    Kind kind = Kind::kClean;
    unsigned register_number = 0;
    std::uint64_t address = 0;
};

std::optional<Watch> watch_of_arm(std::uint32_t word) {
    const unsigned number = word >> 12U & 0xfU;
    switch (word & 0x0fff0fffU) {
        case 0x0e070f3aU:
            return Watch{Watch::Kind::kClean, number};  // mcr p15, 0, r, c7, c10, 1
        case 0x0e070f36U:
            return Watch{Watch::Kind::kInvalidate, number};  // mcr p15, 0, r, c7, c6, 1
        case 0x0e070f3eU:
            return Watch{Watch::Kind::kCleanInvalidate, number};  // mcr p15, 0, r, c7, c14, 1
        case 0x0e010f10U:
            return Watch{Watch::Kind::kControl, number};  // mcr p15, 0, r, c1, c0, 0
        default:
            return std::nullopt;
    }
}

std::optional<Watch> watch_of_aarch64(std::uint32_t word) {
    const unsigned number = word & 0x1fU;
    switch (word & ~0x1fU) {
        case 0xd50b7a20U:
            return Watch{Watch::Kind::kClean, number};  // dc cvac
        case 0xd5087620U:
            return Watch{Watch::Kind::kInvalidate, number};  // dc ivac
        case 0xd50b7e20U:
            return Watch{Watch::Kind::kCleanInvalidate, number};  // dc civac
        case 0xd5181000U:                                         // msr sctlr_el1
        case 0xd51c1000U:                                         // msr sctlr_el2
        case 0xd51e1000U:
            return Watch{Watch::Kind::kControl, number};  // msr sctlr_el3
        case 0xd5381000U:                                 // mrs sctlr_el1
        case 0xd53c1000U:                                 // mrs sctlr_el2
        case 0xd53e1000U:
            return Watch{Watch::Kind::kReadControl, number};  // mrs sctlr_el3
        case 0xd53be020U:
            return Watch{Watch::Kind::kCounter, number};  // mrs cntpct_el0
        case 0xd53be000U:
            return Watch{Watch::Kind::kCounterHz, number};  // mrs cntfrq_el0
        default:
            return std::nullopt;
    }
}

class UnicornProcessor final : public Processor {
public:
    UnicornProcessor(const Elf& elf, CachedMemory& memory, Surroundings& surroundings)
        : is_arm_(elf.machine == Machine::kArm), memory_(memory), surroundings_(surroundings) {
        check(uc_open(is_arm_ ? UC_ARCH_ARM : UC_ARCH_ARM64, UC_MODE_ARM, &engine_));
        check(uc_ctl_set_cpu_model(engine_, is_arm_ ? static_cast<int>(UC_CPU_ARM_CORTEX_A9)
                                                    : static_cast<int>(UC_CPU_ARM64_A53)));
        const std::span<std::uint8_t> view = memory.processor_view();
        end_ = memory.base() + view.size();
        check(uc_mem_map_ptr(engine_, memory.base(), view.size(), UC_PROT_ALL, view.data()));
        map_registers();
        hook_memory();
        for (const Elf::Segment& segment : elf.segments) {
            if (segment.is_code) watch(segment);
        }
    }
    ~UnicornProcessor() override { uc_close(engine_); }
    UnicornProcessor(const UnicornProcessor&) = delete;
    UnicornProcessor& operator=(const UnicornProcessor&) = delete;

    void run(std::uint64_t entry) override {
        const uc_err result = uc_emu_start(engine_, entry, ~std::uint64_t{0}, 0, 0);
        if (problem_) std::rethrow_exception(problem_);
        if (result == UC_ERR_OK) return;
        surroundings_.excepts(
            result == UC_ERR_INSN_INVALID ? "an undefined instruction" : uc_strerror(result),
            program_counter());
    }

    [[nodiscard]] std::uint64_t program_counter() const override {
        std::uint64_t value = 0;
        uc_reg_read(engine_,
                    is_arm_ ? static_cast<int>(UC_ARM_REG_PC) : static_cast<int>(UC_ARM64_REG_PC),
                    &value);
        return value;
    }

private:
    static void check(uc_err error) { QLOOM_ASSERT(error == UC_ERR_OK, uc_strerror(error)); }

    // Exceptions must not pass through the library, which is C: they are kept until it has come
    // back.
    template <class F>
    auto guarded(F&& action) -> decltype(action()) {
        try {
            if (!problem_) return action();
        } catch (...) {
            problem_ = std::current_exception();
            uc_emu_stop(engine_);
        }
        return {};
    }
    static UnicornProcessor& self(void* user) { return *static_cast<UnicornProcessor*>(user); }

    template <class F>
    void hook(int type, F* callback, std::uint64_t begin, std::uint64_t last, void* user) {
        uc_hook handle = 0;
        check(uc_hook_add(engine_, &handle, type, reinterpret_cast<void*>(callback), user, begin,
                          last));
    }

    // Everything but the memory is registers, so that it is the system that says where there are
    // none.
    void map_registers() {
        constexpr std::uint64_t kAll = std::uint64_t{1} << 32U;
        map_register_range(0, memory_.base());
        map_register_range(end_, kAll);
    }
    void map_register_range(std::uint64_t begin, std::uint64_t end) {
        // In pieces: the library takes no more at once.
        constexpr std::uint64_t kPiece = std::uint64_t{1} << 28U;
        while (begin < end) {
            const std::uint64_t bytes = std::min(kPiece, end - begin);
            pieces_.push_back(std::make_unique<Piece>(Piece{this, begin}));
            Piece* piece = pieces_.back().get();
            check(uc_mmio_map(engine_, begin, bytes, &on_register_read, piece, &on_register_write,
                              piece));
            begin += bytes;
        }
    }
    struct Piece {
        UnicornProcessor* processor;
        std::uint64_t base;
    };
    static std::uint64_t on_register_read(uc_engine*, std::uint64_t offset, unsigned bytes,
                                          void* user) {
        const Piece& piece = *static_cast<Piece*>(user);
        return piece.processor->guarded([&]() -> std::uint64_t {
            return piece.processor->surroundings_.read_register(piece.base + offset, bytes);
        });
    }
    static void on_register_write(uc_engine*, std::uint64_t offset, unsigned bytes,
                                  std::uint64_t value, void* user) {
        const Piece& piece = *static_cast<Piece*>(user);
        piece.processor->guarded([&] {
            piece.processor->surroundings_.write_register(piece.base + offset, bytes,
                                                          static_cast<std::uint32_t>(value));
            return 0;
        });
    }

    void hook_memory() {
        hook(UC_HOOK_BLOCK, &on_block, 1, 0, this);
        hook(UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, &on_memory, memory_.base(), end_ - 1, this);
        hook(UC_HOOK_MEM_INVALID, &on_invalid, 1, 0, this);
        hook(UC_HOOK_INTR, &on_exception, 1, 0, this);
    }
    static void on_block(uc_engine*, std::uint64_t address, std::uint32_t bytes, void* user) {
        UnicornProcessor& it = self(user);
        it.guarded([&] {
            // A jump to where no memory is runs into registers.
            if (!it.memory_.holds(address, 4))
                it.surroundings_.excepts("a jump to where no program is", address);
            if (!it.surroundings_.executes(bytes / 4, address)) uc_emu_stop(it.engine_);
            return 0;
        });
    }
    static void on_memory(uc_engine*, uc_mem_type type, std::uint64_t address, int bytes,
                          std::int64_t value, void* user) {
        UnicornProcessor& it = self(user);
        const auto size = static_cast<std::size_t>(bytes);
        const bool is_write = type == UC_MEM_WRITE;
        if (is_write ? it.memory_.is_plain_write(address, size)
                     : it.memory_.is_plain_read(address, size)) {
            return;
        }
        it.guarded([&] {
            if (is_write) {
                it.surroundings_.writes_memory(address, static_cast<unsigned>(bytes),
                                               static_cast<std::uint64_t>(value));
            } else {
                it.surroundings_.reads_memory(address, static_cast<unsigned>(bytes));
            }
            return 0;
        });
    }
    static bool on_invalid(uc_engine*, uc_mem_type type, std::uint64_t address, int, std::int64_t,
                           void* user) {
        UnicornProcessor& it = self(user);
        it.guarded([&] {
            const bool is_write = type == UC_MEM_WRITE_UNMAPPED || type == UC_MEM_WRITE_PROT;
            it.surroundings_.finds_nothing(address, is_write, it.program_counter());
            return 0;
        });
        return false;
    }
    static void on_exception(uc_engine*, std::uint32_t number, void* user) {
        UnicornProcessor& it = self(user);
        it.guarded([&] {
            static constexpr const char* kNames[] = {"exception 0", "an undefined instruction",
                                                     "a supervisor call", "a prefetch abort",
                                                     "a data abort"};
            const std::string what =
                number < std::size(kNames) ? kNames[number] : fmt::format("exception {}", number);
            it.surroundings_.excepts(what, it.program_counter());
            return 0;
        });
    }

    // One hook an instruction: the library checks the address when it translates, so that the rest
    // runs as fast as before.
    void watch(const Elf::Segment& segment) {
        for (std::size_t at = 0; at + 4 <= segment.bytes.size(); at += 4) {
            std::uint32_t word = 0;
            std::memcpy(&word, &segment.bytes[at], sizeof word);
            std::optional<Watch> found = is_arm_ ? watch_of_arm(word) : watch_of_aarch64(word);
            if (!found) continue;
            found->address = segment.address + at;
            watches_.push_back(std::make_unique<WatchOf>(WatchOf{this, *found}));
            hook(UC_HOOK_CODE, &on_watched, found->address, found->address, watches_.back().get());
        }
    }
    struct WatchOf {
        UnicornProcessor* processor;
        Watch watch;
    };
    static void on_watched(uc_engine*, std::uint64_t, std::uint32_t, void* user) {
        const WatchOf& it = *static_cast<WatchOf*>(user);
        it.processor->guarded([&] {
            it.processor->execute(it.watch);
            return 0;
        });
    }
    void execute(const Watch& watch) {
        const int id = register_id(watch.register_number);
        std::uint64_t value = 0;
        if (id != 0) uc_reg_read(engine_, id, &value);
        switch (watch.kind) {
            case Watch::Kind::kClean:
                surroundings_.cleans_line(value, false);
                break;
            case Watch::Kind::kCleanInvalidate:
                surroundings_.cleans_line(value, true);
                break;
            case Watch::Kind::kInvalidate:
                surroundings_.invalidates_line(value);
                break;
            case Watch::Kind::kControl:
                surroundings_.controls((value & 1U) != 0, (value & 4U) != 0);
                if (!is_arm_) {
                    // libunicorn 2.0.1 takes every fetch for an abort once the MMU of a 64-bit
                    // processor is on. The program's map is flat, so that it runs the same without;
                    // QEMU, which `--cpu qemu` is for, walks its tables.
                    control_ = value;
                    skip(watch);
                }
                break;
            case Watch::Kind::kReadControl:
                if (control_) answer(watch, id, *control_);
                break;
            case Watch::Kind::kCounter:
                answer(watch, id, surroundings_.counter());
                break;
            case Watch::Kind::kCounterHz:
                answer(watch, id, surroundings_.counter_hz());
                break;
        }
    }
    // The instruction is done: its register is set, and the program goes on behind it.
    void answer(const Watch& watch, int id, std::uint64_t value) {
        if (id != 0) uc_reg_write(engine_, id, &value);
        skip(watch);
    }
    void skip(const Watch& watch) {
        const std::uint64_t next = watch.address + 4;
        uc_reg_write(engine_, UC_ARM64_REG_PC, &next);
    }
    [[nodiscard]] int register_id(unsigned number) const {
        if (is_arm_) {
            if (number < 13) return UC_ARM_REG_R0 + static_cast<int>(number);
            return number == 13 ? UC_ARM_REG_SP : number == 14 ? UC_ARM_REG_LR : UC_ARM_REG_PC;
        }
        if (number < 29) return UC_ARM64_REG_X0 + static_cast<int>(number);
        return number == 29   ? UC_ARM64_REG_X29
               : number == 30 ? UC_ARM64_REG_X30
                              : 0;  // 31: always zero
    }

    bool is_arm_;
    CachedMemory& memory_;
    Surroundings& surroundings_;
    uc_engine* engine_ = nullptr;
    std::uint64_t end_ = 0;
    std::optional<std::uint64_t> control_;  // what a 64-bit program wrote to SCTLR
    std::exception_ptr problem_;
    std::vector<std::unique_ptr<Piece>> pieces_;
    std::vector<std::unique_ptr<WatchOf>> watches_;
};

}  // namespace

std::unique_ptr<Processor> make_unicorn_processor(const Elf& elf, CachedMemory& memory,
                                                  Surroundings& surroundings) {
    return std::make_unique<UnicornProcessor>(elf, memory, surroundings);
}

}  // namespace qloom::soc
