#include "soc/cached_memory.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "base/diagnostic.h"

namespace qloom::soc {
namespace {

constexpr std::uint8_t kPoison = 0xa5;

}  // namespace

CachedMemory::CachedMemory(std::uint64_t base, std::size_t bytes, std::size_t line_bytes)
    : base_(base),
      line_bytes_(line_bytes),
      line_bits_(static_cast<unsigned>(std::countr_zero(line_bytes))),
      view_(bytes, kPoison),
      memory_(bytes, kPoison),
      flags_(bytes / line_bytes, 0) {
    QLOOM_ASSERT(base % line_bytes == 0 && bytes % line_bytes == 0,
                 "memory is made of whole lines");
}

void CachedMemory::load(std::uint64_t address, std::span<const std::uint8_t> bytes) {
    QLOOM_ASSERT(holds(address, bytes.size()), "the program fits into the memory");
    const auto at = static_cast<std::ptrdiff_t>(address - base_);
    std::ranges::copy(bytes, view_.begin() + at);
    std::ranges::copy(bytes, memory_.begin() + at);
}

std::string CachedMemory::text_of(std::uint64_t address) const {
    return name_of ? name_of(address) : fmt::format("0x{:08x}", address);
}

template <class F>
void CachedMemory::for_lines(std::uint64_t address, std::size_t bytes, F&& action) {
    if (bytes == 0 || !holds(address, bytes)) return;
    for (std::size_t line = line_of(address); line <= line_of(address + bytes - 1); ++line)
        action(line);
}

void CachedMemory::fetch(std::size_t line) {
    std::memcpy(&view_[line * line_bytes_], &memory_[line * line_bytes_], line_bytes_);
    flags_[line] = kPresent;
}

void CachedMemory::check_stale(std::size_t line, std::uint64_t address) const {
    if ((flags_[line] & kStale) == 0) return;
    throw Error(
        code::kCacheStale, text_of(address),
        "the processor uses a line of its cache that is older than what the DMA wrote to memory",
        "invalidate the buffer after the transfer, before it is read");
}

void CachedMemory::before_read(std::uint64_t address, std::size_t bytes) {
    for_lines(address, bytes, [&](std::size_t line) {
        if (!is_on_) {
            if ((flags_[line] & kPresent) == 0) {
                fetch(line);
                flags_[line] = 0;
            }
            return;
        }
        check_stale(line, address);
        if ((flags_[line] & kPresent) == 0) fetch(line);
    });
}

void CachedMemory::before_write(std::uint64_t address, std::size_t bytes, std::uint64_t value) {
    before_read(address, bytes);
    if (is_on_) {
        for_lines(address, bytes, [&](std::size_t line) { flags_[line] |= kDirty; });
    } else if (holds(address, bytes)) {
        std::memcpy(&memory_[address - base_], &value, std::min(bytes, sizeof value));
    }
}

void CachedMemory::clean(std::uint64_t address) {
    for_lines(address, 1, [&](std::size_t line) {
        if ((flags_[line] & kDirty) == 0) return;
        std::memcpy(&memory_[line * line_bytes_], &view_[line * line_bytes_], line_bytes_);
        flags_[line] &= static_cast<std::uint8_t>(~kDirty);
    });
}

void CachedMemory::invalidate(std::uint64_t address) {
    for_lines(address, 1, [&](std::size_t line) { flags_[line] = 0; });
}

void CachedMemory::on_dma_read(std::uint64_t address, std::size_t bytes) {
    for_lines(address, bytes, [&](std::size_t line) {
        // Other bytes of a word that the DMA fetches may be dirty; they matter only where they
        // differ.
        if ((flags_[line] & kDirty) == 0) return;
        const std::size_t begin = std::max<std::size_t>(line * line_bytes_, address - base_);
        const std::size_t end =
            std::min<std::size_t>((line + 1) * line_bytes_, address - base_ + bytes);
        if (std::memcmp(&view_[begin], &memory_[begin], end - begin) == 0) return;
        throw Error(code::kCacheNotCleaned, text_of(address),
                    "the DMA reads from memory what is newer in the processor's cache",
                    "clean the buffer before the transfer begins");
    });
}

void CachedMemory::on_dma_write(std::uint64_t address, std::size_t bytes) {
    for_lines(address, bytes, [&](std::size_t line) {
        if ((flags_[line] & kDirty) != 0) {
            throw Error(code::kCacheNotCleaned, text_of(address),
                        "the DMA writes to memory over which the processor's cache will write an "
                        "old line later",
                        "clean and invalidate the buffer before the transfer begins, and leave it "
                        "alone until the end");
        }
        if ((flags_[line] & kPresent) != 0) flags_[line] |= kStale;
    });
}

void CachedMemory::fetch_ahead(std::uint64_t address, std::size_t bytes) {
    if (!is_on_) return;
    for_lines(address, bytes, [&](std::size_t line) {
        if ((flags_[line] & kPresent) == 0) fetch(line);
    });
}

}  // namespace qloom::soc
