#pragma once

#include <cstdint>
#include <string>

namespace qloom::soc {

// What a processor sees around it, and where it tells what it does. Everything may throw; a
// processor ends its run then and passes the exception on.
class Surroundings {
public:
    virtual ~Surroundings() = default;

    // That many instructions will now run; false: stop.
    virtual bool executes(std::uint64_t instructions, std::uint64_t program_counter) = 0;
    // Outside the memory: registers.
    virtual std::uint32_t read_register(std::uint64_t address, unsigned bytes) = 0;
    virtual void write_register(std::uint64_t address, unsigned bytes, std::uint32_t value) = 0;
    // Before an access to memory.
    virtual void reads_memory(std::uint64_t address, unsigned bytes) = 0;
    virtual void writes_memory(std::uint64_t address, unsigned bytes, std::uint64_t value) = 0;
    // Cache instructions on the line of an address, and on everything.
    virtual void cleans_line(std::uint64_t address, bool also_invalidates) = 0;
    virtual void invalidates_line(std::uint64_t address) = 0;
    // The system control register is written.
    virtual void controls(bool mmu, bool data_cache) = 0;
    // The generic timer (Cortex-A53).
    virtual std::uint64_t counter() = 0;
    virtual std::uint64_t counter_hz() = 0;
    // Nothing is there; does not return.
    virtual void finds_nothing(std::uint64_t address, bool is_write,
                               std::uint64_t program_counter) = 0;
    virtual void excepts(const std::string& what, std::uint64_t program_counter) = 0;
};

// A processor that runs a program until it waits for interrupts for ever, or is stopped.
class Processor {
public:
    virtual ~Processor() = default;
    virtual void run(std::uint64_t entry) = 0;
    [[nodiscard]] virtual std::uint64_t program_counter() const = 0;
};

}  // namespace qloom::soc
