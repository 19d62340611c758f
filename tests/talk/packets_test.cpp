#include "talk/packets.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace qloom::talk {
namespace {

Bytes bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

// What the board would send: the same framing with a status behind the number, escapes by hand.
Bytes answer_line(const Bytes& content) {
    Bytes packet = content;
    const std::uint16_t check = check_sequence(content);
    packet.push_back(static_cast<std::uint8_t>(check & 0xff));
    packet.push_back(static_cast<std::uint8_t>(check >> 8));
    Bytes line{0x7e};
    for (const std::uint8_t byte : packet) {
        if (byte == 0x7e) {
            line.insert(line.end(), {0x7d, 0x5e});
        } else if (byte == 0x7d) {
            line.insert(line.end(), {0x7d, 0x5d});
        } else {
            line.push_back(byte);
        }
    }
    line.push_back(0x7e);
    return line;
}

std::vector<Answer> read_all(AnswerReader& reader, const Bytes& line) {
    std::vector<Answer> answers;
    for (const std::uint8_t byte : line) {
        if (auto answer = reader.take(byte)) answers.push_back(*answer);
    }
    return answers;
}

// The check value that catalogues of CRCs give for CRC-16/X-25.
TEST(Packets, CheckSequenceIsX25) { EXPECT_EQ(check_sequence(bytes_of("123456789")), 0x906e); }

TEST(Packets, ToTheBoardWithEscapes) {
    const Bytes line = packet_to_board(0x7e, Bytes{0x01, 0x7d, 0x20});
    ASSERT_EQ(line.size(), 1U + 2 + 1 + 2 + 1 + 2 + 1);
    EXPECT_EQ(Bytes(line.begin(), line.end() - 3),
              (Bytes{0x7e, 0x7d, 0x5e, 0x01, 0x7d, 0x5d, 0x20}));
    const std::uint16_t check = check_sequence(Bytes{0x7e, 0x01, 0x7d, 0x20});
    EXPECT_EQ(line[7], check & 0xff);
    EXPECT_EQ(line[8], check >> 8);
    EXPECT_EQ(line.back(), 0x7e);
}

TEST(Packets, AnswersAreFoundBetweenNoise) {
    AnswerReader reader;
    Bytes line{0x12, 0x7d};  // noise, then a flag
    const Bytes answer = answer_line({5, 0x00, 0x7e, 0x7d, 0xff});
    line.insert(line.end(), answer.begin(), answer.end());
    const auto answers = read_all(reader, line);
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_EQ(answers[0].number, 5);
    EXPECT_EQ(answers[0].status, Status::kResult);
    EXPECT_EQ(answers[0].bytes, (Bytes{0x7e, 0x7d, 0xff}));
    EXPECT_EQ(reader.damaged(), 1);
}

TEST(Packets, EverySingleFaultIsNoticed) {
    const Bytes line = answer_line({1, 0x00, 10, 20, 30, 40});
    for (std::size_t i = 1; i + 1 < line.size(); ++i) {
        for (int bit = 0; bit < 8; ++bit) {
            Bytes bad = line;
            bad[i] = static_cast<std::uint8_t>(bad[i] ^ 1U << bit);
            AnswerReader reader;
            EXPECT_TRUE(read_all(reader, bad).empty()) << i << ' ' << bit;
        }
        Bytes shorter = line;
        shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(i));
        AnswerReader reader;
        EXPECT_TRUE(read_all(reader, shorter).empty()) << i;
        // What comes after is whole again.
        EXPECT_EQ(read_all(reader, line).size(), 1U);
    }
}

TEST(Packets, HelloSaysWhatWasCompiled) {
    const Answer answer{.number = 0,
                        .status = Status::kHello,
                        .bytes = {1, 0x78, 0x56, 0x34, 0x12, 0x10, 0x03, 0, 0, 20, 0, 0, 0}};
    EXPECT_EQ(hello_of(answer), (Hello{0x12345678, 784, 20}));
    Answer other = answer;
    other.bytes[0] = 2;
    EXPECT_FALSE(hello_of(other));
}

}  // namespace
}  // namespace qloom::talk
