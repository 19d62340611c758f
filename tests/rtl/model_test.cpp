// Building, loading and driving verilated models: what goes well and every diagnostic.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/diagnostic.h"
#include "rtl_bench.h"
#include "sim/model_shim.h"

namespace qloom::rtl_test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const fs::path& cache() {
    static const fs::path folder = fs::path(QLOOM_BINARY_DIR) / "rtl-cache";
    return folder;
}

// The text of the error that `body` throws; empty when it throws none.
template <typename Body>
std::string error_of(Body body) {
    try {
        body();
    } catch (const Error& error) {
        return error.what();
    }
    return {};
}

fs::path write_source(const MemoryFolder& folder, const std::string& text) {
    const fs::path file = folder.path() / "dut.sv";
    std::ofstream(file) << text;
    return file;
}

TEST(Model, PortsAsDeclared) {
    const std::string header =
        "    VL_IN8(&clk,0,0);\n    VL_OUTW(&m_axis_tdata,127,0,4);\n    VL_IN64(&x,39,0);\nint "
        "VL_OTHER;\n";
    EXPECT_EQ(
        sim::declared_ports(header),
        (std::vector<sim::DeclaredPort>{{.name = "clk", .width = 1, .is_input = true},
                                        {.name = "m_axis_tdata", .width = 128, .is_input = false},
                                        {.name = "x", .width = 40, .is_input = true}}));
}

TEST(Model, PortsOfAllWidths) {
    for (const int width : {1, 8, 9, 16, 17, 32, 33, 64, 65, 300}) {
        const MemoryFolder folder;
        const fs::path source =
            write_source(folder, fmt::format("module dut(input logic [{0}:0] a, output logic "
                                             "[{0}:0] y); assign y = ~a; endmodule\n",
                                             width - 1));
        auto model =
            sim::VerilatedModel::make({.sources = {source}, .top = "dut"}, cache(), folder.path());
        EXPECT_EQ(model.port("a").width, width);
        EXPECT_TRUE(model.port("a").is_input);
        EXPECT_FALSE(model.port("y").is_input);
        EXPECT_EQ(model.find_port("b"), nullptr);
        model.set("a", 0x5);
        model.eval();
        const std::uint64_t mask =
            width >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
        EXPECT_EQ(model.get("y"), ~(0x5 & mask) & mask) << width;
    }
}

TEST(Model, CachedByContent) {
    const MemoryFolder folder;
    const fs::path source = write_source(
        folder, "module dut(input logic a, output logic y); assign y = a; endmodule\n");
    const fs::path own_cache = folder.path() / "cache";
    const sim::ModelSpec spec{.sources = {source}, .top = "dut"};
    const fs::path first = sim::build_model(spec, own_cache);
    const auto built = fs::last_write_time(first);
    EXPECT_EQ(sim::build_model(spec, own_cache), first);
    EXPECT_EQ(fs::last_write_time(first), built) << "found, not built again";
    write_source(folder, "module dut(input logic a, output logic y); assign y = !a; endmodule\n");
    const fs::path second = sim::build_model(spec, own_cache);
    EXPECT_NE(second, first);
    sim::VerilatedModel old(first, folder.path());
    sim::VerilatedModel fresh(second, folder.path());
    old.set("a", 1);
    old.eval();
    fresh.set("a", 1);
    fresh.eval();
    EXPECT_EQ(old.get("y"), 1U) << "two models side by side do not disturb each other";
    EXPECT_EQ(fresh.get("y"), 0U);
    for (const auto& entry : fs::directory_iterator(own_cache)) {
        EXPECT_THAT(entry.path().filename().string(), ::testing::Not(StartsWith("build-")))
            << "scratch folder left behind";
    }
}

// The same library serves other weights: memory files are read when the model starts.
TEST(Model, MemoryFilesAreNoPartOfTheCache) {
    const Parameters parameters{{"Width", "8"}, {"Depth", "2"}, {"File", quoted("m")}};
    for (const std::int64_t value : {3, 200}) {
        const MemoryFolder memories;
        memories.write("m", {{0}, {value}}, 8);
        auto model = make_module("ql_rom", parameters, memories.path());
        model.set("enable_i", 1);
        model.set("address_i", 1);
        model.eval();
        model.set("clk", 1);
        model.eval();
        EXPECT_EQ(model.get("data_o"), static_cast<std::uint64_t>(value));
    }
}

TEST(Model, WritesAWaveform) {
    const MemoryFolder folder;
    auto model = sim::VerilatedModel::make(
        {.sources = module_sources("ql_skid"), .top = "ql_skid", .trace = true}, cache(),
        folder.path());
    sim::StreamHarness harness(model);
    const fs::path vcd = folder.path() / "wave.vcd";
    harness.open_trace(vcd);
    const std::vector<std::uint32_t> in{1, 2, 3};
    const sim::Source source{.stream = {"s_axis"}, .words = in};
    const sim::Sink sink{.stream = {"m_axis"}, .beats = 3};
    harness.run({&source, 1}, {&sink, 1});
    harness.close_trace();
    std::ifstream file(vcd);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    EXPECT_THAT(text, HasSubstr("s_axis_tdata"));
    EXPECT_GT(text.size(), 1000U);
    EXPECT_EQ(error_of([&] { harness.open_trace(folder.path() / "absent" / "wave.vcd"); }),
              fmt::format("Q0706: {}: the waveform file cannot be written; name a file in a folder "
                          "that exists and that you may write to",
                          (folder.path() / "absent" / "wave.vcd").string()));
}

