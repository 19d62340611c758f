#include "soc/cache_lint.h"

namespace qloom::soc {

CacheLint::CacheLint(std::uint64_t memory_bytes, unsigned line_bytes,
                     std::function<void(const std::string&, std::uint64_t)> fault)
    : line_bytes_(line_bytes), lines_(memory_bytes / line_bytes), fault_(std::move(fault)) {}

template <typename Body>
void CacheLint::for_lines(std::uint64_t address, std::uint64_t bytes, Body body) {
    if (bytes == 0) return;
    const std::uint64_t last = (address + bytes - 1) / line_bytes_;
    for (std::uint64_t line = address / line_bytes_; line <= last && line < lines_.size(); ++line) {
        body(lines_[line], line * line_bytes_);
    }
}

void CacheLint::read(std::uint64_t address, std::uint64_t bytes) {
    if (!is_on_) return;
    for_lines(address, bytes, [this](std::uint8_t& line, std::uint64_t at) {
        if ((line & kStale) != 0) {
            fault_("reads from the cache what was there before the DMA wrote: an invalidate is missing after the transfer", at);
        }
        line |= kPresent;
    });
}

void CacheLint::write(std::uint64_t address, std::uint64_t bytes) {
    if (!is_on_) return;
    for_lines(address, bytes, [this](std::uint8_t& line, std::uint64_t at) {
        if ((line & kStale) != 0) {
            fault_("writes into a cache line from before the DMA wrote: an invalidate is missing after the transfer", at);
        }
        line |= kPresent | kDirty;
    });
}

void CacheLint::clean(std::uint64_t address) {
    for_lines(address, 1, [this](std::uint8_t& line, std::uint64_t at) {
        if ((line & kStale) != 0 && (line & kDirty) != 0) fault_("cleans a line over data that the DMA wrote", at);
        line = static_cast<std::uint8_t>(line & ~kDirty);
    });
}

void CacheLint::invalidate(std::uint64_t address) {
    for_lines(address, 1, [this](std::uint8_t& line, std::uint64_t at) {
        if ((line & kDirty) != 0) fault_("invalidates a line that holds what was not yet written to memory", at);
        line = 0;
    });
}

void CacheLint::clean_invalidate(std::uint64_t address) {
    clean(address);
    for_lines(address, 1, [](std::uint8_t& line, std::uint64_t) { line = 0; });
}

void CacheLint::begin_send(std::uint64_t address, std::uint64_t bytes) {
    for_lines(address, bytes, [this](std::uint8_t& line, std::uint64_t at) {
        if ((line & kDirty) != 0) fault_("lets the DMA read memory whose newest data are still in the cache: a clean is missing", at);
    });
}

void CacheLint::begin_receive(std::uint64_t address, std::uint64_t bytes) {
    for_lines(address, bytes, [this](std::uint8_t& line, std::uint64_t at) {
        if ((line & kDirty) != 0) {
            fault_("lets the DMA write memory that the cache may yet write over: a clean and invalidate is missing before the transfer", at);
        }
        // Processors fetch lines on suspicion at any time: take it that they do.
        if (is_on_) line |= kPresent;
    });
}

void CacheLint::device_write(std::uint64_t address, std::uint64_t bytes) {
    for_lines(address, bytes, [](std::uint8_t& line, std::uint64_t) {
        if ((line & kPresent) != 0) line |= kStale;
    });
}

}  // namespace qloom::soc
