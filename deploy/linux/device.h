// What the driver needs of a machine: the DMA's registers and memory that both the processor and
// the DMA see.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace qloom {

class Device {
public:
    virtual ~Device() = default;
    // Registers of the DMA, by byte offset.
    virtual std::uint32_t read(std::uint32_t offset) = 0;
    virtual void write(std::uint32_t offset, std::uint32_t value) = 0;
    // The shared memory, and the address at which the DMA sees its first byte. No caches between
    // the two.
    virtual std::span<std::uint8_t> memory() = 0;
    virtual std::uint64_t address() const = 0;
};

// The machine that the program runs on: /dev/uioN named qloom-dma, and /dev/udmabuf-qloom. Throws
// std::runtime_error. Where these do not fit, write another one of these; nothing else changes.
std::unique_ptr<Device> open_device();

}  // namespace qloom
