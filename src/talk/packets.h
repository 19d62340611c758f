#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

// The packets that rtl/uart/ql_link.sv speaks, on the host's side: HDLC-like framing of RFC 1662.
//   0x7e  number  [status]  bytes  check sequence (2, low byte first)  0x7e
// Between the flags 0x7e and 0x7d are sent as 0x7d and the byte XOR 0x20. Packets to the board have
// no status.
namespace qloom::talk {

using Bytes = std::vector<std::uint8_t>;

enum class Status : std::uint8_t {
    kResult = 0x00,
    kHello = 0x01,
    kWrongCheck = 0x81,
    kWrongLength = 0x82,
    kNoRoom = 0x83
};

// CRC-16/X-25: 0x906e for "123456789".
std::uint16_t check_sequence(std::span<const std::uint8_t> bytes);

// A packet to the board: a frame, or no bytes for the question who is there.
Bytes packet_to_board(std::uint8_t number, std::span<const std::uint8_t> bytes);

struct Answer {
    std::uint8_t number = 0;
    Status status = Status::kResult;
    Bytes bytes;
};

// The board's packets in what comes over the line, in whatever pieces it comes.
class AnswerReader {
public:
    // What the flag in `byte` completes; nothing for other bytes and for packets that are damaged.
    std::optional<Answer> take(std::uint8_t byte);
    // Packets whose check sequence was wrong.
    [[nodiscard]] std::int64_t damaged() const { return damaged_; }

private:
    Bytes packet_;
    bool escaped_ = false;
    std::int64_t damaged_ = 0;
};

// What the board says of itself.
struct Hello {
    std::uint32_t design = 0;  // names what was compiled
    std::int64_t frame_bytes = 0;
    std::int64_t result_bytes = 0;
    friend bool operator==(const Hello&, const Hello&) = default;
};
// Nothing when the bytes are of another version.
std::optional<Hello> hello_of(const Answer& answer);

}  // namespace qloom::talk
