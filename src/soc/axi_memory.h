#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "base/codes/sim.h"
#include "sim/verilated_model.h"

namespace qloom::soc {

// How the memory behind an AXI4 port behaves.
struct AxiMemoryOptions {
    std::uint64_t base = 0;   // address of the first byte
    int latency_cycles = 10;  // from a request to its first data, from the last data to the answer
    int stall_percent =
        0;  // chance, a cycle and channel, that the memory is not ready or has nothing
    std::uint64_t seed = 1;
    // Addresses whose accesses are answered with SLVERR; what lies outside the memory is answered
    // with DECERR.
    std::uint64_t slave_error_begin = 0;
    std::uint64_t slave_error_end = 0;
    std::function<void(std::uint64_t address, std::size_t bytes)> on_read =
        {};  // before each beat that reads
    std::function<void(std::uint64_t address, std::size_t bytes)> on_write =
        {};  // after each beat that wrote
};

// The slave at the port `m_axi_*` of a model: plain bytes, read and written by whoever shares the
// span. Watches the protocol: incrementing bursts of whole words inside 4 KB, wlast on the last
// beat, payload that waits does not change. Throws code::kHardwareCheckFailed when the master
// breaks a rule.
class AxiMemory {
public:
    AxiMemory(sim::VerilatedModel& model, std::span<std::uint8_t> bytes, AxiMemoryOptions options);

    void drive();   // before the clock edge: sets the inputs of the model
    void sample();  // the model has settled: takes what moves at the edge
    void reset();   // forgets everything open
    [[nodiscard]] bool is_quiet() const {
        return reads_.empty() && writes_.empty() && answers_.empty();
    }

private:
    struct Channel {  // request channel of the model
        const std::uint8_t* address = nullptr;
        const std::uint8_t* length = nullptr;
        const std::uint8_t* size = nullptr;
        const std::uint8_t* burst = nullptr;
        const std::uint8_t* valid = nullptr;
        std::uint8_t* ready = nullptr;
        bool waited = false;  // a request waited in the last cycle, and was this one
        std::uint64_t waited_address = 0;
        std::uint8_t waited_length = 0;
    };
    struct Burst {
        std::uint64_t address = 0;
        int beats_left = 0;
        std::uint64_t due = 0;      // cycle of the first data
        std::uint8_t response = 0;  // the worst so far
    };
    struct Answer {
        std::uint64_t due = 0;
        std::uint8_t response = 0;
    };

    void take_request(Channel& channel, std::deque<Burst>& bursts);
    void sample_write_data();
    [[nodiscard]] std::uint8_t response_of(std::uint64_t address) const;
    [[nodiscard]] bool stalls();
    [[noreturn]] static void broken(const char* rule);

    std::span<std::uint8_t> bytes_;
    AxiMemoryOptions options_;
    std::uint64_t random_;
    std::uint64_t cycle_ = 0;
    std::size_t word_bytes_ = 8;
    Channel ar_, aw_;
    const sim::ModelPort* rdata_;
    std::uint8_t *rresp_, *rlast_, *rvalid_;
    const std::uint8_t *rready_, *wdata_, *wstrb_, *wlast_, *wvalid_, *bready_;
    int strobe_bytes_;
    std::uint8_t *wready_, *bresp_, *bvalid_;
    std::deque<Burst> reads_, writes_;
    std::deque<Answer> answers_;
    bool read_offered_ = false;
    bool answer_offered_ = false;
    bool write_waited_ = false;
    std::vector<std::uint8_t> waited_data_;
};

}  // namespace qloom::soc
