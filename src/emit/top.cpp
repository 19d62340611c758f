#include "emit/top.h"

#include <algorithm>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "base/diagnostic.h"

namespace qloom::emit {
namespace {

using hw::Accelerator;
using hw::Channel;
using hw::Endpoint;
using hw::Module;
using hw::Parameter;
using hw::Port;
using hw::Unit;

std::string integer_literal(std::int64_t value) {
    if (value > std::numeric_limits<std::int32_t>::min() &&
        value <= std::numeric_limits<std::int32_t>::max()) {
        return fmt::format("{}", value);
    }
    // Past 32 bits a number needs its size.
    if (value < 0)
        return fmt::format("-64'sd{}", std::uint64_t{0} - static_cast<std::uint64_t>(value));
    return fmt::format("64'sd{}", value);
}

std::string parameter_text(const Parameter& parameter) {
    if (const auto* number = std::get_if<std::int64_t>(&parameter.value))
        return integer_literal(*number);
    const std::string& text = std::get<std::string>(parameter.value);
    // Beats is a number wider than an integer, written as a sized literal; every other text is a
    // string.
    return parameter.name == "Beats" ? text : "\"" + text + "\"";
}

class TopWriter {
public:
    explicit TopWriter(const Accelerator& accelerator, const std::vector<std::string>& modules = {})
        : accelerator_(accelerator), modules_(modules) {
        wires_.resize(accelerator.channels.size());
        inputs_.resize(accelerator.units.size());
        outputs_.resize(accelerator.units.size());
        for (std::size_t i = 0; i < accelerator.channels.size(); ++i) {
            const Channel& channel = accelerator.channels[i];
            wires_[i] = wire_name(channel);
            if (channel.from.unit != Endpoint::kTop) attach(outputs_, channel.from, i);
            if (channel.to.unit != Endpoint::kTop) attach(inputs_, channel.to, i);
        }
    }

    std::string text() {
        write_header();
        for (std::size_t i = 0; i < accelerator_.inputs.size(); ++i) write_input(i);
        for (std::size_t unit = 0; unit < accelerator_.units.size(); ++unit) write_unit(unit);
        for (std::size_t i = 0; i < accelerator_.channels.size(); ++i) write_dropped(i);
        text_ += "endmodule\n`default_nettype wire\n";
        return std::move(text_);
    }

private:
    using PortChannels = std::vector<std::vector<std::size_t>>;

    static void attach(PortChannels& ports, Endpoint end, std::size_t channel) {
        auto& list = ports[static_cast<std::size_t>(end.unit)];
        if (list.size() <= static_cast<std::size_t>(end.port))
            list.resize(static_cast<std::size_t>(end.port) + 1);
        list[static_cast<std::size_t>(end.port)] = channel;
    }

    // The stem of a stream's wires: who makes it.
    [[nodiscard]] std::string wire_name(const Channel& channel) const {
        if (channel.from.unit == Endpoint::kTop) return fmt::format("s_axis_{}", channel.from.port);
        if (channel.to.unit == Endpoint::kTop && channel.to.port != Endpoint::kNowhere) {
            return fmt::format("m_axis_{}", channel.to.port);
        }
        const Unit& unit = accelerator_.units[static_cast<std::size_t>(channel.from.unit)];
        const bool several = unit.module == Module::kFork || unit.module == Module::kSplit;
        return several ? fmt::format("{}_{}", unit.name, channel.from.port) : unit.name;
    }

    template <class... Args>
    void line(fmt::format_string<Args...> format, Args&&... args) {
        text_ += fmt::format(format, std::forward<Args>(args)...);
        text_ += '\n';
    }

    void write_header() {
        text_ +=
            "// qloom_top: the accelerator of one network, made by qloom; report.txt tells what "
            "each unit does and costs.\n//\n";
        for (const Port& port : accelerator_.inputs) {
            line("//   {}: {}, {} elements of {} a frame in {} beats of {}", port.name, port.stream,
                 port.elements, port.type.text(), port.beats, port.elements_per_beat);
        }
        for (const Port& port : accelerator_.outputs) {
            line("//   {}: {}, {} elements of {} a frame in {} beats of {}, {} bits an element",
                 port.name, port.stream, port.elements, port.type.text(), port.beats,
                 port.elements_per_beat, port.element_bits);
        }
        line("//\n// A frame every {} clocks, {} clocks from its first beat to its last result.",
             accelerator_.ii_cycles, accelerator_.latency_cycles);
        text_ += "`default_nettype none\nmodule qloom_top (\n";
        text_ += "    input  wire  logic ap_clk,\n    input  wire  logic ap_rst_n";
        for (const Port& port : accelerator_.inputs) {
            text_ += fmt::format(
                ",\n    input  wire  logic [{0}:0] {1}_tdata,\n    input  wire  logic {1}_tvalid,\n"
                "    output       logic {1}_tready",
                port.data_bits - 1, port.name);
        }
        for (const Port& port : accelerator_.outputs) {
            text_ += fmt::format(
                ",\n    output       logic [{0}:0] {1}_tdata,\n    output       logic {1}_tlast,\n"
                "    output       logic {1}_tvalid,\n    input  wire  logic {1}_tready",
                port.data_bits - 1, port.name);
        }
        text_ += "\n);\n    wire rst = !ap_rst_n;\n";
    }

    // Padding bits above the elements of an input beat carry nothing.
    void write_input(std::size_t index) {
        const Port& port = accelerator_.inputs[index];
        const std::int64_t used = port.elements_per_beat * port.element_bits;
        if (used < port.data_bits) {
            line("    wire unused_{0} = &{{1'b0, {0}_tdata[{1}:{2}]}};", port.name,
                 port.data_bits - 1, used);
        }
    }