TEST(Model, ProgressIsReported) {
    auto model = make_module("ql_skid", {{"DataW", "8"}});
    sim::StreamHarness harness(model);
    const std::vector<std::uint32_t> in(100, 1);
    const sim::Source source{.stream = {"s_axis"}, .words = in};
    const sim::Sink sink{.stream = {"m_axis"}, .beats = 100};
    std::vector<std::size_t> beats;
    harness.run({&source, 1}, {&sink, 1},
                {.progress = [&beats](std::uint64_t, std::size_t done) { beats.push_back(done); },
                 .progress_cycles = 25});
    EXPECT_EQ(beats, (std::vector<std::size_t>{24, 49, 74, 99}));
}

TEST(Errors, StuckSimulation) {
    auto model = make_module("ql_skid", {{"DataW", "8"}});
    sim::StreamHarness harness(model);
    const std::vector<std::uint32_t> in{1, 2};
    const sim::Source source{.stream = {"s_axis"}, .words = in};
    const sim::Sink sink{.stream = {"m_axis"}, .beats = 3};
    EXPECT_EQ(error_of([&] {
                  harness.run({&source, 1}, {&sink, 1}, {.stuck_after_cycles = 100});
              }),
              "Q0700: simulation: no beat moved for 100 cycles; s_axis sent 2 of 2 beats; m_axis "
              "gave 2 of 3 beats; "
              "check that the input holds whole frames; if it does, please report the model that "
              "shows this");
}

TEST(Errors, FailedCheckInTheHardware) {
    auto model = make_module("ql_skid", {{"DataW", "8"}});
    sim::StreamHarness harness(model);
    const std::string text = error_of([&] {
        model.set("s_axis_tvalid", 1);  // fills the skid, then changes the payload that waits
        for (std::uint64_t i = 0; i < 6; ++i) {
            model.set("s_axis_tdata", i);
            model.set("clk", 0);
            model.eval();
            model.set("clk", 1);
            model.eval();
        }
    });
    EXPECT_THAT(text, StartsWith("Q0701: simulation: a check in the hardware failed: "));
    EXPECT_THAT(text, HasSubstr("s_axis changed while it waited"));
    EXPECT_THAT(
        text,
        HasSubstr("; this is a fault of Qloom; please report it with the model that shows it"));
}

TEST(Errors, MemoryFiles) {
    const Parameters parameters{{"Width", "8"}, {"Depth", "2"}, {"File", quoted("m")}};
    const MemoryFolder memories;
    const std::string missing =
        error_of([&] { make_module("ql_rom", parameters, memories.path()); });
    EXPECT_THAT(missing, StartsWith(fmt::format("Q0702: {}: the hardware model does not start: ",
                                                memories.path().string())));
    EXPECT_THAT(missing, HasSubstr("; compile the network again; the folder lacks a memory file or "
                                   "holds one of another size"));
    memories.write("m", {{0}, {1}, {2}}, 8);
    const std::string too_long =
        error_of([&] { make_module("ql_rom", parameters, memories.path()); });
    EXPECT_THAT(too_long, StartsWith("Q0702: "));
}

TEST(Errors, DamagedModel) {
    const MemoryFolder folder;
    const fs::path source = write_source(
        folder, "module dut(input logic a, output logic y); assign y = a; endmodule\n");
    const sim::ModelSpec spec{.sources = {source}, .top = "dut"};
    const fs::path own_cache = folder.path() / "cache";
    const fs::path library = sim::build_model(spec, own_cache);
    std::ofstream(library, std::ios::trunc) << "no library";
    const std::string text = error_of([&] { sim::VerilatedModel model(library, folder.path()); });
    EXPECT_THAT(text,
                StartsWith(fmt::format("Q0703: {}: the compiled hardware model cannot be loaded (",
                                       library.filename().string())));
    EXPECT_THAT(text, HasSubstr("; delete the simulation cache and simulate again"));
    // The cache heals itself.
    auto model = sim::VerilatedModel::make(spec, own_cache, folder.path());
    EXPECT_NE(model.find_port("a"), nullptr);
}

TEST(Errors, MissingSource) {
    EXPECT_EQ(
        error_of([&] { sim::build_model({.sources = {"absent.sv"}, .top = "absent"}, cache()); }),
        "Q0704: absent.sv: a hardware source file cannot be read; compile the network again, or "
        "reinstall Qloom if the file is "
        "part of its library");
}

TEST(Errors, CacheThatCannotBeWritten) {
    const MemoryFolder folder;
    const fs::path file = folder.path() / "file";
    std::ofstream(file) << "in the way";
    EXPECT_EQ(error_of([&] {
                  sim::build_model({.sources = module_sources("ql_skid"), .top = "ql_skid"},
                                   file / "cache");
              }),
              fmt::format("Q0705: {}: the simulation cache cannot be written; make the folder "
                          "writable, or name another one",
                          (file / "cache").string()));
}

// A parameter check of the library stops the build with its own words.
TEST(Errors, IllegalParameters) {
    const std::string text = error_of([&] { make_module("ql_matrix_vector", {{"Simd", "5"}}); });
    EXPECT_THAT(text, StartsWith("Q0001: "));
    EXPECT_THAT(text, HasSubstr("ql_matrix_vector: Simd must divide MatrixW"));
}

}  // namespace
}  // namespace qloom::rtl_test
