#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/codes/talk.h"

namespace qloom::talk {

// A serial port of the machine, raw, 8 data bits, no parity, one stop bit.
class SerialPort {
public:
    // Throws code::kPortUnavailable: no such port (the message lists those there are), no
    // permission, no terminal, a rate that the system does not know.
    SerialPort(std::string path, std::int64_t baud);
    SerialPort(const SerialPort&) = delete;
    SerialPort& operator=(const SerialPort&) = delete;
    ~SerialPort();

    [[nodiscard]] const std::string& path() const { return path_; }
    // Writes as much as the line takes within `wait`; returns how many bytes. 0 wait: at once.
    std::size_t write_some(std::span<const std::uint8_t> bytes, std::chrono::milliseconds wait);
    // What has come, waiting for the first byte up to `wait`; may be empty.
    std::vector<std::uint8_t> read_some(std::chrono::milliseconds wait);
    // Forgets what has come and was not read.
    void drop_input();

private:
    [[noreturn]] void throw_lost() const;

    std::string path_;
    int file_ = -1;
};

}  // namespace qloom::talk
