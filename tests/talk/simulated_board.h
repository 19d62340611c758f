#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "sim/verilated_model.h"

namespace qloom::testing {

// What happens to bytes on the line, each way; probabilities a byte.
struct Noise {
    double damage = 0.0;  // another value
    double loss = 0.0;
    double more = 0.0;  // an extra byte before it
};

// A board in place of a real one: qloom_board with pins clk_i, rx_i, tx_o under Verilator, its UART
// at a pseudo-terminal. Time passes while the object lives.
class SimulatedBoard {
public:
    // `sources` hold qloom_board and all below it but the PLL, which passes the clock on.
    SimulatedBoard(std::vector<std::filesystem::path> sources,
                   const std::filesystem::path& data_directory, int clocks_per_bit,
                   Noise noise = {});
    ~SimulatedBoard();
    SimulatedBoard(const SimulatedBoard&) = delete;
    SimulatedBoard& operator=(const SimulatedBoard&) = delete;

    // What a program opens in place of /dev/ttyUSB0.
    [[nodiscard]] const std::string& port() const { return port_; }
    [[nodiscard]] std::int64_t clocks() const { return clocks_; }

private:
    void run();

    sim::VerilatedModel model_;
    int clocks_per_bit_;
    Noise noise_;
    int master_ = -1;
    int slave_ = -1;  // kept open, so that the terminal does not hang up between programs
    std::string port_;
    std::atomic<std::int64_t> clocks_{0};
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

// A terminal at whose other end nobody is.
class SilentPort {
public:
    SilentPort();
    ~SilentPort();
    SilentPort(const SilentPort&) = delete;
    SilentPort& operator=(const SilentPort&) = delete;
    [[nodiscard]] const std::string& port() const { return port_; }

private:
    int master_ = -1;
    int slave_ = -1;
    std::string port_;
};

}  // namespace qloom::testing
