#pragma once

// What the benches of the hardware library share: building a module, sending numbers through its
// streams at four kinds of traffic, packing beats and memory files.

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/stream_harness.h"
#include "sim/verilated_model.h"

namespace qloom::rtl_test {

using Parameters = std::vector<std::pair<std::string, std::string>>;
using Numbers = std::vector<std::int64_t>;

// Idle and stall chances of the four kinds of traffic every module meets.
struct Traffic {
    std::string_view name;
    int idle_percent;
    int stall_percent;
};
inline constexpr Traffic kFullSpeed{"full speed", 0, 0};
inline constexpr Traffic kAllTraffic[] = {
    kFullSpeed, {"random idle", 45, 0}, {"random back-pressure", 0, 45}, {"both", 40, 40}};

std::filesystem::path rtl_folder();

// The .sv file of a module and of all it instantiates.
std::vector<std::filesystem::path> module_sources(const std::string& module);

// A folder of this test for memory files, emptied on construction.
class MemoryFolder {
public:
    MemoryFolder();
    ~MemoryFolder();
    MemoryFolder(const MemoryFolder&) = delete;
    MemoryFolder& operator=(const MemoryFolder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

    // Writes `name`.mem: word i is the concatenation of words[i], element 0 lowest, each of
    // `element_width` bits.
    void write(const std::string& name, const std::vector<Numbers>& words, int element_width) const;

private:
    std::filesystem::path path_;
};

enum class Text {
    kSource,      // as simulators read it, with assertions
    kStructural,  // as synthesis reads it
    kNetlist,     // what Yosys makes of it, down to gates
};

// Builds the module; its registers start with random values.
sim::VerilatedModel make_module(const std::string& module, const Parameters& parameters,
                                const std::filesystem::path& data_folder = ".",
                                Text text = Text::kSource);

// Verilog text of a string parameter.
std::string quoted(const std::string& text);

// Numbers to beats of `elements` of `width` bits (two's complement), and back.
std::vector<std::uint32_t> pack(const Numbers& numbers, int elements, int width);
Numbers unpack(const std::vector<std::uint32_t>& words, int elements, int width, bool is_signed);

// A random number of `width` bits; often one of the extremes.
std::int64_t random_number(std::mt19937& random, int width, bool is_signed);
Numbers random_numbers(std::mt19937& random, std::size_t count, int width, bool is_signed);

// One input stream s_axis, one output stream m_axis: sends the beats, takes `beats_out`, and checks
// that no more come.
sim::RunRecord pass_through(sim::VerilatedModel& model, const std::vector<std::uint32_t>& in,
                            std::size_t beats_out, const Traffic& traffic, std::uint64_t seed);

// Ceilings.
int clog2(std::int64_t n);
inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// Clocks of ql_dot_product from its inputs to the sum, as rtl/README.md has it. `count` tells the
// kind that counts equal bits.
int dot_latency(int simd, int input_bits, bool input_signed, int weight_bits, bool count);

}  // namespace qloom::rtl_test
