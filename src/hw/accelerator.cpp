#include "hw/accelerator.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "base/codes/hw.h"
#include "base/diagnostic.h"

namespace qloom::hw {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

constexpr int kFormat = 1;

struct ModuleName {
    Module module;
    std::string_view name;
};
constexpr std::array kModules{ModuleName{Module::kSkid, "ql_skid"},
                              ModuleName{Module::kFifo, "ql_fifo"},
                              ModuleName{Module::kWidthConverter, "ql_width_converter"},
                              ModuleName{Module::kMatrixVector, "ql_matrix_vector"},
                              ModuleName{Module::kConstantMatrix, "constant_matrix"},
                              ModuleName{Module::kThreshold, "ql_threshold"},
                              ModuleName{Module::kLookup, "ql_lookup"},
                              ModuleName{Module::kRequantize, "ql_requantize"},
                              ModuleName{Module::kChannelAffine, "ql_channel_affine"},
                              ModuleName{Module::kAdd, "ql_add"},
                              ModuleName{Module::kMul, "ql_mul"},
                              ModuleName{Module::kFork, "ql_fork"},
                              ModuleName{Module::kConcat, "ql_concat"},
                              ModuleName{Module::kSplit, "ql_split"},
                              ModuleName{Module::kArgmax, "ql_argmax"},
                              ModuleName{Module::kRepeat, "ql_repeat"},
                              ModuleName{Module::kInsertPixels, "ql_insert_pixels"},
                              ModuleName{Module::kGlobalReduce, "ql_global_reduce"},
                              ModuleName{Module::kDepthToSpace, "ql_depth_to_space"},
                              ModuleName{Module::kPermuteChannels, "ql_permute_channels"},
                              ModuleName{Module::kSlidingWindow, "ql_sliding_window"},
                              ModuleName{Module::kParallelWindow, "ql_parallel_window"},
                              ModuleName{Module::kVectorVector, "ql_vector_vector"},
                              ModuleName{Module::kWindowReduce, "ql_window_reduce"},
                              ModuleName{Module::kOutput, "ql_output"}};

Module parse_module(const std::string& name) {
    for (const ModuleName& module : kModules) {
        if (name == module.name) return module.module;
    }
    throw std::invalid_argument("unknown module " + name);
}

OrderedJson json_of(const IntType& type) {
    return {{"bits", type.bits}, {"signed", type.is_signed}};
}
IntType type_of(const Json& json) {
    return {.bits = json.at("bits").get<int>(),
            .is_signed = json.at("signed").get<bool>(),
            .narrow = false};
}

OrderedJson json_of(const Resources& cost) {
    return {{"luts", cost.luts}, {"ffs", cost.ffs}, {"bram36", cost.bram36}, {"dsps", cost.dsps}};
}
Resources resources_of(const Json& json) {
    return {json.at("luts").get<double>(), json.at("ffs").get<double>(),
            json.at("bram36").get<double>(), json.at("dsps").get<double>()};
}

OrderedJson json_of(const Unit& unit) {
    OrderedJson parameters = OrderedJson::object();
    for (const Parameter& parameter : unit.parameters) {
        std::visit([&](const auto& value) { parameters[parameter.name] = value; }, parameter.value);
    }
    return {{"name", unit.name},
            {"layer", unit.layer},
            {"kind", unit.kind},
            {"shape", unit.shape},
            {"pe", unit.folding.pe},
            {"simd", unit.folding.simd},
            {"cycles", unit.cycles},
            {"weight_bits", unit.weight_bits},
            {"threshold_bits", unit.threshold_bits},
            {"accumulator_bits", unit.accumulator_bits},
            {"cost", json_of(unit.cost)},
            {"module", module_name(unit.module)},
            {"parameters", parameters}};
}
Unit unit_of(const OrderedJson& json) {
    Unit unit;
    unit.name = json.at("name").get<std::string>();
    unit.layer = json.at("layer").get<std::string>();
    unit.kind = json.at("kind").get<std::string>();
    unit.shape = json.at("shape").get<std::string>();
    unit.folding = {json.at("pe").get<std::int64_t>(), json.at("simd").get<std::int64_t>()};
    unit.cycles = json.at("cycles").get<std::int64_t>();
    unit.weight_bits = json.at("weight_bits").get<std::int64_t>();
    unit.threshold_bits = json.at("threshold_bits").get<std::int64_t>();
    unit.accumulator_bits = json.at("accumulator_bits").get<int>();
    unit.cost = resources_of(Json(json.at("cost")));
    unit.module = parse_module(json.at("module").get<std::string>());
    for (const auto& [name, value] : json.at("parameters").items()) {
        if (value.is_string()) {
            unit.parameters.push_back({name, value.get<std::string>()});
        } else {
            unit.parameters.push_back({name, value.get<std::int64_t>()});
        }
    }
    return unit;
}

OrderedJson json_of(const Endpoint& end) { return OrderedJson::array({end.unit, end.port}); }
Endpoint endpoint_of(const Json& json) { return {json.at(0).get<int>(), json.at(1).get<int>()}; }

OrderedJson json_of(const Channel& channel) {
    return {{"name", channel.name},           {"type", json_of(channel.type)},
            {"sink_bits", channel.sink_bits}, {"elements", channel.elements},
            {"beats", channel.beats},         {"from", json_of(channel.from)},
            {"to", json_of(channel.to)}};
}
Channel channel_of(const Json& json) {
    return {.name = json.at("name").get<std::string>(),
            .type = type_of(json.at("type")),
            .sink_bits = json.at("sink_bits").get<int>(),
            .elements = json.at("elements").get<std::int64_t>(),
            .beats = json.at("beats").get<std::int64_t>(),
            .from = endpoint_of(json.at("from")),
            .to = endpoint_of(json.at("to"))};
}

OrderedJson json_of(const Port& port) {
    return {{"name", port.name},
            {"stream", port.stream},
            {"type", json_of(port.type)},
            {"elements", port.elements},
            {"elements_per_beat", port.elements_per_beat},
            {"beats", port.beats},
            {"element_bits", port.element_bits},
            {"data_bits", port.data_bits}};
}
Port port_of(const Json& json) {
    return {.name = json.at("name").get<std::string>(),
            .stream = json.at("stream").get<std::string>(),
            .type = type_of(json.at("type")),
            .elements = json.at("elements").get<std::int64_t>(),
            .elements_per_beat = json.at("elements_per_beat").get<std::int64_t>(),
            .beats = json.at("beats").get<std::int64_t>(),
            .element_bits = json.at("element_bits").get<int>(),
            .data_bits = json.at("data_bits").get<int>()};
}

OrderedJson json_of(const Board& board) {
    OrderedJson json = {{"name", board.name},
                        {"title", board.title},
                        {"part", board.part},
                        {"luts", board.luts},
                        {"ffs", board.ffs},
                        {"bram36", board.bram36},
                        {"dsps", board.dsps},
                        {"uram", board.uram},
                        {"clock_mhz", board.clock_mhz},
                        {"processing_system", processing_system_name(board.processing_system)},
                        {"board_part", board.board_part},
                        {"uart_base", board.uart_base},
                        {"dma_base", board.dma_base},
                        {"memory_base", board.memory_base},
                        {"memory_bytes", board.memory_bytes},
                        {"memory_port_bits", board.memory_port_bits},
                        {"cpu_mhz", board.cpu_mhz}};
    if (board.ice40) {
        json["ice40"] = {{"device", board.ice40->device},
                         {"package", board.ice40->package},
                         {"ram4k", board.ice40->ram4k},
                         {"oscillator_mhz", board.ice40->oscillator_mhz},
                         {"clock_pin_is_pll", board.ice40->clock_pin_is_pll},
                         {"baud", board.ice40->baud},
                         {"clock_pin", board.ice40->clock_pin},
                         {"rx_pin", board.ice40->rx_pin},
                         {"tx_pin", board.ice40->tx_pin},
                         {"led_pin", board.ice40->led_pin}};
    }
    return json;
}
Board board_of(const Json& json) {
    Board board;
    board.name = json.at("name").get<std::string>();
    board.title = json.at("title").get<std::string>();
    board.part = json.at("part").get<std::string>();
    board.luts = json.at("luts").get<std::int64_t>();
    board.ffs = json.at("ffs").get<std::int64_t>();
    board.bram36 = json.at("bram36").get<std::int64_t>();
    board.dsps = json.at("dsps").get<std::int64_t>();
    board.uram = json.at("uram").get<std::int64_t>();
    board.clock_mhz = json.at("clock_mhz").get<double>();
    const std::string system = json.at("processing_system").get<std::string>();
    for (const auto candidate : {ProcessingSystem::kNone, ProcessingSystem::kZynq7000,
                                 ProcessingSystem::kZynqUltraScale}) {
        if (system == processing_system_name(candidate)) board.processing_system = candidate;
    }
    board.board_part = json.at("board_part").get<std::string>();
    board.uart_base = json.at("uart_base").get<std::uint64_t>();
    board.dma_base = json.at("dma_base").get<std::uint64_t>();
    board.memory_base = json.at("memory_base").get<std::uint64_t>();
    board.memory_bytes = json.at("memory_bytes").get<std::uint64_t>();
    board.memory_port_bits = json.at("memory_port_bits").get<int>();
    board.cpu_mhz = json.at("cpu_mhz").get<double>();
    if (json.contains("ice40")) {
        const Json& ice40 = json.at("ice40");
        board.ice40 = Ice40Board{.device = ice40.at("device").get<std::string>(),
                                 .package = ice40.at("package").get<std::string>(),
                                 .ram4k = ice40.at("ram4k").get<std::int64_t>(),
                                 .oscillator_mhz = ice40.at("oscillator_mhz").get<double>(),
                                 .clock_pin_is_pll = ice40.at("clock_pin_is_pll").get<bool>(),
                                 .baud = ice40.at("baud").get<std::int64_t>(),
                                 .clock_pin = ice40.at("clock_pin").get<std::string>(),
                                 .rx_pin = ice40.at("rx_pin").get<std::string>(),
                                 .tx_pin = ice40.at("tx_pin").get<std::string>(),
                                 .led_pin = ice40.at("led_pin").get<std::string>()};
    }
    return board;
}

template <class T>
OrderedJson json_list(const std::vector<T>& values) {
    OrderedJson list = OrderedJson::array();
    for (const T& value : values) list.push_back(json_of(value));
    return list;
}

}  // namespace

