#include "rtl_bench.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "base/process.h"

namespace qloom::rtl_test {

namespace fs = std::filesystem;

fs::path rtl_folder() { return fs::path(QLOOM_SOURCE_DIR) / "rtl"; }

std::vector<fs::path> module_sources(const std::string& module) {
    std::set<std::string> found{module};
    std::vector<std::string> open{module};
    while (!open.empty()) {
        const fs::path file = rtl_folder() / (open.back() + ".sv");
        open.pop_back();
        std::ifstream in(file);
        const std::string text{std::istreambuf_iterator<char>(in), {}};
        static const std::regex instance(R"(\n *(ql_\w+) (#\(|\w+ \())");
        for (std::sregex_iterator it(text.begin(), text.end(), instance), end; it != end; ++it) {
            if (found.insert((*it)[1]).second) {
                open.push_back((*it)[1]);
            }
        }
    }
    std::vector<fs::path> files;
    for (const std::string& name : found) {
        files.push_back(rtl_folder() / (name + ".sv"));
    }
    return files;
}

MemoryFolder::MemoryFolder() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    std::string name = fmt::format("{}.{}.{}", test->test_suite_name(), test->name(), getpid());
    for (char& c : name) {
        c = c == '/' ? '_' : c;
    }
    path_ = fs::path(QLOOM_BINARY_DIR) / "rtl-cache" / name;
    fs::remove_all(path_);
    fs::create_directories(path_);
}

MemoryFolder::~MemoryFolder() {
    std::error_code error;
    fs::remove_all(path_, error);
}

void MemoryFolder::write(const std::string& name, const std::vector<Numbers>& words,
                         int element_width) const {
    std::ofstream out(path_ / (name + ".mem"));
    for (const Numbers& word : words) {
        const std::vector<std::uint32_t> packed =
            pack(word, static_cast<int>(word.size()), element_width);
        const int digits = (static_cast<int>(word.size()) * element_width + 3) / 4;
        std::string line;
        for (int d = 0; d < digits; ++d) {
            const std::uint32_t nibble =
                packed[static_cast<std::size_t>(d) / 8] >> (4 * (d % 8)) & 15U;
            line.insert(line.begin(), "0123456789abcdef"[nibble]);
        }
        out << line << "\n";
    }
}

namespace {

fs::path netlist_of(const std::string& module, const Parameters& parameters,
                    const fs::path& data_folder) {
    std::string script = "read_verilog -sv";
    for (const fs::path& source : module_sources(module)) {
        script += ' ' + source.string();
    }
    script += "; chparam";
    for (const auto& [name, value] : parameters) {
        // chparam takes no minus sign.
        const bool negative = value[0] == '-';
        script += negative ? fmt::format(" -set {} 32'sh{:08x}", name,
                                         static_cast<std::uint32_t>(std::stoi(value)))
                           : fmt::format(" -set {} {}", name, value);
    }
    const fs::path netlist = data_folder / "netlist.v";
    script += fmt::format(
        " {0}; synth -flatten -top {0}; rename -top {0}; splitnets; write_verilog -noattr {1}",
        module, netlist.string());
    check_tool({"yosys", "-q", "-p", script},
               {.working_directory = data_folder, .timeout = std::chrono::seconds(300)}, "yosys");
    return netlist;
}

}  // namespace

namespace {

// DSP48E1 out of Yosys' models of Xilinx cells.
fs::path dsp_block_model() {
    const fs::path local = "/usr/local/share/yosys/xilinx/cells_sim.v";
    std::ifstream cells(fs::exists(local) ? local
                                          : fs::path("/usr/share/yosys/xilinx/cells_sim.v"));
    const fs::path file = fs::path(QLOOM_BINARY_DIR) / "rtl-cache" / "DSP48E1.v";
    fs::create_directories(file.parent_path());
    std::ofstream model(file);
    // Written for other simulators: latches of constants, carries that look like a loop.
    for (const char* warning :
         {"WIDTH", "COMBDLY", "UNOPTFLAT", "LATCH", "CASEINCOMPLETE", "INITIALDLY"})
        model << "/* verilator lint_off " << warning << " */\n";
    bool inside = false;
    for (std::string line; std::getline(cells, line);) {
        inside = inside || line.starts_with("module DSP48E1 ");
        if (inside) model << line << '\n';
        if (inside && line.starts_with("endmodule")) break;
    }
    return file;
}

}  // namespace

