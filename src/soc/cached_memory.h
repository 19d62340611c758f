#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/codes/soc.h"

namespace qloom::soc {

// DDR behind a write-back data cache that the DMA does not see: what the processor reads and writes
// is one buffer, what the DMA reads and writes another, and lines move between them as the cache
// instructions say.
//
//   processor <--> [cache: lines present, dirty] <--> memory <--> DMA
//
// No size and no eviction: a line that is dirty stays so until it is cleaned, and a line that is
// present stays so until it is invalidated; the worst a real cache may do. Faults of the program
// are errors, at the access that would go wrong on a board:
//   code::kCacheNotCleaned  the DMA reads bytes that are newer in a dirty line, or writes into one
//   code::kCacheStale       the processor uses a line that is older than what the DMA wrote
class CachedMemory {
public:
    // Both buffers begin with a pattern that is no useful value, so that nobody counts on zeros.
    CachedMemory(std::uint64_t base, std::size_t bytes, std::size_t line_bytes);

    [[nodiscard]] std::uint64_t base() const { return base_; }
    [[nodiscard]] bool holds(std::uint64_t address, std::size_t bytes) const {
        return address >= base_ && address - base_ <= memory_.size() &&
               bytes <= memory_.size() - (address - base_);
    }
    [[nodiscard]] std::span<std::uint8_t> processor_view() { return view_; }
    [[nodiscard]] std::span<std::uint8_t> memory() { return memory_; }

    // Puts bytes into both, as a boot loader does before the program starts.
    void load(std::uint64_t address, std::span<const std::uint8_t> bytes);

    void enable(bool is_on) { is_on_ = is_on; }
    [[nodiscard]] bool is_enabled() const { return is_on_; }

    // Accesses that change nothing here and are no fault, which most are: a quick answer.
    [[nodiscard]] bool is_plain_read(std::uint64_t address, std::size_t bytes) const {
        return is_plain(address, bytes, kPresent, kPresent | kStale);
    }
    [[nodiscard]] bool is_plain_write(std::uint64_t address, std::size_t bytes) const {
        return is_plain(address, bytes, kPresent | kDirty, kPresent | kDirty | kStale);
    }

    // Before the processor's access. `value` of a write, low byte first. Throw code::kCacheStale.
    void before_read(std::uint64_t address, std::size_t bytes);
    void before_write(std::uint64_t address, std::size_t bytes, std::uint64_t value);

    // Cache instructions on the line of an address.
    void clean(std::uint64_t address);
    void invalidate(std::uint64_t address);

    // Before the DMA reads, after the DMA wrote. Throw code::kCacheNotCleaned.
    void on_dma_read(std::uint64_t address, std::size_t bytes);
    void on_dma_write(std::uint64_t address, std::size_t bytes);
    // A processor may fetch lines whenever it likes; here it does so when the DMA is told where to
    // write.
    void fetch_ahead(std::uint64_t address, std::size_t bytes);

    // Names an address in messages; the address alone unless set.
    std::function<std::string(std::uint64_t)> name_of = {};

private:
    enum Flag : std::uint8_t { kPresent = 1, kDirty = 2, kStale = 4 };

    [[nodiscard]] bool is_plain(std::uint64_t address, std::size_t bytes, unsigned flags,
                                unsigned mask) const {
        const std::size_t line = line_of(address);
        return is_on_ && line == line_of(address + bytes - 1) && line < flags_.size() &&
               (flags_[line] & mask) == flags;
    }
    [[nodiscard]] std::size_t line_of(std::uint64_t address) const {
        return static_cast<std::size_t>((address - base_) >> line_bits_);
    }
    void fetch(std::size_t line);
    void check_stale(std::size_t line, std::uint64_t address) const;
    template <class F>
    void for_lines(std::uint64_t address, std::size_t bytes, F&& action);
    [[nodiscard]] std::string text_of(std::uint64_t address) const;

    std::uint64_t base_;
    std::size_t line_bytes_;
    unsigned line_bits_;
    std::vector<std::uint8_t> view_;
    std::vector<std::uint8_t> memory_;
    std::vector<std::uint8_t> flags_;  // one a line
    bool is_on_ = false;
};

}  // namespace qloom::soc
