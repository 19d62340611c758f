// The DMA in RTL against what its register table promises: the test plays the processor, the memory
// and both streams.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <random>

#include "base/codes/sim.h"
#include "base/diagnostic.h"
#include "soc/fabric.h"

namespace qloom::soc {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

constexpr std::uint32_t kMm2s = 0x00;
constexpr std::uint32_t kS2mm = 0x30;
constexpr std::uint32_t kControl = 0x00;
constexpr std::uint32_t kStatus = 0x04;
constexpr std::uint32_t kAddress = 0x18;
constexpr std::uint32_t kLength = 0x28;

constexpr std::uint32_t kRun = 1;
constexpr std::uint32_t kReset = 4;
constexpr std::uint32_t kHalted = 1;
constexpr std::uint32_t kIdle = 2;
constexpr std::uint32_t kInternal = 0x10;
constexpr std::uint32_t kSlave = 0x20;
constexpr std::uint32_t kDecode = 0x40;
constexpr std::uint32_t kComplete = 0x1000;
constexpr std::uint32_t kError = 0x4000;
constexpr std::uint32_t kBase = 0x00100000;
constexpr std::size_t kMemoryBytes = 1U << 17U;

struct Setup {
    int memory_bits = 64;
    int length_bits = 26;
    int max_burst = 16;
};

fs::path cache() { return fs::path(QLOOM_BINARY_DIR) / "soc-cache"; }

fs::path build(const Setup& setup) {
    const fs::path rtl = fs::path(QLOOM_SOURCE_DIR) / "rtl";
    sim::ModelSpec spec{.sources = {rtl / "ql_fifo.sv", rtl / "ql_ram.sv", rtl / "ql_skid.sv"},
                        .top = "ql_axi_dma"};
    for (const char* module :
         {"ql_axi_dma", "ql_axi_dma_channel", "ql_axi_dma_read", "ql_axi_dma_write"}) {
        spec.sources.push_back(rtl / "soc" / (std::string(module) + ".sv"));
    }
    spec.parameters = {{"MemoryW", std::to_string(setup.memory_bits)},
                       {"LengthW", std::to_string(setup.length_bits)},
                       {"MaxBurst", std::to_string(setup.max_burst)}};
    spec.checks = true;
    return sim::build_model(spec, cache());
}

// The DMA with memory, a sender at its input stream and a receiver at its output stream.
class Bench {
public:
    explicit Bench(const Setup& setup = {}, AxiMemoryOptions options = {}, int stall_percent = 0)
        : memory(kMemoryBytes, 0xcd),
          model_(build(setup), "."),
          word_(static_cast<std::size_t>(setup.memory_bits) / 8),
          stall_(stall_percent),
          fabric(model_, memory, with_base(std::move(options), stall_percent)) {
        fabric.on_drive = [this] { drive(); };
        fabric.on_sample = [this] { sample(); };
        fabric.reset();
    }

    // A packet for stream to memory; `with_last` false leaves it open.
    void offer(const Bytes& packet, bool with_last = true) {
        for (std::size_t at = 0; at < packet.size(); at += word_) {
            const std::size_t size = std::min(word_, packet.size() - at);
            beats_.push_back({Bytes(packet.begin() + static_cast<std::ptrdiff_t>(at),
                                    packet.begin() + static_cast<std::ptrdiff_t>(at + size)),
                              with_last && at + size == packet.size()});
        }
    }

    void set(std::uint32_t offset, std::uint32_t value) { fabric.write(offset, value); }
    std::uint32_t get(std::uint32_t offset) { return fabric.read(offset); }
    void start(std::uint32_t channel, std::uint32_t address, std::uint32_t length) {
        set(channel + kControl, kRun);
        set(channel + kAddress, address);
        set(channel + kLength, length);
    }
    // Until the reset bit, which both channels show, is gone: as a driver does it.
    void reset(std::uint32_t channel) {
        set(channel + kControl, kReset);
        for (int polls = 0; ((get(kMm2s + kControl) | get(kS2mm + kControl)) & kReset) != 0;
             ++polls) {
            ASSERT_LT(polls, 200);
        }
    }
    // Status once one of these bits is set.
    std::uint32_t wait(std::uint32_t channel, std::uint32_t bits, int cycles = 200000) {
        const std::uint64_t end = fabric.cycles() + static_cast<std::uint64_t>(cycles);
        while (fabric.cycles() < end) {
            const std::uint32_t status = get(channel + kStatus);
            if ((status & bits) != 0) {
                return status;
            }
        }
        ADD_FAILURE() << "status " << std::hex << get(channel + kStatus) << " never had " << bits;
        return 0;
    }
    Bytes at(std::uint32_t address, std::size_t size) const {
        const auto begin = memory.begin() + static_cast<std::ptrdiff_t>(address - kBase);
        return {begin, begin + static_cast<std::ptrdiff_t>(size)};
    }
    void put(std::uint32_t address, const Bytes& bytes) {
        std::ranges::copy(bytes, memory.begin() + (address - kBase));
    }