    // What a consumer sees as data: the wires themselves, or their extension.
    [[nodiscard]] std::string data_of(std::size_t channel) const {
        const Channel& c = accelerator_.channels[channel];
        if (c.sink_bits != c.type.bits) return wires_[channel] + "_wide";
        return raw_data(channel);
    }
    [[nodiscard]] std::string raw_data(std::size_t channel) const {
        const Channel& c = accelerator_.channels[channel];
        if (c.from.unit != Endpoint::kTop) return wires_[channel] + "_tdata";
        const Port& port = accelerator_.inputs[static_cast<std::size_t>(c.from.port)];
        if (port.data_bits == c.bits()) return wires_[channel] + "_tdata";
        return fmt::format("{}_tdata[{}:0]", wires_[channel], c.bits() - 1);
    }

    void declare(std::size_t channel) {
        const Channel& c = accelerator_.channels[channel];
        if (c.to.unit == Endpoint::kTop && c.to.port != Endpoint::kNowhere)
            return;  // the port itself
        line("    logic [{}:0] {}_tdata;", c.bits() - 1, wires_[channel]);
        line("    logic {0}_tvalid, {0}_tready;", wires_[channel]);
    }

    void write_extension(std::size_t channel) {
        const Channel& c = accelerator_.channels[channel];
        if (c.sink_bits == c.type.bits) return;
        line("    logic [{}:0] {}_wide;", c.elements * c.sink_bits - 1, wires_[channel]);
        line(
            "    ql_resize #(.Elems({}), .InW({}), .InSigned({}), .OutW({})) {}_resize "
            "(.data_i({}), .data_o({}_wide));",
            c.elements, c.type.bits, c.type.is_signed ? 1 : 0, c.sink_bits, wires_[channel],
            raw_data(channel), wires_[channel]);
    }

    // Several ways in one flat vector: way 0 low.
    template <class F>
    static std::string flat(const std::vector<std::size_t>& channels, F&& part) {
        if (channels.size() == 1) return part(channels[0]);
        std::vector<std::string> parts;
        for (auto channel = channels.rbegin(); channel != channels.rend(); ++channel)
            parts.push_back(part(*channel));
        return fmt::format("{{{}}}", fmt::join(parts, ", "));
    }

    void write_stream(const char* prefix, const std::vector<std::size_t>& channels, bool is_input,
                      bool has_last) {
        text_ += fmt::format(
            ",\n        .{0}_tdata({1}), .{0}_tvalid({2}), .{0}_tready({3})", prefix,
            flat(channels,
                 [&](std::size_t c) { return is_input ? data_of(c) : wires_[c] + "_tdata"; }),
            flat(channels, [&](std::size_t c) { return wires_[c] + "_tvalid"; }),
            flat(channels, [&](std::size_t c) { return wires_[c] + "_tready"; }));
        if (has_last) text_ += fmt::format(", .{}_tlast({}_tlast)", prefix, wires_[channels[0]]);
    }

    void write_unit(std::size_t index) {
        const Unit& unit = accelerator_.units[index];
        text_ += '\n';
        if (unit.layer.empty()) {
            line("    // {} {}", unit.kind, unit.shape);
        } else {
            line("    // {} {}: {} cycles a frame", unit.kind, unit.shape, unit.cycles);
        }
        for (const std::size_t channel : outputs_[index]) declare(channel);
        for (const std::size_t channel : inputs_[index]) write_extension(channel);
        std::vector<std::string> parameters;
        for (const Parameter& parameter : unit.parameters) {
            parameters.push_back(fmt::format(".{}({})", parameter.name, parameter_text(parameter)));
        }
        if (modules_.empty() && unit.has_own_module()) {
            line("    {} {} (", unit.rtl_module(), unit.name);
        } else if (modules_.empty()) {
            line("    {} #(\n        {}\n    ) {} (", hw::module_name(unit.module),
                 fmt::join(parameters, ", "), unit.name);
        } else {
            line("    {} {} (", modules_[index], unit.name);
        }
        text_ += "        .clk(ap_clk), .rst(rst)";
        if (unit.module == Module::kAdd || unit.module == Module::kMul) {
            write_stream("s_axis_a", {inputs_[index][0]}, true, false);
            write_stream("s_axis_b", {inputs_[index][1]}, true, false);
        } else {
            write_stream("s_axis", inputs_[index], true, false);
        }
        write_stream("m_axis", outputs_[index], false, unit.module == Module::kOutput);
        text_ += "\n    );\n";
    }

    // What nobody reads is taken and dropped.
    void write_dropped(std::size_t channel) {
        const Channel& c = accelerator_.channels[channel];
        if (c.to.unit != Endpoint::kTop || c.to.port != Endpoint::kNowhere) return;
        line("\n    assign {}_tready = 1'b1;", wires_[channel]);
        line("    wire unused_{0}_dropped = &{{1'b0, {1}, {0}_tvalid}};", wires_[channel],
             raw_data(channel));
    }

    const Accelerator& accelerator_;
    std::vector<std::string> modules_;  // in place of the library's, without parameters; or empty
    std::vector<std::string> wires_;
    PortChannels inputs_;
    PortChannels outputs_;
    std::string text_;
};

}  // namespace

std::string top_text(const Accelerator& accelerator) { return TopWriter(accelerator).text(); }

std::string top_text(const Accelerator& accelerator, const std::vector<std::string>& modules) {
    QLOOM_ASSERT(modules.size() == accelerator.units.size(), "every unit has its module");
    return TopWriter(accelerator, modules).text();
}

}  // namespace qloom::emit
