#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace qloom {

// A name for what something was made of: 128 bits of two FNV-1a chains with different starts; each
// item is closed by its length, so that items cannot run together.
class ContentHash {
public:
    void add(std::string_view text) {
        for (const char c : text) {
            step(static_cast<unsigned char>(c));
        }
        for (std::size_t length = text.size(), i = 0; i < sizeof length; ++i, length >>= 8U) {
            step(static_cast<unsigned char>(length & 0xffU));
        }
    }
    [[nodiscard]] std::string text() const { return fmt::format("{:016x}{:016x}", a_, b_); }

private:
    void step(unsigned char byte) {
        a_ = (a_ ^ byte) * 0x00000100000001b3U;
        b_ = (b_ ^ static_cast<std::uint64_t>(byte) ^ 0x5aU) * 0x9e3779b97f4a7c15U;
        b_ ^= b_ >> 29U;
    }
    std::uint64_t a_ = 0xcbf29ce484222325U;
    std::uint64_t b_ = 0x6c62272e07bb0142U;
};

}  // namespace qloom
