#include "soc/uart.h"

#include <algorithm>

namespace qloom::soc {
namespace {

constexpr std::uint32_t kControl = 0x00;
constexpr std::uint32_t kMode = 0x04;
constexpr std::uint32_t kGenerator = 0x18;
constexpr std::uint32_t kStatus = 0x2c;
constexpr std::uint32_t kFifo = 0x30;
constexpr std::uint32_t kDivider = 0x34;

constexpr std::uint32_t kResets = 0x3;  // end by themselves
constexpr std::uint32_t kTransmitEnable = 0x10;
constexpr std::uint32_t kTransmitDisable = 0x20;
constexpr std::uint32_t kReceiveEmpty = 0x02;
constexpr std::uint32_t kTransmitEmpty = 0x08;
constexpr std::uint32_t kTransmitFull = 0x10;
constexpr std::uint32_t kTransmitActive = 0x800;

constexpr std::uint64_t kFifoCharacters = 64;
constexpr std::uint64_t kBitsOfCharacter = 10;  // start, 8 bits, stop

}  // namespace

double Uart::baud() const {
    return static_cast<double>(clock_hz_) /
           (static_cast<double>(std::max(generator_, 1U)) * (divider_ + 1.0));
}

std::uint64_t Uart::character_ps() const {
    return static_cast<std::uint64_t>(static_cast<double>(kBitsOfCharacter) * 1e12 / baud());
}

bool Uart::is_full(std::uint64_t now_ps) const {
    return last_out_ps_ > now_ps && last_out_ps_ - now_ps > (kFifoCharacters - 1) * character_ps();
}

std::uint64_t Uart::ready_at(bool all) const {
    const std::uint64_t rest = (kFifoCharacters - 1) * character_ps();
    return all ? last_out_ps_ : last_out_ps_ - std::min(rest, last_out_ps_);
}

std::uint32_t Uart::read(std::uint32_t offset, std::uint64_t now_ps) const {
    switch (offset) {
        case kControl:
            return control_;
        case kMode:
            return mode_;
        case kGenerator:
            return generator_;
        case kDivider:
            return divider_;
        case kStatus: {
            std::uint32_t status = kReceiveEmpty;
            status |= is_empty(now_ps) ? kTransmitEmpty : kTransmitActive;
            if (is_full(now_ps)) status |= kTransmitFull;
            return status;
        }
        default:
            return 0;
    }
}

void Uart::write(std::uint32_t offset, std::uint32_t value, std::uint64_t now_ps) {
    switch (offset) {
        case kControl:
            control_ = value & 0x1ffU & ~kResets;
            is_sending_ = (value & kTransmitEnable) != 0 && (value & kTransmitDisable) == 0;
            if ((value & kResets) != 0) last_out_ps_ = now_ps;
            break;
        case kMode:
            mode_ = value;
            break;
        case kGenerator:
            generator_ = value & 0xffffU;
            break;
        case kDivider:
            divider_ = value & 0xffU;
            break;
        case kFifo:
            if (!is_sending_ || is_full(now_ps)) break;  // lost
            last_out_ps_ = std::max(last_out_ps_, now_ps) + character_ps();
            if (on_character) on_character(static_cast<char>(value & 0xffU));
            break;
        default:
            break;
    }
}

}  // namespace qloom::soc
