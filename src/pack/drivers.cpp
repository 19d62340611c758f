#include "pack/drivers.h"

#include <bit>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/diagnostic.h"
#include "base/npy.h"
#include "pack/embedded_deploy.h"
#include "pack/stream_bytes.h"

namespace qloom::pack {
namespace {

using emit::TextFile;
using OrderedJson = nlohmann::ordered_json;

OrderedJson port_json(const hw::Port& port) {
    return {{"elements", port.elements},
            {"beats", port.beats},
            {"elements_per_beat", port.elements_per_beat},
            {"element_bits", port.element_bits},
            {"data_bits", port.data_bits},
            {"bits", port.type.bits},
            {"signed", port.type.is_signed}};
}

// What the DMA reaches from address 0 on: the whole memory of the board, or the lower two gigabytes
// of it.
std::uint64_t address_end(const hw::Board& board) {
    return std::bit_ceil(board.memory_base + board.memory_bytes);
}

OrderedJson model_json(const DriverFacts& facts) {
    const HostInput& in = facts.view->input;
    const HostOutput& out = facts.view->output;
    OrderedJson input = port_json(facts.accelerator->inputs.front());
    input["tensor"] = in.tensor;
    input["shape"] = in.shape;
    input["order"] = in.order;
    input["scale"] = in.scale;
    input["bias"] = in.bias;
    input["range"] = {in.range.lo, in.range.hi};
    input["quantiser"] = nullptr;
    if (in.quantiser) {
        input["quantiser"] = {{"scale", in.quantiser->scale},
                              {"zero_point", in.quantiser->zero_point},
                              {"low", in.quantiser->low},
                              {"high", in.quantiser->high}};
    }
    input["host_before"] = in.operators;
    OrderedJson output = port_json(facts.accelerator->outputs.front());
    output["tensor"] = out.tensor;
    output["shape"] = out.shape;
    output["order"] = out.order;
    output["scale"] = out.scale;
    output["bias"] = out.bias;
    output["integer"] = out.integer;
    output["host_after"] = out.operators;
    return {{"board", facts.board->name},
            {"clock_mhz", facts.accelerator->clock_mhz},
            {"ii_cycles", facts.accelerator->ii_cycles},
            {"latency_cycles", facts.accelerator->latency_cycles},
            {"fps", std::floor(facts.accelerator->fps())},
            {"dma",
             {{"name", "axi_dma_0"},
              {"base", facts.board->dma_base},
              {"max_bytes", facts.plan->max_bytes()},
              {"align_bytes", facts.plan->memory_bits / 8},
              {"address_end", address_end(*facts.board)}}},
            {"input", input},
            {"output", output}};
}

Tensor<std::int64_t> rows_of(const network::Frames& frames) {
    Tensor<std::int64_t> integers = network::integers_of(frames);
    const std::int64_t count = integers.dim(0);
    return std::move(integers).reshaped(
        {count, integers.size() / std::max<std::int64_t>(count, 1)});
}

NpyType npy_type(IntType type) {
    if (!type.is_signed && type.bits <= 8) return NpyType::kUint8;
    if (type.bits <= 8) return NpyType::kInt8;
    if (type.bits <= (type.is_signed ? 16 : 15)) return NpyType::kInt16;
    return type.bits <= (type.is_signed ? 32 : 31) ? NpyType::kInt32 : NpyType::kInt64;
}

void add_embedded(const std::vector<EmbeddedFile>& embedded, const std::string& folder,
                  std::vector<TextFile>& files) {
    for (const EmbeddedFile& file : embedded) {
        files.push_back({folder + std::string(file.name), std::string(file.text)});
    }
}

std::string cpp_port(const char* name, const hw::Port& port) {
    return fmt::format(
        "    .{} = {{.elements = {}, .beats = {}, .elements_per_beat = {}, .element_bits = {}, "
        ".data_bits = {},\n"
        "        .is_signed = {}}},\n",
        name, port.elements, port.beats, port.elements_per_beat, port.element_bits, port.data_bits,
        port.type.is_signed ? "true" : "false");
}

template <class T>
std::string cpp_array(const char* type, const char* name, const std::vector<T>& values) {
    if (values.empty()) return {};
    std::string text = fmt::format("inline const {} {}[] = {{", type, name);
    for (std::size_t i = 0; i < values.size(); ++i) {
        text += i % 16 == 0 ? "\n    " : " ";
        fmt::format_to(std::back_inserter(text), "{},", values[i]);
    }
    return text + "\n};\n";
}

std::string array_use(const char* name, bool is_empty) { return is_empty ? "{}" : name; }

// A C++ string literal.
std::string quoted(const std::vector<std::string>& names) {
    std::string text = "\"";
    for (const char c : fmt::format("{}", fmt::join(names, ", "))) {
        if (c == '"' || c == '\\') text += '\\';
        text += c;
    }
    return text + "\"";
}

std::string model_header(const DriverFacts& facts) {
    const HostInput& in = facts.view->input;
    const HostOutput& out = facts.view->output;
    std::string text =
        "// The network and its two streams, made by qloom.\n#pragma once\n\n#include "
        "\"accelerator.h\"\n\n"
        "namespace qloom {\n\n";
    text += cpp_array("double", "kInputScale", in.scale) +
            cpp_array("double", "kInputBias", in.bias) +
            cpp_array("std::int32_t", "kInputOrder", in.order);
    text += cpp_array("double", "kOutputScale", out.scale) +
            cpp_array("double", "kOutputBias", out.bias) +
            cpp_array("std::int32_t", "kOutputOrder", out.order);
    text += "\ninline const Model kModel{\n";
    text += cpp_port("input", facts.accelerator->inputs.front()) +
            cpp_port("output", facts.accelerator->outputs.front());
    text += fmt::format(
        "    .input_scale = kInputScale, .input_bias = kInputBias, .input_order = {},\n",
        array_use("kInputOrder", in.order.empty()));
    text += fmt::format("    .input_low = {}, .input_high = {},\n", in.range.lo, in.range.hi);
    if (in.quantiser) {
        text += fmt::format(
            "    .has_quantiser = true, .quantiser = {{.scale = {}F, .zero_point = {}F, .low = {}, "
            ".high = {}}},\n",
            fmt::format("{:#}", in.quantiser->scale), fmt::format("{:#}", in.quantiser->zero_point),
            in.quantiser->low, in.quantiser->high);
    }
    text += fmt::format(
        "    .output_scale = kOutputScale, .output_bias = kOutputBias, .output_order = {},\n",
        array_use("kOutputOrder", out.order.empty()));
    text += fmt::format("    .host_before = {}, .host_after = {},\n", quoted(in.operators),
                        quoted(out.operators));
    text +=
        fmt::format("    .dma_base = 0x{:08X}, .dma_max_bytes = {}, .dma_address_end = 0x{:X},\n",
                    facts.board->dma_base, facts.plan->max_bytes(), address_end(*facts.board));
    text += fmt::format("    .frames_per_second = {:.0f}}};\n\n}}  // namespace qloom\n",
                        std::floor(facts.accelerator->fps()));
    return text;
}

std::string samples_header(const Samples& samples) {
    const Tensor<std::int64_t> in = rows_of(samples.inputs);
    const Tensor<std::int64_t> out = rows_of(samples.outputs);
    const auto values = [](const Tensor<std::int64_t>& tensor) {
        return std::vector<std::int64_t>(tensor.values().begin(), tensor.values().end());
    };
    std::string text =
        "// Frames to run and what the integer engine makes of them, made by qloom.\n#pragma "
        "once\n\n"
        "#include <cstdint>\n\nnamespace qloom {\n\n";
    text += fmt::format("inline constexpr int kSamples = {};\n", in.dim(0));
    text += cpp_array("std::int64_t", "kSampleInputs", values(in)) +
            cpp_array("std::int64_t", "kSampleOutputs", values(out));
    return text + "\n}  // namespace qloom\n";
}

// A device-tree fragment: the DMA's registers as a UIO device, and memory for its buffers.
std::string device_tree(const DriverFacts& facts) {
    const bool is_64 = facts.board->processing_system == hw::ProcessingSystem::kZynqUltraScale;
    return fmt::format(
        R"(/* For the device tree of the running Linux: DMA registers and a buffer, visible to programs. Made by qloom.
 * Compile: dtc -@ -O dtb -o qloom.dtbo qloom.dtso */
/dts-v1/;
/plugin/;
&{0} {{
    qloom_dma: qloom-dma@{1:x} {{
        compatible = "generic-uio";
        reg = <{2}>;
    }};
    qloom_buffer: qloom-buffer {{
        compatible = "ikwzm,u-dma-buf";
        device-name = "udmabuf-qloom";
        size = <0x00800000>;
    }};
}};
)",
        is_64 ? "{/}" : "amba", facts.board->dma_base,
        is_64 ? fmt::format("0x0 0x{:08x} 0x0 0x10000", facts.board->dma_base)
              : fmt::format("0x{:08x} 0x10000", facts.board->dma_base));
}

}  // namespace

