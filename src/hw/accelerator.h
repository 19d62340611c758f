#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/codes/hw.h"
#include "base/int_type.h"
#include "hw/board.h"

// Which hardware computes a network: module instances, the streams between them, what they cost and
// how long they take. A plain value: it is written to accelerator.json and read back by whoever
// simulates or packages the design.
namespace qloom::hw {

struct Resources {
    double luts = 0.0;
    double ffs = 0.0;
    double bram36 = 0.0;  // in halves: a RAMB18 is 0.5
    double dsps = 0.0;

    Resources& operator+=(const Resources& other) {
        luts += other.luts;
        ffs += other.ffs;
        bram36 += other.bram36;
        dsps += other.dsps;
        return *this;
    }
    friend Resources operator+(Resources a, const Resources& b) { return a += b; }
    friend bool operator==(const Resources&, const Resources&) = default;
};

// pe: rows (output elements) a beat; simd: columns (input elements) a beat. Elementwise units have
// pe == simd conceptually and use pe alone.
struct Folding {
    std::int64_t pe = 1;
    std::int64_t simd = 1;
    friend bool operator==(const Folding&, const Folding&) = default;
};

// The modules of the RTL library that an accelerator instantiates (rtl/README.md).
enum class Module {
    kSkid,
    kFifo,
    kWidthConverter,
    kMatrixVector,
    kConstantMatrix,
    kThreshold,
    kLookup,
    kRequantize,
    kChannelAffine,
    kAdd,
    kMul,
    kFork,
    kConcat,
    kSplit,
    kArgmax,
    kRepeat,
    kInsertPixels,
    kGlobalReduce,
    kDepthToSpace,
    kPermuteChannels,
    kSlidingWindow,
    kParallelWindow,
    kVectorVector,
    kWindowReduce,
    kOutput
};
// "ql_matrix_vector"; kConstantMatrix is no module but a kind of them, one made for each unit.
std::string_view module_name(Module module);

// One parameter of an instance, as rtl/README.md names it.
struct Parameter {
    std::string name;
    std::variant<std::int64_t, std::string> value;
    friend bool operator==(const Parameter&, const Parameter&) = default;
};

struct Unit {
    std::string name;   // instance name in the RTL, unique
    std::string layer;  // the network layer it computes; "" for plumbing (converters, FIFOs, forks,
                        // output stages)
    std::string kind;   // "MatrixVector", "Threshold", ..., "WidthConverter", "Fifo", "Fork",
                        // "Output": for people
    std::string shape;  // "784 -> 64": for people
    Folding folding;
    std::int64_t cycles = 0;          // a frame, when nothing stalls
    std::int64_t weight_bits = 0;     // memory of weights, coefficients and tables
    std::int64_t threshold_bits = 0;  // memory of thresholds
    int accumulator_bits = 0;         // 0 where there is none
    Resources cost;                   // estimate
    Module module = Module::kSkid;
    std::vector<Parameter> parameters;

    // The value of an integer parameter; it must exist.
    [[nodiscard]] std::int64_t integer(std::string_view parameter) const;
    [[nodiscard]] std::string text(std::string_view parameter) const;
    // Whether its module is made for it alone; parameters then are facts about it, not the module's.
    [[nodiscard]] bool has_own_module() const { return module == Module::kConstantMatrix; }
    // The module's name in the RTL.
    [[nodiscard]] std::string rtl_module() const;
    friend bool operator==(const Unit&, const Unit&) = default;
};

// One end of a stream: a port of a unit, or of the accelerator itself when unit == kTop.
struct Endpoint {
    static constexpr int kTop = -1;
    static constexpr int kNowhere = -1;  // port of kTop: what nobody reads is taken and dropped
    int unit = kTop;
    int port = 0;
    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// A valid/ready stream from one producer to one consumer. `elements` of `type` a beat, element 0 in
// the low bits. Where the consumer wants wider elements (sink_bits > type.bits), they are sign- or
// zero-extended by wires on the way.
struct Channel {
    std::string name;  // of the network stream it carries
    IntType type;
    int sink_bits = 1;
    std::int64_t elements = 1;  // a beat
    std::int64_t beats = 1;     // a frame
    Endpoint from;
    Endpoint to;

    [[nodiscard]] std::int64_t bits() const { return elements * type.bits; }
    friend bool operator==(const Channel&, const Channel&) = default;
};

// A stream at the outside: AXI4-Stream `s_axis_N` or `m_axis_N` of qloom_top. Element k of a beat
// stands at bit k * element_bits; the beat is padded with zeros (inputs: ignored) to data_bits,
// whole bytes. Inputs have elements at their exact width; outputs have them sign- or zero-extended
// to 8, 16, 32 or 64 bits, and tlast on a frame's last beat.
struct Port {
    std::string name;    // "s_axis_0"
    std::string stream;  // name of the network stream
    IntType type;
    std::int64_t elements = 1;  // a frame
    std::int64_t elements_per_beat = 1;
    std::int64_t beats = 1;  // a frame
    int element_bits = 8;
    int data_bits = 8;

    friend bool operator==(const Port&, const Port&) = default;
};

struct Accelerator {
    Board board;
    double clock_mhz = 100.0;
    std::int64_t target_ii = 0;  // what was asked for
    std::int64_t ii_cycles =
        0;  // estimated by the stream model: cycles a frame in the steady state
    std::int64_t latency_cycles =
        0;  // first input beat accepted to last output beat, empty pipeline, nothing stalling
    std::vector<Unit> units;  // in the order of the network
    std::vector<Channel> channels;
    std::vector<Port> inputs;
    std::vector<Port> outputs;
    std::vector<std::string> notes;  // degraded or chosen facts a person should know

    [[nodiscard]] double fps() const { return clock_mhz * 1e6 / static_cast<double>(ii_cycles); }
    [[nodiscard]] Resources total() const;
    friend bool operator==(const Accelerator&, const Accelerator&) = default;
};

nlohmann::ordered_json to_json(const Accelerator& accelerator);
// Throws code::kAcceleratorFileBad; `where` names the file.
Accelerator accelerator_from_json(const nlohmann::ordered_json& json, const std::string& where);

}  // namespace qloom::hw