std::string_view module_name(Module module) {
    const auto* found = std::ranges::find(kModules, module, &ModuleName::module);
    QLOOM_ASSERT(found != kModules.end(), "every module has a name");
    return found->name;
}

std::string Unit::rtl_module() const {
    return has_own_module() ? "constant_" + name : std::string(module_name(module));
}

std::int64_t Unit::integer(std::string_view parameter) const {
    const auto found = std::ranges::find(parameters, parameter, &Parameter::name);
    QLOOM_ASSERT(found != parameters.end(), "the unit has the parameter");
    return std::get<std::int64_t>(found->value);
}

std::string Unit::text(std::string_view parameter) const {
    const auto found = std::ranges::find(parameters, parameter, &Parameter::name);
    QLOOM_ASSERT(found != parameters.end(), "the unit has the parameter");
    return std::get<std::string>(found->value);
}

Resources Accelerator::total() const {
    Resources sum;
    for (const Unit& unit : units) sum += unit.cost;
    return sum;
}

OrderedJson to_json(const Accelerator& accelerator) {
    return {{"format", kFormat},
            {"board", json_of(accelerator.board)},
            {"clock_mhz", accelerator.clock_mhz},
            {"target_ii", accelerator.target_ii},
            {"ii_cycles", accelerator.ii_cycles},
            {"latency_cycles", accelerator.latency_cycles},
            {"inputs", json_list(accelerator.inputs)},
            {"outputs", json_list(accelerator.outputs)},
            {"units", json_list(accelerator.units)},
            {"channels", json_list(accelerator.channels)},
            {"notes", accelerator.notes}};
}

