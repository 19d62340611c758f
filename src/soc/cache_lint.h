#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace qloom::soc {

// What a data cache and a DMA can do to each other, watched without modelling the cache: for each line of memory whether the
// processor may hold it, has changed it, or holds it from before the DMA wrote. Emulators have no caches, so firmware that
// forgets to clean or invalidate would work on them and fail on a board.
class CacheLint {
public:
    // `fault` is called with what is wrong and the address.
    CacheLint(std::uint64_t memory_bytes, unsigned line_bytes,
              std::function<void(const std::string& what, std::uint64_t address)> fault);

    void enable(bool is_on) { is_on_ = is_on; }  // the cache itself
    [[nodiscard]] bool is_on() const { return is_on_; }

    // The processor.
    void read(std::uint64_t address, std::uint64_t bytes);
    void write(std::uint64_t address, std::uint64_t bytes);
    void clean(std::uint64_t address);
    void invalidate(std::uint64_t address);
    void clean_invalidate(std::uint64_t address);

    // The DMA.
    void begin_send(std::uint64_t address, std::uint64_t bytes);     // it will read these
    void begin_receive(std::uint64_t address, std::uint64_t bytes);  // it will write these
    void device_write(std::uint64_t address, std::uint64_t bytes);

private:
    enum : std::uint8_t { kPresent = 1, kDirty = 2, kStale = 4 };
    template <typename Body>
    void for_lines(std::uint64_t address, std::uint64_t bytes, Body body);

    unsigned line_bytes_;
    bool is_on_ = false;
    std::vector<std::uint8_t> lines_;
    std::function<void(const std::string&, std::uint64_t)> fault_;
};

}  // namespace qloom::soc
