#include "talk/simulated_board.h"

#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <deque>
#include <fstream>
#include <random>
#include <stdexcept>

namespace qloom::testing {
namespace {

namespace fs = std::filesystem;

struct Terminal {
    int master = -1;
    int slave = -1;
    std::string port;
};

Terminal open_terminal() {
    Terminal terminal;
    terminal.master = ::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (terminal.master < 0 || ::grantpt(terminal.master) != 0 || ::unlockpt(terminal.master) != 0)
        throw std::runtime_error("no pseudo-terminal");
    terminal.port = ::ptsname(terminal.master);
    terminal.slave = ::open(terminal.port.c_str(), O_RDWR | O_NOCTTY);
    termios settings{};
    ::tcgetattr(terminal.slave, &settings);
    ::cfmakeraw(&settings);
    ::tcsetattr(terminal.slave, TCSANOW, &settings);
    return terminal;
}

constexpr const char* kPll = R"(`default_nettype none
module SB_PLL40_CORE #(
    parameter FEEDBACK_PATH = "SIMPLE",
    parameter [3:0] DIVR = 0, parameter [6:0] DIVF = 0, parameter [2:0] DIVQ = 0, parameter [2:0] FILTER_RANGE = 0
) (
    input wire REFERENCECLK, RESETB, BYPASS,
    output wire PLLOUTGLOBAL, LOCK
);
    assign PLLOUTGLOBAL = REFERENCECLK;
    assign LOCK = RESETB;
    wire unused = &{1'b0, BYPASS};
endmodule
`default_nettype wire
)";

sim::VerilatedModel make_model(std::vector<fs::path> sources, const fs::path& data) {
    const fs::path cache = fs::path(QLOOM_BINARY_DIR) / "rtl-cache";
    fs::create_directories(cache);
    const fs::path pll = cache / ("talk_pll_" + std::to_string(::getpid()) + ".v");
    std::ofstream(pll) << kPll;
    sources.insert(sources.begin(), pll);
    auto model = sim::VerilatedModel::make({.sources = std::move(sources), .top = "qloom_board"},
                                           cache, data);
    fs::remove(pll);
    return model;
}

// The line's two directions, a bit at a time.
class Sender {
public:
    explicit Sender(int clocks_per_bit) : clocks_per_bit_(clocks_per_bit) {}
    bool idle() const { return left_ == 0; }
    void begin(std::uint8_t byte) {
        frame_ = 0x200U | static_cast<unsigned>(byte) << 1U;
        left_ = 10 * clocks_per_bit_;
    }
    bool clock() {
        if (left_ == 0) return true;
        const int bit = (10 * clocks_per_bit_ - left_) / clocks_per_bit_;
        --left_;
        return (frame_ >> bit & 1U) != 0;
    }

private:
    int clocks_per_bit_;
    unsigned frame_ = 0;
    int left_ = 0;
};

class Receiver {
public:
    explicit Receiver(int clocks_per_bit) : clocks_per_bit_(clocks_per_bit) {}
    // -1, or the byte that this clock completes; -2 for a byte without its stop bit.
    int clock(bool line) {
        if (wait_ > 0) {
            if (--wait_ > 0) return -1;
            if (bits_ < 8) {
                byte_ |= static_cast<unsigned>(line) << bits_++;
                wait_ = clocks_per_bit_;
                return -1;
            }
            return line ? static_cast<int>(byte_) : -2;
        }
        if (!line) {
            wait_ = clocks_per_bit_ + clocks_per_bit_ / 2;
            bits_ = 0;
            byte_ = 0;
        }
        return -1;
    }

private:
    int clocks_per_bit_;
    int wait_ = 0;
    int bits_ = 0;
    unsigned byte_ = 0;
};

class Disturber {
public:
    Disturber(Noise noise, std::uint32_t seed) : noise_(noise), random_(seed) {}
    void pass(std::uint8_t byte, std::deque<std::uint8_t>& out) {
        if (happens(noise_.more)) out.push_back(any());
        if (happens(noise_.loss)) return;
        out.push_back(happens(noise_.damage) ? any() : byte);
    }

private:
    bool happens(double probability) {
        return probability > 0.0 &&
               std::uniform_real_distribution<double>(0.0, 1.0)(random_) < probability;
    }
    std::uint8_t any() { return static_cast<std::uint8_t>(random_() & 0xffU); }
    Noise noise_;
    std::mt19937 random_;
};

}  // namespace

SimulatedBoard::SimulatedBoard(std::vector<fs::path> sources, const fs::path& data_directory,
                               int clocks_per_bit, Noise noise)
    : model_(make_model(std::move(sources), data_directory)),
      clocks_per_bit_(clocks_per_bit),
      noise_(noise) {
    const Terminal terminal = open_terminal();
    master_ = terminal.master;
    slave_ = terminal.slave;
    port_ = terminal.port;
    thread_ = std::thread([this] { run(); });
}

SimulatedBoard::~SimulatedBoard() {
    stop_ = true;
    thread_.join();
    ::close(slave_);
    ::close(master_);
}

void SimulatedBoard::run() {
    constexpr std::int64_t kRest = 200000;  // clocks without a byte: nothing is going on
    std::uint8_t* const clk = model_.port("clk_i").data;
    std::uint8_t* const rx = model_.port("rx_i").data;
    const std::uint8_t* const tx = model_.port("tx_o").data;
    Sender sender(clocks_per_bit_);
    Receiver receiver(clocks_per_bit_);
    Disturber to_board(noise_, 7);
    Disturber from_board(noise_, 8);
    std::deque<std::uint8_t> in;
    std::deque<std::uint8_t> out;
    std::int64_t quiet = 0;
    while (!stop_) {
        // The terminal is looked at now and then, a byte takes many clocks.
        if (in.empty() && clocks_ % clocks_per_bit_ == 0) {
            std::uint8_t bytes[256];
            const ssize_t count = ::read(master_, bytes, sizeof bytes);
            for (ssize_t i = 0; i < count; ++i) to_board.pass(bytes[i], in);
        }
        while (!out.empty() && ::write(master_, &out.front(), 1) == 1) out.pop_front();
        if (sender.idle() && !in.empty()) {
            sender.begin(in.front());
            in.pop_front();
            quiet = 0;
        }
        *rx = sender.clock() ? 1 : 0;
        *clk = 0;
        model_.eval();
        *clk = 1;
        model_.eval();
        ++clocks_;
        const int byte = receiver.clock((*tx & 1U) != 0);
        if (byte >= 0) from_board.pass(static_cast<std::uint8_t>(byte), out);
        quiet = byte == -1 ? quiet + 1 : 0;
        if (quiet > kRest && clocks_ % 1000 == 0)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

SilentPort::SilentPort() {
    const Terminal terminal = open_terminal();
    master_ = terminal.master;
    slave_ = terminal.slave;
    port_ = terminal.port;
}

SilentPort::~SilentPort() {
    ::close(slave_);
    ::close(master_);
}

}  // namespace qloom::testing
