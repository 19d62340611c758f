#include "talk/packets.h"

namespace qloom::talk {
namespace {

constexpr std::uint8_t kFlag = 0x7e;
constexpr std::uint8_t kEscape = 0x7d;
constexpr std::uint8_t kEscapeBit = 0x20;
constexpr std::size_t kHelloBytes = 13;
constexpr std::uint8_t kVersion = 1;

void append_escaped(Bytes& line, std::uint8_t byte) {
    if (byte == kFlag || byte == kEscape) {
        line.push_back(kEscape);
        byte ^= kEscapeBit;
    }
    line.push_back(byte);
}

std::uint32_t word_at(const Bytes& bytes, std::size_t at) {
    std::uint32_t word = 0;
    for (std::size_t i = 0; i < 4; ++i) word |= std::uint32_t{bytes[at + i]} << (8 * i);
    return word;
}

}  // namespace

std::uint16_t check_sequence(std::span<const std::uint8_t> bytes) {
    unsigned check = 0xffff;
    for (const std::uint8_t byte : bytes) {
        check ^= byte;
        for (int bit = 0; bit < 8; ++bit)
            check = (check & 1U) != 0 ? check >> 1 ^ 0x8408U : check >> 1;
    }
    return static_cast<std::uint16_t>(~check);
}

Bytes packet_to_board(std::uint8_t number, std::span<const std::uint8_t> bytes) {
    Bytes packet{number};
    packet.insert(packet.end(), bytes.begin(), bytes.end());
    const std::uint16_t check = check_sequence(packet);
    packet.push_back(static_cast<std::uint8_t>(check & 0xffU));
    packet.push_back(static_cast<std::uint8_t>(check >> 8U));
    // The first flag ends whatever noise was on the line before.
    Bytes line{kFlag};
    for (const std::uint8_t byte : packet) append_escaped(line, byte);
    line.push_back(kFlag);
    return line;
}

std::optional<Answer> AnswerReader::take(std::uint8_t byte) {
    if (byte != kFlag) {
        if (byte == kEscape && !escaped_) {
            escaped_ = true;
            return std::nullopt;
        }
        packet_.push_back(escaped_ ? byte ^ kEscapeBit : byte);
        escaped_ = false;
        return std::nullopt;
    }
    Bytes packet;
    packet.swap(packet_);
    const bool cut = escaped_;
    escaped_ = false;
    if (packet.empty() && !cut) return std::nullopt;
    constexpr std::size_t kAround = 4;  // number, status, check sequence
    const auto given = [&] {
        const std::size_t n = packet.size();
        return static_cast<std::uint16_t>(packet[n - 2] | packet[n - 1] << 8);
    };
    if (cut || packet.size() < kAround ||
        given() != check_sequence({packet.data(), packet.size() - 2})) {
        ++damaged_;
        return std::nullopt;
    }
    return Answer{.number = packet[0],
                  .status = static_cast<Status>(packet[1]),
                  .bytes = Bytes(packet.begin() + 2, packet.end() - 2)};
}

std::optional<Hello> hello_of(const Answer& answer) {
    if (answer.status != Status::kHello || answer.bytes.size() != kHelloBytes ||
        answer.bytes[0] != kVersion) {
        return std::nullopt;
    }
    return Hello{.design = word_at(answer.bytes, 1),
                 .frame_bytes = word_at(answer.bytes, 5),
                 .result_bytes = word_at(answer.bytes, 9)};
}

}  // namespace qloom::talk
