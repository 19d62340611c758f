#include "soc/axi_memory.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "base/codes/sim.h"
#include "base/diagnostic.h"

namespace qloom::soc {
namespace {

constexpr std::uint8_t kOkay = 0;
constexpr std::uint8_t kSlaveError = 2;
constexpr std::uint8_t kDecodeError = 3;
constexpr std::uint64_t kPage = 4096;

std::uint32_t load32(const std::uint8_t* data) {
    std::uint32_t value = 0;
    std::memcpy(&value, data, sizeof value);
    return value;
}

}  // namespace

AxiMemory::AxiMemory(sim::VerilatedModel& model, std::span<std::uint8_t> bytes,
                     AxiMemoryOptions options)
    : bytes_(bytes),
      options_(std::move(options)),
      random_(options_.seed * 0x9e3779b97f4a7c15U + 1U),
      ar_(),
      aw_(),
      rdata_(&model.port("m_axi_rdata")) {
    const auto data = [&model](const char* name) { return model.port(name).data; };
    const auto channel = [&data](const std::string& prefix) {
        Channel it;
        it.address = data((prefix + "addr").c_str());
        it.length = data((prefix + "len").c_str());
        it.size = data((prefix + "size").c_str());
        it.burst = data((prefix + "burst").c_str());
        it.valid = data((prefix + "valid").c_str());
        it.ready = data((prefix + "ready").c_str());
        return it;
    };
    ar_ = channel("m_axi_ar");
    aw_ = channel("m_axi_aw");
    word_bytes_ = static_cast<std::size_t>(rdata_->width) / 8;
    rresp_ = data("m_axi_rresp");
    rlast_ = data("m_axi_rlast");
    rvalid_ = data("m_axi_rvalid");
    rready_ = data("m_axi_rready");
    wdata_ = data("m_axi_wdata");
    wstrb_ = data("m_axi_wstrb");
    strobe_bytes_ = model.port("m_axi_wstrb").bytes;
    wlast_ = data("m_axi_wlast");
    wvalid_ = data("m_axi_wvalid");
    wready_ = data("m_axi_wready");
    bresp_ = data("m_axi_bresp");
    bvalid_ = data("m_axi_bvalid");
    bready_ = data("m_axi_bready");
    waited_data_.resize(word_bytes_);
}

void AxiMemory::broken(const char* rule) {
    throw Error(code::kHardwareCheckFailed, "m_axi",
                fmt::format("the master breaks a rule of AXI4: {}", rule),
                "this is a fault of Qloom; please report it with the model that shows it");
}

bool AxiMemory::stalls() {
    if (options_.stall_percent == 0) {
        return false;
    }
    random_ ^= random_ << 13U;
    random_ ^= random_ >> 7U;
    random_ ^= random_ << 17U;
    return static_cast<int>((random_ >> 33U) % 100U) < options_.stall_percent;
}

std::uint8_t AxiMemory::response_of(std::uint64_t address) const {
    if (address >= options_.slave_error_begin && address < options_.slave_error_end) {
        return kSlaveError;
    }
    if (address < options_.base || address + word_bytes_ > options_.base + bytes_.size()) {
        return kDecodeError;
    }
    return kOkay;
}

void AxiMemory::drive() {
    *ar_.ready = stalls() ? 0 : 1;
    *aw_.ready = stalls() ? 0 : 1;
    // Data may come before their request, but here they wait for it: as most memories do.
    *wready_ = !writes_.empty() && !stalls() ? 1 : 0;
    if (!read_offered_) {
        read_offered_ = !reads_.empty() && reads_.front().due <= cycle_ && !stalls();
        if (read_offered_) {
            const Burst& burst = reads_.front();
            const std::uint8_t response = response_of(burst.address);
            if (response == kOkay) {
                if (options_.on_read) options_.on_read(burst.address, word_bytes_);
                std::memcpy(rdata_->data, &bytes_[burst.address - options_.base], word_bytes_);
            } else {
                std::memset(rdata_->data, 0xee, word_bytes_);
            }
            *rresp_ = response;
            *rlast_ = burst.beats_left == 1 ? 1 : 0;
        }
        *rvalid_ = read_offered_ ? 1 : 0;
    }
    if (!answer_offered_) {
        answer_offered_ = !answers_.empty() && answers_.front().due <= cycle_ && !stalls();
        *bvalid_ = answer_offered_ ? 1 : 0;
        *bresp_ = answer_offered_ ? answers_.front().response : kOkay;
    }
}

void AxiMemory::take_request(Channel& channel, std::deque<Burst>& bursts) {
    const bool valid = *channel.valid != 0;
    const std::uint64_t address = load32(channel.address);
    if (channel.waited &&
        (!valid || address != channel.waited_address || *channel.length != channel.waited_length)) {
        broken("a request that waits must not change");
    }
    channel.waited = valid && *channel.ready == 0;
    channel.waited_address = address;
    channel.waited_length = *channel.length;
    if (!valid || channel.waited) {
        return;
    }
    const std::uint64_t size = (*channel.length + std::uint64_t{1}) * word_bytes_;
    if (*channel.burst != 1) broken("only incrementing bursts are used");
    if ((std::size_t{1} << *channel.size) != word_bytes_) broken("a beat is a whole word");
    if (address % word_bytes_ != 0) broken("a burst starts at a whole word");
    if (address / kPage != (address + size - 1) / kPage) broken("a burst must not cross 4 KB");
    bursts.push_back({.address = address,
                      .beats_left = *channel.length + 1,
                      .due = cycle_ + static_cast<std::uint64_t>(options_.latency_cycles)});
}

void AxiMemory::sample_write_data() {
    const bool valid = *wvalid_ != 0;
    if (write_waited_ && (!valid || std::memcmp(waited_data_.data(), wdata_, word_bytes_) != 0)) {
        broken("data that wait must not change");
    }
    write_waited_ = valid && *wready_ == 0;
    if (write_waited_) {
        std::memcpy(waited_data_.data(), wdata_, word_bytes_);
    }
    if (!valid || write_waited_) {
        return;
    }
    Burst& burst = writes_.front();
    std::uint64_t strobes = 0;
    std::memcpy(&strobes, wstrb_, static_cast<std::size_t>(strobe_bytes_));
    const std::uint8_t response = response_of(burst.address);
    burst.response = std::max(burst.response, response);
    if (response == kOkay) {
        std::size_t written = 0;
        for (std::size_t i = 0; i < word_bytes_; ++i) {
            if ((strobes >> i & 1U) != 0) {
                bytes_[burst.address - options_.base + i] = wdata_[i];
                ++written;
            }
        }
        if (options_.on_write && written > 0) {
            options_.on_write(burst.address, word_bytes_);
        }
    }
    burst.address += word_bytes_;
    --burst.beats_left;
    if ((*wlast_ != 0) != (burst.beats_left == 0)) {
        broken("wlast comes with the last beat of a burst");
    }
    if (burst.beats_left == 0) {
        answers_.push_back({.due = cycle_ + static_cast<std::uint64_t>(options_.latency_cycles),
                            .response = burst.response});
        writes_.pop_front();
    }
}

void AxiMemory::sample() {
    if (read_offered_ && *rready_ != 0) {
        Burst& burst = reads_.front();
        burst.address += word_bytes_;
        if (--burst.beats_left == 0) {
            reads_.pop_front();
        }
        read_offered_ = false;
    }
    if (answer_offered_ && *bready_ != 0) {
        answers_.pop_front();
        answer_offered_ = false;
    }
    sample_write_data();
    take_request(ar_, reads_);
    take_request(aw_, writes_);
    ++cycle_;
}

void AxiMemory::reset() {
    reads_.clear();
    writes_.clear();
    answers_.clear();
    read_offered_ = answer_offered_ = write_waited_ = false;
    ar_.waited = aw_.waited = false;
}

}  // namespace qloom::soc