std::vector<TextFile> pynq_files(const DriverFacts& facts, const Samples& samples) {
    std::vector<TextFile> files;
    add_embedded(embedded_pynq(), "pynq/", files);
    files.push_back({"pynq/model.json", model_json(facts).dump(1) + "\n"});
    files.push_back(
        {"pynq/samples.npy",
         serialise_npy(rows_of(samples.inputs), npy_type(facts.accelerator->inputs.front().type))});
    files.push_back(
        {"pynq/expected.npy", serialise_npy(rows_of(samples.outputs),
                                            npy_type(facts.accelerator->outputs.front().type))});
    if (!samples.labels.empty()) {
        const auto count = static_cast<std::int64_t>(samples.labels.size());
        files.push_back(
            {"pynq/labels.npy",
             serialise_npy(Tensor<std::int64_t>({count}, samples.labels), NpyType::kInt64)});
    }
    return files;
}

std::vector<TextFile> linux_files(const DriverFacts& facts, const Samples& samples) {
    std::vector<TextFile> files;
    add_embedded(embedded_linux(), "linux/", files);
    files.push_back({"linux/model.h", model_header(facts)});
    files.push_back({"linux/samples.h", samples_header(samples)});
    files.push_back({"linux/qloom.dtso", device_tree(facts)});
    return files;
}

std::vector<TextFile> vitis_files() {
    std::vector<TextFile> files;
    add_embedded(embedded_vitis(), "firmware/vitis/", files);
    return files;
}

}  // namespace qloom::pack
