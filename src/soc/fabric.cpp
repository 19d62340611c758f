#include "soc/fabric.h"

#include <cstring>

#include <fmt/format.h>

#include "base/codes/sim.h"
#include "base/diagnostic.h"

namespace qloom::soc {
namespace {

constexpr int kPatience = 1000;  // cycles within which a register answers

void put(std::uint8_t* port, std::uint32_t value, std::size_t bytes) { std::memcpy(port, &value, bytes); }

}  // namespace

Fabric::Fabric(sim::VerilatedModel& model, std::span<std::uint8_t> memory, const AxiMemoryOptions& options)
    : model_(&model), memory_(model, memory, options) {
    const auto data = [&model](const char* name) { return model.port(name).data; };
    const bool is_plain = model.find_port("clk") != nullptr;
    clock_ = data(is_plain ? "clk" : "ap_clk");
    reset_ = data(is_plain ? "rst" : "ap_rst_n");
    reset_active_ = is_plain ? 1 : 0;
    awaddr_ = data("s_axi_lite_awaddr");
    awvalid_ = data("s_axi_lite_awvalid");
    awready_ = data("s_axi_lite_awready");
    wdata_ = data("s_axi_lite_wdata");
    wstrb_ = data("s_axi_lite_wstrb");
    wvalid_ = data("s_axi_lite_wvalid");
    wready_ = data("s_axi_lite_wready");
    bvalid_ = data("s_axi_lite_bvalid");
    bready_ = data("s_axi_lite_bready");
    araddr_ = data("s_axi_lite_araddr");
    arvalid_ = data("s_axi_lite_arvalid");
    arready_ = data("s_axi_lite_arready");
    rvalid_ = data("s_axi_lite_rvalid");
    rready_ = data("s_axi_lite_rready");
    rdata_ = data("s_axi_lite_rdata");
    *wstrb_ = 0xf;
}

void Fabric::step() {
    memory_.drive();
    if (on_drive) on_drive();
    *clock_ = 0;
    model_->eval();
    took_address_ = *awvalid_ != 0 && *awready_ != 0;
    took_data_ = *wvalid_ != 0 && *wready_ != 0;
    took_request_ = *arvalid_ != 0 && *arready_ != 0;
    memory_.sample();
    if (on_sample) on_sample();
    *clock_ = 1;
    model_->eval();
    ++cycles_;
}

void Fabric::run(std::uint64_t cycles) {
    for (std::uint64_t i = 0; i < cycles; ++i) {
        step();
    }
}

void Fabric::reset(int cycles) {
    *awvalid_ = *wvalid_ = *arvalid_ = *bready_ = *rready_ = 0;
    *reset_ = reset_active_;
    for (int i = 0; i < cycles; ++i) {
        // The outputs mean nothing yet: the memory does not look.
        *clock_ = 0;
        model_->eval();
        *clock_ = 1;
        model_->eval();
        ++cycles_;
    }
    memory_.reset();
    *reset_ = static_cast<std::uint8_t>(1 - reset_active_);
    step();
}

void Fabric::wait_for(const std::uint8_t* flag, const char* what) {
    for (int i = 0; *flag == 0; ++i) {
        if (i == kPatience) {
            throw Error(code::kHardwareCheckFailed, "s_axi_lite", fmt::format("no {} within {} cycles", what, kPatience),
                        "this is a fault of Qloom; please report it with the model that shows it");
        }
        step();
    }
}

void Fabric::write(std::uint32_t offset, std::uint32_t value) {
    put(awaddr_, offset, 2);
    put(wdata_, value, 4);
    *awvalid_ = 1;
    *wvalid_ = 1;
    for (int i = 0; (*awvalid_ | *wvalid_) != 0; ++i) {
        QLOOM_ASSERT(i < kPatience, "registers accept a write");
        step();
        if (took_address_) *awvalid_ = 0;
        if (took_data_) *wvalid_ = 0;
    }
    run(static_cast<std::uint64_t>(lite_stall_cycles));
    wait_for(bvalid_, "answer to a register write");
    *bready_ = 1;
    step();
    *bready_ = 0;
}

std::uint32_t Fabric::read(std::uint32_t offset) {
    put(araddr_, offset, 2);
    *arvalid_ = 1;
    for (int i = 0; *arvalid_ != 0; ++i) {
        QLOOM_ASSERT(i < kPatience, "registers accept a read");
        step();
        if (took_request_) *arvalid_ = 0;
    }
    run(static_cast<std::uint64_t>(lite_stall_cycles));
    wait_for(rvalid_, "answer to a register read");
    std::uint32_t value = 0;
    std::memcpy(&value, rdata_, sizeof value);
    *rready_ = 1;
    step();
    *rready_ = 0;
    return value;
}

}  // namespace qloom::soc