    Bytes memory;

private:
    struct Beat {
        Bytes bytes;
        bool last;
    };
    static AxiMemoryOptions with_base(AxiMemoryOptions options, int stall_percent) {
        options.base = kBase;
        options.stall_percent = stall_percent;
        return options;
    }
    bool stalls() { return static_cast<int>(random_() % 100) < stall_; }

    void drive() {
        if (!offered_ && !beats_.empty() && !stalls()) {
            offered_ = true;
            const Beat& beat = beats_.front();
            const sim::ModelPort& data = model_.port("s_axis_s2mm_tdata");
            std::memset(data.data, 0x99, static_cast<std::size_t>(data.bytes));
            std::memcpy(data.data, beat.bytes.data(), beat.bytes.size());
            model_.set("s_axis_s2mm_tkeep", (std::uint64_t{1} << beat.bytes.size()) - 1);
            model_.set("s_axis_s2mm_tlast", beat.last ? 1 : 0);
        }
        model_.set("s_axis_s2mm_tvalid", offered_ ? 1 : 0);
        model_.set("m_axis_mm2s_tready", receive && !stalls() ? 1 : 0);
    }
    void sample() {
        if (offered_ && model_.get("s_axis_s2mm_tready") != 0) {
            beats_.pop_front();
            offered_ = false;
        }
        const bool valid = model_.get("m_axis_mm2s_tvalid") != 0;
        if (valid && model_.get("m_axis_mm2s_tready") != 0) {
            const std::uint64_t keep = model_.get("m_axis_mm2s_tkeep");
            const std::uint8_t* data = model_.port("m_axis_mm2s_tdata").data;
            std::size_t kept = 0;
            while (kept < word_ && (keep >> kept & 1U) != 0) {
                ++kept;
            }
            EXPECT_EQ(keep, (kept == 64 ? 0 : std::uint64_t{1} << kept) - 1) << "tkeep with a gap";
            received.insert(received.end(), data, data + kept);
            ++received_beats;
            if (model_.get("m_axis_mm2s_tlast") != 0) {
                packet_ends.push_back(received.size());
            } else {
                EXPECT_EQ(kept, word_) << "a partial beat inside a packet";
            }
        }
    }