sim::VerilatedModel make_module(const std::string& module, const Parameters& parameters,
                                const fs::path& data_folder, Text text) {
    sim::ModelSpec spec{.sources = {}, .top = module, .checks = true};
    if (text == Text::kNetlist) {
        spec.sources = {netlist_of(module, parameters, data_folder)};
    } else {
        spec.sources = module_sources(module);
        spec.parameters = parameters;
    }
    if (text == Text::kStructural) {
        spec.defines = {"SYNTHESIS"};
        const bool has_dsps = std::ranges::any_of(parameters, [](const auto& parameter) {
            return parameter.first == "DspPe" && parameter.second != "0";
        });
        if (has_dsps) spec.sources.push_back(dsp_block_model());
    }
    return sim::VerilatedModel::make(spec, fs::path(QLOOM_BINARY_DIR) / "rtl-cache", data_folder);
}

std::string quoted(const std::string& text) { return '"' + text + '"'; }

std::vector<std::uint32_t> pack(const Numbers& numbers, int elements, int width) {
    const std::size_t beats = numbers.size() / static_cast<std::size_t>(elements);
    const std::size_t words = (static_cast<std::size_t>(elements * width) + 31) / 32;
    std::vector<std::uint32_t> packed(beats * words, 0);
    for (std::size_t i = 0; i < beats * static_cast<std::size_t>(elements); ++i) {
        const std::size_t beat = i / static_cast<std::size_t>(elements);
        const std::size_t element = i % static_cast<std::size_t>(elements);
        for (int b = 0; b < width; ++b) {
            if ((numbers[i] >> std::min(b, 63) & 1) != 0) {
                const std::size_t bit =
                    element * static_cast<std::size_t>(width) + static_cast<std::size_t>(b);
                packed[beat * words + bit / 32] |= 1U << (bit % 32);
            }
        }
    }
    return packed;
}

Numbers unpack(const std::vector<std::uint32_t>& words, int elements, int width, bool is_signed) {
    const std::size_t beat_words = (static_cast<std::size_t>(elements * width) + 31) / 32;
    Numbers numbers;
    for (std::size_t begin = 0; begin < words.size(); begin += beat_words) {
        for (int e = 0; e < elements; ++e) {
            std::uint64_t value = 0;
            for (int b = 0; b < width; ++b) {
                const std::size_t bit = static_cast<std::size_t>(e * width + b);
                value |= static_cast<std::uint64_t>(words[begin + bit / 32] >> (bit % 32) & 1U)
                         << b;
            }
            if (is_signed && width < 64 && (value >> (width - 1) & 1U) != 0) {
                value |= ~std::uint64_t{0} << width;
            }
            numbers.push_back(static_cast<std::int64_t>(value));
        }
    }
    return numbers;
}

std::int64_t random_number(std::mt19937& random, int width, bool is_signed) {
    const std::int64_t low = is_signed ? -(std::int64_t{1} << (width - 1)) : 0;
    const std::int64_t high = low + (std::int64_t{1} << width) - 1;
    switch (random() % 8) {
        case 0:
            return low;
        case 1:
            return high;
        default:
            return std::uniform_int_distribution<std::int64_t>(low, high)(random);
    }
}

Numbers random_numbers(std::mt19937& random, std::size_t count, int width, bool is_signed) {
    Numbers numbers(count);
    for (std::int64_t& number : numbers) {
        number = random_number(random, width, is_signed);
    }
    return numbers;
}

sim::RunRecord pass_through(sim::VerilatedModel& model, const std::vector<std::uint32_t>& in,
                            std::size_t beats_out, const Traffic& traffic, std::uint64_t seed) {
    sim::StreamHarness harness(model);
    const sim::Source source{
        .stream = {"s_axis"}, .words = in, .idle_percent = traffic.idle_percent};
    const sim::Sink sink{
        .stream = {"m_axis"}, .beats = beats_out, .stall_percent = traffic.stall_percent};
    sim::RunRecord record = harness.run(
        {&source, 1}, {&sink, 1}, {.seed = seed, .stuck_after_cycles = 20000, .drain_cycles = 100});
    EXPECT_EQ(record.sinks[0].surplus, 0U) << "beats on top of those expected";
    return record;
}

int clog2(std::int64_t n) {
    int bits = 0;
    while ((std::int64_t{1} << bits) < n) {
        ++bits;
    }
    return bits;
}

int dot_latency(int simd, int input_bits, bool input_signed, int weight_bits, bool count) {
    const auto up = [](int a, int b) { return static_cast<int>(ceil_div(a, b)); };
    if (count || weight_bits > 8 || simd == 1) {
        return 1 + up(clog2(count ? up(simd, 12) : simd), 2);
    }
    const int pairs = up(simd, 2);
    const int leaves = up(pairs, 8);
    const int most_pairs = up(pairs, leaves);
    int planes = std::min(8 / most_pairs, weight_bits);
    if (input_signed) planes = std::min(planes, input_bits + 1);
    const int chains = up(weight_bits, planes);
    const int rows = most_pairs * up(weight_bits, chains);
    return 1 + up(rows, 4) + up(clog2(chains) + clog2(leaves), 3);
}

}  // namespace qloom::rtl_test
