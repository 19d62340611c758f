#include "talk/board.h"

#include <algorithm>
#include <deque>

#include <fmt/format.h>

#include "base/diagnostic.h"

namespace qloom::talk {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kPoll{20};

[[noreturn]] void throw_silent(const SerialPort& port, milliseconds waited) {
    throw Error(
        code::kPortSilent, port.path(),
        fmt::format("nothing answered within {} ms", waited.count()),
        "load the bitstream (iceprog out/ice40/qloom.bin); boards with an FT2232H show two ports, "
        "and the UART is the second");
}

[[noreturn]] void throw_noisy(const SerialPort& port, const std::string& what) {
    throw Error(
        code::kLineTooNoisy, port.path(), what,
        "try another cable or port, or a lower `baud` in the board file; if the port belongs "
        "to another device, name the board's");
}

}  // namespace

Hello ask(SerialPort& port, const TalkOptions& options) {
    AnswerReader reader;
    std::int64_t heard = 0;
    for (int attempt = 0; attempt < options.attempts; ++attempt) {
        const Bytes question = packet_to_board(0, {});
        port.drop_input();
        const auto end = Clock::now() + options.patience;
        for (std::size_t sent = 0; sent < question.size() && Clock::now() < end;)
            sent += port.write_some({question.data() + sent, question.size() - sent}, kPoll);
        while (Clock::now() < end) {
            if (options.progress) options.progress(0);
            for (const std::uint8_t byte : port.read_some(kPoll)) {
                ++heard;
                const auto answer = reader.take(byte);
                if (!answer) continue;
                if (const auto hello = hello_of(*answer)) return *hello;
            }
        }
    }
    if (heard == 0) throw_silent(port, options.patience * options.attempts);
    throw_noisy(port,
                fmt::format("{} bytes came, and none of them was the answer of a Qloom accelerator",
                            heard));
}

namespace {

// Frames on their way, in windows: after any trouble nothing new is sent until the line is quiet,
// and then everything unanswered again, so that no frame can be answered twice.
class Conversation {
public:
    Conversation(SerialPort& port, const Hello& board, const Bytes& frames,
                 const TalkOptions& options, TalkStatistics& statistics)
        : port_(port),
          board_(board),
          frames_(frames),
          options_(options),
          statistics_(statistics),
          count_(static_cast<std::int64_t>(frames.size()) / board.frame_bytes),
          results_(static_cast<std::size_t>(count_ * board.result_bytes)) {}

    Bytes run() {
        const auto begin = Clock::now();
        last_sign_ = begin;
        while (answered_ < count_) {
            send();
            listen();
            if (options_.progress) options_.progress(answered_);
            if (Clock::now() - last_sign_ > options_.patience) repeat();
        }
        statistics_.damaged += reader_.damaged();
        statistics_.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
        return std::move(results_);
    }

private:
    static std::uint8_t number_of(std::int64_t frame) { return static_cast<std::uint8_t>(frame); }

    // Puts the next frame on the line where the window has room.
    void send() {
        if (line_.empty() && !in_trouble_ &&
            static_cast<int>(waiting_.size()) < options_.in_flight) {
            std::int64_t frame = -1;
            if (!again_.empty()) {
                frame = again_.front();
                again_.pop_front();
            } else if (next_ < count_) {
                frame = next_++;
            }
            if (frame >= 0) {
                const auto size = static_cast<std::size_t>(board_.frame_bytes);
                line_ = packet_to_board(
                    number_of(frame),
                    {frames_.data() + static_cast<std::size_t>(frame) * size, size});
                written_ = 0;
                waiting_.push_back(frame);
            }
        }
        if (line_.empty()) return;
        const std::size_t written =
            port_.write_some({line_.data() + written_, line_.size() - written_}, kPoll);
        written_ += written;
        if (written > 0) last_sign_ = Clock::now();
        if (written_ == line_.size()) line_.clear();
    }

    void listen() {
        const bool can_send =
            !line_.empty() ||
            (!in_trouble_ && static_cast<int>(waiting_.size()) < options_.in_flight &&
             (next_ < count_ || !again_.empty()));
        for (const std::uint8_t byte : port_.read_some(can_send ? milliseconds{0} : kPoll)) {
            last_sign_ = Clock::now();
            if (const auto answer = reader_.take(byte)) hear(*answer);
        }
    }

    void hear(const Answer& answer) {
        if (answer.status == Status::kHello) return;
        if (answer.status != Status::kResult) {
            ++statistics_.refused;
            in_trouble_ = true;
            return;
        }
        const auto frame = std::ranges::find(waiting_, answer.number, number_of);
        if (frame == waiting_.end() ||
            static_cast<std::int64_t>(answer.bytes.size()) != board_.result_bytes)
            return;
        // The board answers in order: those before were lost.
        if (frame != waiting_.begin()) in_trouble_ = true;
        std::ranges::copy(answer.bytes, results_.begin() + *frame * board_.result_bytes);
        waiting_.erase(frame);
        ++answered_;
        attempts_ = 0;
    }

    // The line is quiet and answers are missing.
    void repeat() {
        if (++attempts_ >= options_.attempts) {
            if (reader_.damaged() == 0 && statistics_.refused == 0 && answered_ == 0)
                throw_silent(port_, options_.patience * options_.attempts);
            throw_noisy(port_, fmt::format("frame {} did not get through in {} attempts",
                                           waiting_.empty() ? answered_ : waiting_.front(),
                                           options_.attempts));
        }
        line_.clear();
        statistics_.repeated += static_cast<std::int64_t>(waiting_.size());
        again_.insert(again_.begin(), waiting_.begin(), waiting_.end());
        waiting_.clear();
        in_trouble_ = false;
        last_sign_ = Clock::now();
    }

    SerialPort& port_;
    const Hello& board_;
    const Bytes& frames_;
    const TalkOptions& options_;
    TalkStatistics& statistics_;
    std::int64_t count_ = 0;
    Bytes results_;
    AnswerReader reader_;
    std::int64_t next_ = 0;  // the first frame that was never sent
    std::int64_t answered_ = 0;
    std::deque<std::int64_t> waiting_;  // sent, in order, without an answer
    std::deque<std::int64_t> again_;    // to be sent again
    Bytes line_;                        // the packet that is being written
    std::size_t written_ = 0;
    bool in_trouble_ = false;
    int attempts_ = 0;
    Clock::time_point last_sign_;
};

}  // namespace

Bytes run_frames(SerialPort& port, const Hello& board, const Bytes& frames,
                 const TalkOptions& options, TalkStatistics& statistics) {
    QLOOM_ASSERT(
        board.frame_bytes > 0 && static_cast<std::int64_t>(frames.size()) % board.frame_bytes == 0,
        "frames are whole");
    return Conversation(port, board, frames, options, statistics).run();
}

}  // namespace qloom::talk