    sim::VerilatedModel model_;
    std::size_t word_;
    int stall_;
    std::mt19937 random_{7};
    std::deque<Beat> beats_;
    bool offered_ = false;

public:
    Fabric fabric;
    bool receive = true;
    Bytes received;
    std::size_t received_beats = 0;
    std::vector<std::size_t> packet_ends;
    [[nodiscard]] std::size_t beats_left() const { return beats_.size(); }
    void forget_packets() {
        beats_.clear();
        offered_ = false;
    }
};

Bytes random_bytes(std::mt19937& random, std::size_t count) {
    Bytes bytes(count);
    std::ranges::generate(bytes, [&] { return static_cast<std::uint8_t>(random()); });
    return bytes;
}

TEST(DmaRegisters, HaveTheValuesOfAResetAndKeepWhatTheyShould) {
    Bench bench;
    for (const std::uint32_t channel : {kMm2s, kS2mm}) {
        EXPECT_EQ(bench.get(channel + kControl), 0x00010002U);
        EXPECT_EQ(bench.get(channel + kStatus), 0x00000001U);
        EXPECT_EQ(bench.get(channel + kAddress), 0U);
        EXPECT_EQ(bench.get(channel + kLength), 0U);
        bench.set(channel + kControl, 0xfffffffaU);  // all but run and reset
        EXPECT_EQ(bench.get(channel + kControl), 0xffff701aU);
        EXPECT_EQ(bench.get(channel + kStatus), kHalted);
        bench.set(channel + kAddress, 0xdeadbee8U);
        EXPECT_EQ(bench.get(channel + kAddress), 0xdeadbee8U);
        for (const std::uint32_t unused :
             {0x08U, 0x0cU, 0x10U, 0x14U, 0x1cU, 0x20U, 0x24U, 0x2cU}) {
            bench.set(channel + unused, 0xffffffffU);
            EXPECT_EQ(bench.get(channel + unused), 0U) << std::hex << channel + unused;
        }
    }
    EXPECT_EQ(bench.get(0x60), 0U);
    EXPECT_EQ(bench.get(0x3fc), 0U);
}

TEST(DmaRegisters, LengthWhileHaltedOrOfZeroStartsNothing) {
    Bench bench;
    bench.set(kMm2s + kAddress, kBase);
    bench.set(kMm2s + kLength, 64);
    bench.fabric.run(200);
    EXPECT_EQ(bench.received_beats, 0U);
    EXPECT_EQ(bench.get(kMm2s + kLength), 0U);
    bench.set(kMm2s + kControl, kRun);
    EXPECT_EQ(bench.get(kMm2s + kStatus), 0U) << "running, and not idle before the first transfer";
    bench.set(kMm2s + kLength, 0);
    bench.fabric.run(200);
    EXPECT_EQ(bench.received_beats, 0U);
    EXPECT_EQ(bench.get(kMm2s + kStatus), 0U);
}

TEST(DmaRegisters, LengthHasItsWidth) {
    Bench bench({.length_bits = 14});
    bench.start(kMm2s, kBase, 0xffff8000U | 24U);  // the bits above are not there
    EXPECT_EQ(bench.get(kMm2s + kLength), 24U);
    bench.wait(kMm2s, kIdle);
    EXPECT_EQ(bench.received, Bytes(24, 0xcd));
}

TEST(DmaRegisters, AWriteWhileBusyChangesNothing) {
    Bench bench;
    bench.receive = false;
    bench.start(kMm2s, kBase, 4000);
    bench.fabric.run(300);
    EXPECT_EQ(bench.get(kMm2s + kStatus), 0U);
    bench.set(kMm2s + kLength, 8);
    EXPECT_EQ(bench.get(kMm2s + kLength), 4000U);
    bench.receive = true;
    bench.wait(kMm2s, kIdle);
    EXPECT_EQ(bench.received.size(), 4000U);
    EXPECT_EQ(bench.packet_ends, std::vector<std::size_t>{4000});
}

TEST(DmaRegisters, InterruptIsSetByCompletionAndClearedByWritingOne) {
    Bench bench;
    bench.set(kMm2s + kControl, kRun | 0x1000);
    bench.set(kMm2s + kAddress, kBase);
    bench.set(kMm2s + kLength, 16);
    EXPECT_EQ(bench.wait(kMm2s, kIdle), kIdle | kComplete);
    EXPECT_EQ(bench.fabric.model().get("mm2s_introut"), 1U);
    EXPECT_EQ(bench.fabric.model().get("s2mm_introut"), 0U);
    bench.set(kMm2s + kStatus, 0x4070);  // not this one
    EXPECT_EQ(bench.get(kMm2s + kStatus), kIdle | kComplete);
    bench.set(kMm2s + kStatus, kComplete);
    EXPECT_EQ(bench.get(kMm2s + kStatus), kIdle);
    EXPECT_EQ(bench.fabric.model().get("mm2s_introut"), 0U);
    bench.set(kMm2s + kControl, kRun);  // without the enable the status comes and the wire stays
    bench.set(kMm2s + kLength, 16);
    EXPECT_EQ(bench.wait(kMm2s, kIdle) & kComplete, kComplete);
    EXPECT_EQ(bench.fabric.model().get("mm2s_introut"), 0U);
}

TEST(DmaRegisters, StopWaitsForTheTransfer) {
    Bench bench;
    bench.receive = false;
    bench.start(kMm2s, kBase, 4096);
    bench.fabric.run(200);
    bench.set(kMm2s + kControl, 0);
    bench.fabric.run(50);
    EXPECT_EQ(bench.get(kMm2s + kStatus) & kHalted, 0U);
    bench.receive = true;
    EXPECT_EQ(bench.wait(kMm2s, kHalted), kHalted | kIdle | kComplete);
    EXPECT_EQ(bench.received.size(), 4096U);
}

class DmaTransfers : public ::testing::TestWithParam<std::tuple<int, int, int>> {};

TEST_P(DmaTransfers, MoveTheBytesAndNoOthers) {
    const auto [bits, burst, stall] = GetParam();
    const auto word = static_cast<std::uint32_t>(bits / 8);
    Bench bench({.memory_bits = bits, .max_burst = burst}, {.latency_cycles = stall == 0 ? 10 : 3},
                stall);
    bench.fabric.lite_stall_cycles = stall / 10;  // the processor hesitates to take answers
    std::mt19937 random(static_cast<unsigned>(bits + burst + stall));
    std::ranges::copy(random_bytes(random, kMemoryBytes),
                      bench.memory.begin());  // in place: the memory model looks at it
    bench.set(kMm2s + kControl, kRun);
    bench.set(kS2mm + kControl, kRun);
    const auto below = [&random](std::uint32_t end) {
        return static_cast<std::uint32_t>(random() % end);
    };
    for (int round = 0; round < 40; ++round) {
        // Short ones, lengths about a burst, and long ones; places about a 4 KB boundary.
        const std::uint32_t kinds[] = {1 + below(3 * word),
                                       1 + below(2 * word * static_cast<unsigned>(burst)),
                                       4090 + below(12), 1 + below(9000)};
        const std::uint32_t length = kinds[below(4)];
        const std::uint32_t near_page = (1 + below(4)) * 4096 - word * (below(20));
        const std::uint32_t from = kBase + (round % 2 == 0 ? near_page : word * (below(2000)));
        const std::uint32_t to =
            kBase + 0x10000 + (round % 3 == 0 ? near_page : word * (below(2000)));
        const std::uint32_t room =
            length + (round % 4 == 0 ? 0 : below(500));  // a short packet is fine
        const Bytes packet = random_bytes(random, length);
        Bytes expected = bench.memory;
        std::ranges::copy(packet, expected.begin() + (to - kBase));
        const Bytes sent = bench.at(from, length);
        bench.received.clear();
        bench.packet_ends.clear();

        bench.set(kS2mm + kAddress, to);
        bench.set(kS2mm + kLength, room);
        bench.offer(packet);
        bench.set(kMm2s + kAddress, from);
        bench.set(kMm2s + kLength, length);
        ASSERT_EQ(bench.wait(kMm2s, kIdle | kHalted), kIdle | kComplete);
        ASSERT_EQ(bench.wait(kS2mm, kIdle | kHalted), kIdle | kComplete);
        ASSERT_EQ(bench.received, sent) << "round " << round << ", length " << length;
        ASSERT_EQ(bench.packet_ends, std::vector<std::size_t>{length});
        ASSERT_EQ(bench.get(kS2mm + kLength), length);
        ASSERT_TRUE(bench.memory == expected)
            << "round " << round << ", length " << length << ", to " << to;
    }
}

INSTANTIATE_TEST_SUITE_P(All, DmaTransfers,
                         ::testing::Values(std::tuple(32, 16, 0), std::tuple(32, 16, 40),
                                           std::tuple(64, 16, 0), std::tuple(64, 16, 40),
                                           std::tuple(64, 64, 25), std::tuple(128, 1, 30)));

TEST(Dma, MovesAWordAClock) {
    Bench bench;
    bench.set(kS2mm + kControl, kRun);
    bench.set(kS2mm + kAddress, kBase + 0x10000);
    bench.set(kS2mm + kLength, 32768);
    bench.offer(Bytes(32768, 3));
    bench.start(kMm2s, kBase, 32768);
    const std::uint64_t begin = bench.fabric.cycles();
    while (bench.packet_ends.empty()) bench.fabric.step();
    EXPECT_LE(bench.fabric.cycles() - begin, 4096U * 104 / 100);
    while (bench.beats_left() > 0) bench.fabric.step();
    EXPECT_LE(bench.fabric.cycles() - begin, 4096U * 115 / 100);  // a pause between bursts
}

TEST(Dma, WithoutTlastAReceiveNeverEnds) {
    Bench bench;
    bench.start(kS2mm, kBase, 64);
    bench.offer(Bytes(64, 1), false);
    bench.fabric.run(5000);
    EXPECT_EQ(bench.get(kS2mm + kStatus), 0U) << "all bytes are there, and still busy";
    bench.offer(Bytes(1, 2));
    EXPECT_EQ(bench.wait(kS2mm, kHalted), kHalted | kInternal | kError)
        << "a packet longer than LENGTH";
}

TEST(Dma, APacketThatIsTooLongWritesNothingBeyond) {
    for (const std::uint32_t length : {8U, 20U, 64U, 1000U}) {
        Bench bench;
        bench.set(kS2mm + kControl, kRun | 0x4000);
        bench.set(kS2mm + kAddress, kBase + 4096);
        bench.set(kS2mm + kLength, length);
        bench.offer(Bytes(length + 1, 0x55));
        EXPECT_EQ(bench.wait(kS2mm, kHalted), kHalted | kInternal | kError);
        EXPECT_EQ(bench.fabric.model().get("s2mm_introut"), 1U);
        EXPECT_EQ(bench.get(kS2mm + kControl) & kRun, 0U);
        EXPECT_EQ(bench.at(kBase + 4096 + length, 4096), Bytes(4096, 0xcd));
        // Only a reset helps.
        bench.set(kS2mm + kStatus, 0x4070);
        bench.set(kS2mm + kControl, kRun);
        EXPECT_EQ(bench.get(kS2mm + kStatus), kHalted | kInternal);
        bench.reset(kS2mm);
        EXPECT_EQ(bench.get(kS2mm + kControl), 0x00010002U);
        EXPECT_EQ(bench.get(kS2mm + kStatus), kHalted);
    }
}

TEST(Dma, ErrorsOfTheMemoryHaltTheChannel) {
    const AxiMemoryOptions options{.slave_error_begin = kBase + 0x8000,
                                   .slave_error_end = kBase + 0x8100};
    const struct {
        std::uint32_t address;
        std::uint32_t bit;
    } cases[] = {{kBase + 0x7fc0, kSlave},
                 {kBase + 0x8000, kSlave},
                 {0x00010000, kDecode},
                 {kBase + kMemoryBytes - 32, kDecode}};
    for (const int stall : {0, 30}) {
        for (const auto& it : cases) {
            Bench bench({}, options, stall);
            bench.start(kMm2s, it.address, 512);
            EXPECT_EQ(bench.wait(kMm2s, kHalted), kHalted | it.bit | kError)
                << std::hex << it.address;
            EXPECT_TRUE(bench.packet_ends.empty()) << "no whole packet comes of it";
            bench.start(kS2mm, it.address, 512);
            bench.offer(Bytes(512, 1));
            EXPECT_EQ(bench.wait(kS2mm, kHalted), kHalted | it.bit | kError);
            EXPECT_TRUE(bench.fabric.memory().is_quiet());
            EXPECT_EQ(bench.get(kMm2s + kControl) & kRun, 0U);
            // After a reset it works again.
            bench.reset(kMm2s);
            bench.forget_packets();
            bench.received.clear();
            bench.start(kMm2s, kBase, 40);
            EXPECT_EQ(bench.wait(kMm2s, kIdle), kIdle | kComplete);
            EXPECT_EQ(bench.received, Bytes(40, 0xcd));
        }
    }
}

TEST(Dma, AResetInFlightLosesNothingOnTheBus) {
    std::mt19937 random(3);
    for (int round = 0; round < 60; ++round) {
        const int stall = round % 2 == 0 ? 0 : 50;
        Bench bench({.memory_bits = round % 3 == 0 ? 32 : 64}, {.latency_cycles = 25}, stall);
        bench.start(kS2mm, kBase + 0x10000, 8192);
        bench.offer(Bytes(8192, 0x77));
        bench.start(kMm2s, kBase, 8192);
        bench.fabric.run(random() % 400);
        bench.reset(round % 4 < 2 ? kMm2s : kS2mm);
        EXPECT_TRUE(bench.fabric.memory().is_quiet());
        for (const std::uint32_t channel : {kMm2s, kS2mm}) {
            EXPECT_EQ(bench.get(channel + kControl), 0x00010002U);
            EXPECT_EQ(bench.get(channel + kStatus), kHalted);
            EXPECT_EQ(bench.get(channel + kLength), 0U);
        }
        bench.forget_packets();
        bench.received.clear();
        bench.packet_ends.clear();
        const Bytes packet = random_bytes(random, 333);
        bench.start(kS2mm, kBase + 0x1000, 400);
        bench.offer(packet);
        bench.start(kMm2s, kBase + 0x4000, 333);
        EXPECT_EQ(bench.wait(kMm2s, kIdle), kIdle | kComplete);
        EXPECT_EQ(bench.wait(kS2mm, kIdle), kIdle | kComplete);
        EXPECT_EQ(bench.received.size(), 333U);
        EXPECT_EQ(bench.at(kBase + 0x1000, 333), packet);
    }
}

TEST(Dma, AnAddressBetweenWordsIsRefusedInSimulation) {
    for (const std::uint32_t channel : {kMm2s, kS2mm}) {
        Bench bench;
        try {
            bench.start(channel, kBase + 4, 64);
            bench.fabric.run(20);
            FAIL() << "not noticed";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), code::kHardwareCheckFailed);
            EXPECT_NE(std::string(error.what()).find("no multiple of the memory width"),
                      std::string::npos)
                << error.what();
        }
    }
}

}  // namespace
}  // namespace qloom::soc