Accelerator accelerator_from_json(const OrderedJson& json, const std::string& where) {
    try {
        if (json.at("format").get<int>() != kFormat)
            throw std::invalid_argument("another format version");
        Accelerator accelerator;
        accelerator.board = board_of(Json(json.at("board")));
        accelerator.clock_mhz = json.at("clock_mhz").get<double>();
        accelerator.target_ii = json.at("target_ii").get<std::int64_t>();
        accelerator.ii_cycles = json.at("ii_cycles").get<std::int64_t>();
        accelerator.latency_cycles = json.at("latency_cycles").get<std::int64_t>();
        for (const auto& item : json.at("inputs"))
            accelerator.inputs.push_back(port_of(Json(item)));
        for (const auto& item : json.at("outputs"))
            accelerator.outputs.push_back(port_of(Json(item)));
        for (const auto& item : json.at("units")) accelerator.units.push_back(unit_of(item));
        for (const auto& item : json.at("channels"))
            accelerator.channels.push_back(channel_of(Json(item)));
        accelerator.notes = json.at("notes").get<std::vector<std::string>>();
        return accelerator;
    } catch (const std::exception& error) {
        throw Error(code::kAcceleratorFileBad, where,
                    fmt::format("cannot be read ({})", error.what()), "compile the network again");
    }
}

}  // namespace qloom::hw
