#pragma once

#include <cstdint>
#include <functional>

namespace qloom::soc {

// The Cadence UART of the Zynq families, as far as a program that sends uses it: control, mode,
// baud rate, status and a FIFO of 64 characters that empties at the baud rate. As after reset the
// transmitter is off: what is written then is lost. Time is the caller's, in picoseconds.
class Uart {
public:
    explicit Uart(std::uint64_t clock_hz) : clock_hz_(clock_hz) {}

    [[nodiscard]] std::uint32_t read(std::uint32_t offset, std::uint64_t now_ps) const;
    void write(std::uint32_t offset, std::uint32_t value, std::uint64_t now_ps);

    // When the FIFO, which is full, has room again, or, once `all`, when the last character is out.
    // Programs that poll the status can be taken there at once.
    [[nodiscard]] std::uint64_t ready_at(bool all) const;
    [[nodiscard]] bool is_full(std::uint64_t now_ps) const;
    [[nodiscard]] bool is_empty(std::uint64_t now_ps) const { return now_ps >= last_out_ps_; }

    [[nodiscard]] double baud() const;  // characters have ten bits
    std::function<void(char)> on_character = {};

private:
    [[nodiscard]] std::uint64_t character_ps() const;

    std::uint64_t clock_hz_;
    bool is_sending_ = false;
    std::uint32_t control_ = 0x128;
    std::uint32_t mode_ = 0;
    std::uint32_t generator_ = 0x28b;
    std::uint32_t divider_ = 0xf;
    std::uint64_t last_out_ps_ = 0;  // when the last character written has left
};

}  // namespace qloom::soc
