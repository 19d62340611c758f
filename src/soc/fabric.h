#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/codes/sim.h"
#include "sim/verilated_model.h"
#include "soc/axi_memory.h"

namespace qloom::soc {

// A model with registers on `s_axi_lite_*` and memory on `m_axi_*`, clocked one cycle at a time: what a processor sees
// of the programmable logic.
class Fabric {
public:
    // The model is clocked by `clk` and reset by high-active `rst`, or `ap_clk` and low-active `ap_rst_n`.
    Fabric(sim::VerilatedModel& model, std::span<std::uint8_t> memory, const AxiMemoryOptions& options = {});

    void reset(int cycles = 8);
    void step();
    void run(std::uint64_t cycles);

    // Whole accesses over AXI4-Lite; each takes some cycles. Throw code::kHardwareCheckFailed when no answer comes.
    [[nodiscard]] std::uint32_t read(std::uint32_t offset);
    void write(std::uint32_t offset, std::uint32_t value);

    [[nodiscard]] std::uint64_t cycles() const { return cycles_; }
    [[nodiscard]] AxiMemory& memory() { return memory_; }
    [[nodiscard]] sim::VerilatedModel& model() { return *model_; }

    // Called in every cycle before the logic settles, and when it has: for benches that drive streams themselves.
    std::function<void()> on_drive = {};
    std::function<void()> on_sample = {};
    int lite_stall_cycles = 0;  // how long the processor lets a register answer wait

private:
    void wait_for(const std::uint8_t* flag, const char* what);

    sim::VerilatedModel* model_;
    AxiMemory memory_;
    std::uint8_t* clock_;
    std::uint8_t* reset_;
    std::uint8_t reset_active_;
    std::uint8_t *awaddr_, *awvalid_, *wdata_, *wstrb_, *wvalid_, *bready_, *araddr_, *arvalid_, *rready_;
    const std::uint8_t *awready_, *wready_, *bvalid_, *arready_, *rvalid_, *rdata_;
    bool took_address_ = false;  // in the cycle just stepped
    bool took_data_ = false;
    bool took_request_ = false;
    std::uint64_t cycles_ = 0;
};

}  // namespace qloom::soc
